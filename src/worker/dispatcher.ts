/**
 * Takes batches from a reader and hands each record to the targets that want it.
 *
 * *Settling.* A record has settled when no target has it, or one before it, in hand. RELEASED follows what has settled at
 * least every 64 records or 10 ms. The next batch is taken when all of this one has settled.
 */
import { markAsUntransferable } from 'node:worker_threads';
import { ReceivedEnvelope } from '../envelope/envelope.js';
import { CorruptRecordError } from '../errors.js';
import { distance } from '../memory/position.js';
import * as record from '../ring/record-descriptor.js';
import type { Batch, RingReader } from '../ring/ring-reader.js';
import type { Router } from './router.js';
import { firstHeld, type Target } from './target.js';
import type { TypeDirectory } from './type-directory.js';

/** Records after which RELEASED moves at the latest. */
const MAX_RELEASE_STRIDE = 64;
/** Time after which RELEASED moves at the latest. */
const RELEASE_INTERVAL_MS = 10;

/** What a call of {@link Dispatcher.step} came to. */
export type Step =
  /** Nothing is left to read and everything has settled. */
  | 'idle'
  /** The time is up; call again. */
  | 'more'
  /** A handler is pending; `onSettled` says when to call again. */
  | 'waiting';

export class Dispatcher {
  readonly #reader: RingReader;
  readonly #router: Router;
  readonly #types: TypeDirectory;
  readonly #onSettled: () => void;
  readonly #onTaken: () => void;
  readonly #busy: Target[] = [];
  readonly #settled = (target: Target): void => {
    if (!target.busy) this.#remove(target);
    this.#afterSettling();
  };
  #batch: Batch | undefined;
  /** True inside {@link step}, which finishes its batches itself. */
  #stepping = false;
  /** Byte offset in the batch of the next record. */
  #offset = 0;
  /** Records between two looks at the clock: few where handlers are slow, so that looks cost nothing where they are fast. */
  #stride = 1;
  #untilLook = 1;
  #lastLookMs = performance.now();
  /** Sequence behind the last record seen. */
  #nextSequence: number;
  /** Set by a safety check: a wanted record before this position was missed by the wake protocol. */
  #watchUntil: number | undefined;
  /** Records seen, those skipped during sleep included. */
  scanned = 0;
  /** Safety checks that found a wanted record. */
  rescued = 0;

  /**
   * @param onSettled called when the last pending handler of a batch has settled
   * @param onTaken called with each batch, after the tail was looked at and before its first record is routed
   */
  constructor(
    reader: RingReader,
    router: Router,
    types: TypeDirectory,
    nextSequence: number,
    onSettled: () => void,
    onTaken: () => void = () => {},
  ) {
    this.#reader = reader;
    this.#router = router;
    this.#types = types;
    this.#nextSequence = nextSequence;
    this.#onSettled = onSettled;
    this.#onTaken = onTaken;
  }

  /** Dispatches until nothing is left, a handler is pending at the end of a batch, or `budgetMs` is over. */
  step(budgetMs: number): Step {
    this.#stepping = true;
    try {
      return this.#step(budgetMs);
    } finally {
      this.#stepping = false;
    }
  }

  #step(budgetMs: number): Step {
    const startedMs = performance.now();
    this.#lastLookMs = startedMs;
    for (;;) {
      if (this.#batch === undefined) {
        this.#batch = this.#reader.take();
        if (this.#batch === undefined) return 'idle';
        this.#offset = 0;
        // A handler that transferred it would take every envelope of the batch from the others.
        markAsUntransferable(this.#batch.bytes.buffer);
        this.#onTaken();
      }
      if (!this.#dispatch(this.#batch, startedMs + budgetMs)) return 'more';
      if (this.#busy.length > 0) {
        // Handlers may be pending for long: what settled before them is not held up by them.
        this.#releaseSettled(this.#batch);
        return 'waiting';
      }
      this.#finishBatch();
      if (performance.now() - startedMs > budgetMs) return 'more';
    }
  }

  /** Follows a cursor that moved during sleep over records that nobody here wanted. */
  skipTo(sequence: number): void {
    this.scanned += sequence - this.#nextSequence;
    this.#nextSequence = sequence;
  }

  /** Sequence behind the last record seen. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Counts a rescue if a wanted record before `position` turns up. */
  watchUntil(position: number): void {
    this.#watchUntil = position;
  }

  /** True while all of a batch has been handed out and some of it has not settled: `onSettled` says when to go on. */
  get pending(): boolean {
    return this.#busy.length > 0 && this.#batch !== undefined && this.#offset >= this.#batch.length;
  }

  /** Hands out the rest of the batch. False when the time was up first. */
  #dispatch(batch: Batch, deadlineMs: number): boolean {
    const words = batch.words;
    let offset = this.#offset;
    while (offset < batch.length) {
      const word = offset >> 2;
      const length = words[word + record.LENGTH_WORD]!;
      const kind = words[word + record.KIND_WORD]! & record.KIND_MASK;
      const next = offset + record.unitsOf(length) * record.UNIT_BYTES;
      if (length < record.HEADER_BYTES || next > batch.length) {
        throw new CorruptRecordError(offset, `length ${length}`);
      }
      this.#offset = next;
      if (kind === record.EVENT_RECORD) this.#deliver(batch, offset, length);
      else if (kind !== record.PADDING_RECORD) throw new CorruptRecordError(offset, `kind ${kind}`);
      offset = next;
      if (--this.#untilLook === 0 && this.#look(batch) > deadlineMs && offset < batch.length) return false;
    }
    // A copy: a target that settles at once leaves the list.
    if (this.#busy.length > 0) for (const target of [...this.#busy]) target.endBatch(this.#settled);
    return true;
  }

  #deliver(batch: Batch, offset: number, length: number): void {
    const words = batch.words;
    const word = offset >> 2;
    const sequence =
      (words[word + record.SEQUENCE_LOW_WORD]! >>> 0) + words[word + record.SEQUENCE_HIGH_WORD]! * 2 ** 32;
    this.scanned += sequence + 1 - this.#nextSequence;
    this.#nextSequence = sequence + 1;
    const topicId = words[word + record.TOPIC_WORD]!;
    let envelope: ReceivedEnvelope | undefined;
    if (topicId === 0) envelope = this.#read(batch, offset, length, undefined, sequence);
    const route = envelope === undefined ? this.#router.byId(topicId) : this.#router.byTopic(envelope.topic);
    const steps = route.steps;
    for (let i = 0; i < steps.length; i++) {
      const { target, accepts } = steps[i]!;
      if (!target.wants(sequence)) continue;
      envelope ??= this.#read(batch, offset, length, route.topic, sequence);
      if (accepts !== undefined && !accepts(envelope)) continue;
      const wasBusy = target.busy;
      const position = (batch.position + (offset >> record.UNIT_SHIFT)) | 0;
      if (this.#watchUntil !== undefined) this.#countRescue(position);
      target.hand(envelope, position, this.#settled);
      // One that stopped itself in its handler is waited for by nobody here.
      if (target.busy && !wasBusy && target.active) this.#busy.push(target);
    }
  }

  #countRescue(position: number): void {
    if (distance(position, this.#watchUntil!) < 0) this.rescued++;
    this.#watchUntil = undefined;
  }

  #read(batch: Batch, offset: number, length: number, topic: string | undefined, sequence: number): ReceivedEnvelope {
    const payload = batch.words[(offset >> 2) + record.PAYLOAD_WORD]!;
    const payloadOffset = payload & record.PAYLOAD_OFFSET_MASK;
    return new ReceivedEnvelope(
      this.#types.envelopes,
      batch.bytes,
      offset + record.HEADER_BYTES,
      offset + length,
      payloadOffset === 0 ? 0 : payloadOffset - record.HEADER_BYTES,
      topic,
      this.#types.type(payload >>> record.TYPE_ID_SHIFT),
      sequence,
      false,
      0,
    );
  }

  /** Looks at the clock, releases what has settled, and chooses how many records to let pass before the next look. */
  #look(batch: Batch): number {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#lastLookMs;
    this.#lastLookMs = nowMs;
    // Aims at a look every millisecond or so; one slow record puts it back to looking after each.
    if (elapsedMs < RELEASE_INTERVAL_MS / 10) this.#stride = Math.min(this.#stride * 2, MAX_RELEASE_STRIDE);
    else if (elapsedMs > RELEASE_INTERVAL_MS / 2) this.#stride = 1;
    this.#untilLook = this.#stride;
    this.#releaseSettled(batch);
    return nowMs;
  }

  #releaseSettled(batch: Batch): void {
    this.#reader.release(firstHeld(this.#busy, (batch.position + (this.#offset >> record.UNIT_SHIFT)) | 0));
  }

  #finishBatch(): void {
    this.#batch = undefined;
    this.#reader.release(this.#reader.taken);
  }

  /** Position of the next record to be handed out. */
  get position(): number {
    const batch = this.#batch;
    return batch === undefined ? this.#reader.taken : (batch.position + (this.#offset >> record.UNIT_SHIFT)) | 0;
  }

  /** Waits no longer for a target: what it has in hand is its own affair. */
  drop(target: Target): void {
    if (!this.#busy.includes(target)) return;
    this.#remove(target);
    this.#afterSettling();
  }

  #remove(target: Target): void {
    const index = this.#busy.indexOf(target);
    if (index >= 0) this.#busy.splice(index, 1);
  }

  #afterSettling(): void {
    const batch = this.#batch;
    if (batch === undefined || this.#stepping) return;
    if (this.#busy.length > 0) {
      // Asynchronous handlers settle at the pace of the event loop: a release each is cheap beside it.
      this.#releaseSettled(batch);
    } else if (this.#offset >= batch.length) {
      this.#finishBatch();
      this.#onSettled();
    }
  }
}
