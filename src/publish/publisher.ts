/**
 * The publishing side of a bus.
 *
 * *Accepting.* When an event is accepted, its bytes, its time, its sequence and who wants it are settled. The three verbs
 * differ only in what happens when the ring is full: `publish` queues, `tryPublish` refuses, `publishSync` waits.
 *
 * *Order.* While the heap queue holds anything, nothing is written but the queue. While an event is being encoded, what
 * its own getters publish goes to the queue behind it. The event that a `publishSync` waits with stands in the queue, too.
 */
import {
  BusClosedError,
  InvalidTopicError,
  PublishTimeoutError,
  QueueFullError,
  ReentrantPublishError,
  WouldDeadlockError,
} from '../errors.js';
import { monotonicMs } from '../host/timing.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { checkNamespace } from '../topic/topic.js';
import { BurstFlush, type Flush } from './burst-flush.js';
import type { Clock } from './clock.js';
import type { EventTypes } from './event-types.js';
import { EventWriter } from './event-writer.js';
import { Forwarder } from './forwarder.js';
import { LateJoins } from './late-joins.js';
import { PendingQueue, type PendingRecord } from './pending-queue.js';
import type { Readers } from './readers.js';
import type { StallWatch } from './stall-watch.js';
import type { TopicEntry } from './topic-entry.js';
import type { TopicTable } from './topic-table.js';

/** Longest blocked wait between two looks at what holds the ring. */
const BLOCK_SLICE_MS = 50;

/** What of a bus's options decides how it publishes. */
export interface PublisherOptions {
  /** Of events published without one. */
  readonly namespace: string;
  /** What may wait behind a full ring. */
  readonly maxPendingBytes: number;
  /** Whether events that nobody wants are written all the same. */
  readonly keepUnwanted: boolean;
  readonly flush: Flush;
  readonly clock: Clock;
}

/** Counters since the bus began. */
export interface PublisherCounts {
  /** Events accepted, those that nobody wanted included. */
  accepted: number;
  /** Events that nobody wanted; they were not written. */
  unwanted: number;
  /** Events that `tryPublish` refused. */
  refused: number;
}

export class Publisher {
  readonly counts: PublisherCounts = { accepted: 0, unwanted: 0, refused: 0 };
  readonly queue = new PendingQueue();
  readonly #writer: RingWriter;
  readonly #topics: TopicTable;
  readonly #events: EventWriter;
  readonly #forwarder: Forwarder;
  readonly #late = new LateJoins();
  readonly #burst: BurstFlush;
  readonly #readers: Readers;
  readonly #stalls: StallWatch;
  readonly #namespace: string;
  /** The last one that was given, which is valid. */
  #lastNamespace: string | undefined;
  readonly #maxPendingBytes: number;
  readonly #keepUnwanted: boolean;
  readonly #onQueued: () => void;
  readonly #onBlocked: () => void;
  /** Places of the queue ahead of the event that is being encoded, the outermost; -1: none is. */
  #encodedBehind = -1;
  /** Events in the queue that a publishSync waits with: more than one when a listener calls it, too. */
  #tentative = 0;
  #abandoned = false;

  /**
   * @param onQueued called when something was queued
   * @param onBlocked called after a blocked wait, which has taken the place of any other wait for room
   */
  constructor(
    writer: RingWriter,
    topics: TopicTable,
    types: EventTypes,
    readers: Readers,
    stalls: StallWatch,
    options: PublisherOptions,
    onQueued: () => void,
    onBlocked: () => void,
  ) {
    this.#writer = writer;
    this.#topics = topics;
    this.#readers = readers;
    this.#stalls = stalls;
    this.#namespace = options.namespace;
    this.#maxPendingBytes = options.maxPendingBytes;
    this.#keepUnwanted = options.keepUnwanted;
    this.#onQueued = onQueued;
    this.#onBlocked = onBlocked;
    this.#burst = new BurstFlush(writer, options.flush === 'each');
    this.#forwarder = new Forwarder(writer, types);
    this.#events = new EventWriter(writer, topics, types, options.clock);
  }

  /** The sequence of the event that is accepted next; while one is on its way, its own. */
  get nextSequence(): number {
    return this.#writer.sequence + this.#settledPlaces();
  }

  /** True while an event is being encoded, or on its way before others that were accepted before it. */
  get isOrderOpen(): boolean {
    return this.#encodedBehind >= 0 || this.#settledPlaces() + this.#tentative < this.queue.length;
  }

  /** Calls back with the first sequence behind all whose publishing has begun by now: at once, or when that is settled. */
  whenEndSettled(act: (endSequence: number) => void): void {
    if (this.#encodedBehind < 0 && this.#tentative === 0) act(this.nextSequence);
    else this.#late.end(act);
  }

  /**
   * Told of a subscription that was made just now, from the next sequence on.
   *
   * @param passBy told the sequence of each event that was accepted before it all the same, before that is written
   */
  joined(reader: number, passBy: (sequence: number) => void): void {
    const places = this.#settledPlaces();
    if (places === this.queue.length) return;
    const behind = [...this.queue].slice(places);
    this.wantTentative(reader);
    this.#late.add(
      behind.filter(({ tentative }) => tentative !== true),
      passBy,
    );
  }

  /** Lets no reader sleep through an event that a publishSync waits with: what it wants may have changed meanwhile. */
  wantTentative(reader: number): void {
    if (this.#tentative > 0) this.queue.want(reader);
  }

  /** Room that a waiting publisher waits for: enough for the largest record behind the largest padding. */
  get roomBytes(): number {
    return this.#writer.maxRecordBytes * 2;
  }

  publish(topic: string, event: unknown, namespace: string | undefined): boolean {
    const entry = this.#wantedEntry(topic, namespace);
    if (entry === undefined) return true;
    const ahead = this.queue.length;
    const record = this.#write(entry, event, namespace);
    if (record === undefined) return true;
    this.#enqueue(record, ahead);
    return false;
  }

  tryPublish(topic: string, event: unknown, namespace: string | undefined): boolean {
    const entry = this.#wantedEntry(topic, namespace);
    if (entry === undefined) return true;
    if (this.#isDirect() && this.#write(entry, event, namespace) === undefined) return true;
    this.counts.refused++;
    // What its getters published was accepted all the same.
    this.#writeBehind();
    return false;
  }

  publishSync(topic: string, event: unknown, namespace: string | undefined, timeoutMs: number): void {
    if (this.#encodedBehind >= 0) throw new ReentrantPublishError('publishSync');
    const entry = this.#wantedEntry(topic, namespace);
    if (entry === undefined) return;
    const ahead = this.queue.length;
    const record = this.#write(entry, event, namespace);
    if (record === undefined) return;
    record.tentative = true;
    this.queue.insert(record, ahead);
    this.#tentative++;
    const deadlineMs = monotonicMs() + timeoutMs;
    try {
      // Or whoever publishes when told of an eviction writes it.
      while (record.tentative) {
        if (this.#abandoned) throw new BusClosedError('publishSync');
        if (!this.#writeFirst()) this.#blockUntil(deadlineMs, timeoutMs);
      }
      this.#stalls.reset();
    } finally {
      if (record.tentative) {
        this.queue.remove(record);
        this.#tentative--;
      }
      // What its getters published was accepted in any case.
      this.#writeBehind();
    }
  }

  /** Puts an envelope from elsewhere into the ring. Returns as {@link publish} does. */
  forward(bytes: Uint8Array): boolean {
    const topic = this.#isDirect() ? this.#forwarder.place(bytes) : undefined;
    if (topic === undefined) return this.#forwardScanned(bytes);
    const entry = this.#wantedEntry(topic, undefined);
    if (entry === undefined) return true;
    this.#forwarder.commit(entry);
    this.#accepted();
    return true;
  }

  #forwardScanned(bytes: Uint8Array): boolean {
    const envelope = this.#forwarder.read(bytes);
    const entry = this.#wantedEntry(envelope.topic, undefined);
    const typeId = this.#forwarder.remember(envelope);
    if (entry === undefined) return true;
    const { body, payloadOffset, seconds, nanos } = envelope;
    const { id: topicId, wantedLow, wantedHigh } = entry;
    this.#events.checkSize(body.length, entry.topic);
    const { endsAsked: endsBefore } = this.#late;
    const record = { body, topicId, payloadOffset, typeId, seconds, nanos, wantedLow, wantedHigh, endsBefore };
    if (this.#isDirect() && this.#events.writeRecord(record)) {
      this.#accepted();
      return true;
    }
    // The caller may reuse its bytes.
    this.#enqueue({ ...record, body: Buffer.from(body) }, this.queue.length);
    return false;
  }

  /** Publishes on a topic that users may not. Returns its sequence, or -1 when nobody wants it. */
  publishReserved(topic: string, event: unknown): number {
    const entry = this.#topics.entry(topic);
    if (!this.#isWritten(entry)) return -1;
    const sequence = this.nextSequence;
    // Before an event on its way, or its sequence could not be said.
    const ahead = this.#settledPlaces();
    const record = this.#write(entry, event, undefined);
    if (record !== undefined) {
      record.endsBefore = 0;
      this.#enqueue(record, ahead);
    }
    return sequence;
  }

  /** Fails whoever waits in `publishSync`; nothing that is queued is written any more. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Wakes sleeping subscribers now. */
  flush(): void {
    this.#burst.flush();
  }

  /** Moves the queue into the ring as far as there is room. Returns whether all of it went. */
  writeQueued(): boolean {
    while (this.queue.length > 0) if (!this.#writeFirst()) return false;
    return true;
  }

  /** True while nothing waits and no event is being encoded. */
  #isDirect(): boolean {
    return this.queue.length === 0 && this.#encodedBehind < 0;
  }

  /** Places of the queue, from its front, before which no event is on its way. */
  #settledPlaces(): number {
    let places = 0;
    if (this.#tentative === 0) places = this.queue.length;
    else
      for (const { tentative } of this.queue)
        if (tentative !== true) places++;
        else break;
    return this.#encodedBehind < 0 ? places : Math.min(places, this.#encodedBehind);
  }

  /** The entry of a topic that somebody wants; undefined, and counted, when nobody does. */
  #wantedEntry(topic: string, namespace: string | undefined): TopicEntry | undefined {
    if (namespace !== undefined && namespace !== this.#lastNamespace) {
      checkNamespace(namespace);
      this.#lastNamespace = namespace;
    }
    const entry = this.#topics.entry(topic);
    if (entry.reserved) throw new InvalidTopicError(topic, 'is reserved for the bus itself');
    if (this.#isWritten(entry)) return entry;
    this.counts.accepted++;
    this.counts.unwanted++;
    return undefined;
  }

  #isWritten({ wantedLow, wantedHigh }: TopicEntry): boolean {
    return (wantedLow | wantedHigh) !== 0 || this.#keepUnwanted;
  }

  /** Writes an event into the ring. Returns undefined, or the finished record if it has to wait. */
  #write(entry: TopicEntry, event: unknown, namespace: string | undefined): PendingRecord | undefined {
    const direct = this.#isDirect();
    const nested = this.#encodedBehind >= 0;
    const { endsAsked } = this.#late;
    if (!nested) this.#encodedBehind = this.queue.length;
    let record: PendingRecord | undefined;
    try {
      record = this.#events.write(entry, event, namespace ?? this.#namespace, direct);
    } catch (error) {
      if (!nested) this.#encodedBehind = -1;
      // What its getters published was accepted all the same.
      this.#writeBehind();
      throw error;
    }
    if (!nested) this.#encodedBehind = -1;
    if (record === undefined) this.#accepted();
    else record.endsBefore = endsAsked;
    return record;
  }

  #writeFirst(): boolean {
    const record = this.queue.first!;
    if (!this.#events.writeRecord(record)) return false;
    this.queue.shift();
    if (record.tentative === true) {
      record.tentative = false;
      this.#tentative--;
      this.counts.accepted++;
      this.#settleJoins();
    }
    this.#burst.written();
    return true;
  }

  /** Puts a record into the queue, `ahead` places from its front. */
  #enqueue(record: PendingRecord, ahead: number): void {
    let left = ahead;
    // Readers may have made room since the last look.
    while (left > 0 && this.#overfills(record) && this.#encodedBehind < 0 && this.#writeFirst()) left--;
    if (this.#overfills(record)) {
      const heldBy = this.#readers.describe(this.#writer.holder);
      this.#writeBehind();
      throw new QueueFullError(this.queue.bytes, this.#maxPendingBytes, heldBy);
    }
    this.queue.insert(record, left);
    this.counts.accepted++;
    this.#writeBehind();
    // Also where it waited only for the event around it, or no time at all: whoever was told so awaits `drain`.
    this.#onQueued();
  }

  #overfills(record: PendingRecord): boolean {
    return this.queue.bytes + record.body.length > this.#maxPendingBytes;
  }

  #blockUntil(deadlineMs: number, timeoutMs: number): void {
    const holder = this.#writer.holder;
    const heldBy = this.#readers.describe(holder);
    if (holder >= 0 && (this.#readers.isLocal(holder) || !this.#readers.restartNow(holder))) {
      throw new WouldDeadlockError('publishSync', heldBy);
    }
    const leftMs = deadlineMs - monotonicMs();
    if (leftMs <= 0) throw new PublishTimeoutError(timeoutMs, heldBy);
    if (this.#stalls.look()) return;
    try {
      this.#writer.wait.block(this.roomBytes, Math.min(leftMs, BLOCK_SLICE_MS));
    } finally {
      this.#onBlocked();
    }
  }

  #accepted(): void {
    this.counts.accepted++;
    this.#burst.written();
    if (this.queue.length > 0 || this.#late.any) this.#writeBehind();
  }

  /** Writes what waits behind an event, unless that one is still being encoded. */
  #writeBehind(): void {
    if (this.#encodedBehind >= 0 || this.#abandoned) return;
    this.#settleJoins();
    if (this.queue.length > 0 && !this.writeQueued()) this.#onQueued();
  }

  #settleJoins(): void {
    if (this.#late.any) this.#late.settle(this.queue, this.#settledPlaces(), this.#writer.sequence);
  }
}
