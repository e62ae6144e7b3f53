/**
 * The publishing side of a bus.
 *
 * When an event is accepted, its bytes, its time, its sequence and who wants it are settled. The three verbs differ only in
 * what happens when the ring is full: `publish` queues, `tryPublish` refuses, `publishSync` waits.
 */
import { ReentrantPublishError } from '../errors.js';
import type { RecordExtension } from '../ring/record-extension.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { Admission } from './admission.js';
import { BurstFlush, type Flush } from './burst-flush.js';
import type { Clock } from './clock.js';
import type { EventTypes } from './event-types.js';
import { EventWriter } from './event-writer.js';
import { Forwarder } from './forwarder.js';
import { Forwarding } from './forwarding.js';
import { allocateCounters, type OwnerCounters, REFUSED } from './owner-counters.js';
import type { PendingRecord } from './pending-queue.js';
import { PendingWriter } from './pending-writer.js';
import { PublishOrder } from './publish-order.js';
import type { Readers } from './readers.js';
import type { StallWatch } from './stall-watch.js';
import { SyncWait } from './sync-wait.js';
import type { TopicEntry } from './topic-entry.js';
import type { TopicTable } from './topic-table.js';

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

/** Of the record; undefined: none. */
type Extension = RecordExtension | undefined;

/** Counters since the bus began. */
export interface PublisherCounts {
  /** Events accepted, those that nobody wanted included. */
  readonly accepted: number;
  /** Events that nobody wanted; they were not written. */
  readonly unwanted: number;
  /** Events that `tryPublish` refused. */
  readonly refused: number;
}

export class Publisher {
  /** What other threads see of its counts. */
  readonly counters: OwnerCounters;
  readonly order: PublishOrder;
  readonly pending: PendingWriter;
  readonly forwarding: Forwarding;
  readonly #admission: Admission;
  readonly #events: EventWriter;
  readonly #syncWait: SyncWait;
  readonly #burst: BurstFlush;
  readonly #namespace: string;
  #refused = 0;

  /**
   * @param onQueued called when something was queued
   * @param onBlocked called after a blocked wait, which has taken the place of any other wait for room
   * @param counters where it counts
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
    counters = allocateCounters(),
  ) {
    this.counters = counters;
    this.#admission = new Admission(topics, options.keepUnwanted, this.counters);
    this.#namespace = options.namespace;
    this.order = new PublishOrder(writer, this.counters);
    this.#burst = new BurstFlush(writer, options.flush === 'each', this.counters);
    this.#events = new EventWriter(writer, topics, types, options.clock);
    const { maxPendingBytes } = options;
    this.pending = new PendingWriter(this.order, writer, this.#events, this.#burst, readers, maxPendingBytes, onQueued);
    const forwarder = new Forwarder(writer, types);
    this.forwarding = new Forwarding(writer.memory, this.order, this.#admission, forwarder, this.#events, this.pending);
    this.#syncWait = new SyncWait(writer, this.order, this.pending, readers, stalls, onBlocked);
  }

  get counts(): PublisherCounts {
    const { unwanted } = this.#admission;
    return { accepted: this.pending.accepted + unwanted, unwanted, refused: this.#refused };
  }

  publish(topic: string, event: unknown, namespace: string | undefined, extension: Extension): boolean {
    const entry = this.#admission.wanted(topic, namespace, extension);
    if (entry === undefined) return true;
    const ahead = this.order.queue.length;
    const record = this.#write(entry, event, namespace, extension);
    if (record === undefined) return true;
    this.pending.enqueue(record, ahead);
    return false;
  }

  tryPublish(topic: string, event: unknown, namespace: string | undefined, extension: Extension): boolean {
    const entry = this.#admission.wanted(topic, namespace, extension);
    if (entry === undefined) return true;
    if (this.order.isDirect && this.#write(entry, event, namespace, extension) === undefined) return true;
    this.counters[REFUSED] = ++this.#refused;
    // What its getters published was accepted all the same.
    this.pending.writeBehind();
    return false;
  }

  publishSync(
    topic: string,
    event: unknown,
    namespace: string | undefined,
    extension: Extension,
    timeoutMs: number,
  ): void {
    if (this.order.isEncoding) throw new ReentrantPublishError('publishSync');
    const entry = this.#admission.wanted(topic, namespace, extension);
    if (entry === undefined) return;
    const ahead = this.order.queue.length;
    const record = this.#write(entry, event, namespace, extension);
    if (record === undefined) return;
    this.#syncWait.write(record, ahead, timeoutMs);
  }

  /** Publishes on a topic that users may not. Returns its sequence, or -1 when nobody wants it or the bus was destroyed. */
  publishReserved(topic: string, event: unknown, extension?: RecordExtension): number {
    if (this.pending.isAbandoned) return -1;
    const entry = this.#admission.wantedReserved(topic, extension);
    if (entry === undefined) return -1;
    const sequence = this.order.nextSequence;
    // Before an event on its way, or its sequence could not be said.
    const ahead = this.order.settledPlaces;
    const record = this.#write(entry, event, undefined, extension);
    if (record !== undefined) {
      record.endsBefore = 0;
      this.pending.enqueue(record, ahead);
    }
    return sequence;
  }

  /** An event came from a connection that nobody wants any more. */
  droppedLate(): void {
    this.#admission.dropped();
  }

  /** Wakes sleeping subscribers now. */
  flush(): void {
    this.#burst.flush();
  }

  /** Writes an event into the ring. Returns undefined, or the finished record if it has to wait. */
  #write(
    entry: TopicEntry,
    event: unknown,
    namespace: string | undefined,
    extension: Extension,
  ): PendingRecord | undefined {
    const direct = this.order.isDirect;
    const { endsAsked } = this.order;
    const outermost = this.order.beginEncoding();
    let record: PendingRecord | undefined;
    try {
      record = this.#events.write(entry, event, namespace ?? this.#namespace, extension, direct);
    } catch (error) {
      if (outermost) this.order.endEncoding();
      // What its getters published was accepted all the same.
      this.pending.writeBehind();
      throw error;
    }
    if (outermost) this.order.endEncoding();
    if (record === undefined) this.pending.written();
    else record.endsBefore = endsAsked;
    return record;
  }
}
