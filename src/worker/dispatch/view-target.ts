/** A target whose handler walks along all that it wants of a batch, with no envelope for each event. */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import { workerThreads } from '../../host/worker-threads.js';
import type { Batch } from '../../ring/batch-memory.js';
import type { NameDirectory } from '../../ring/name-registry.js';
import * as record from '../../ring/record-descriptor.js';
import type { TypeDirectory } from '../type-directory.js';
import { BatchCursor } from './batch-cursor.js';
import { type EnvelopeViews, ShownEvents, ViewPool, ViewsOfBatch } from './envelope-views.js';
import { pendingOutcome } from './outcome.js';
import { type ReportFailure, type Settled, Target } from './target.js';

/** The records of one batch that the target takes. What a view is asked most is read in their headers. */
class CollectedRecords extends ShownEvents {
  readonly #batch: Batch;
  readonly #buffer: ArrayBuffer;
  readonly #redelivered: boolean;
  /** Makes envelopes of records where one is needed. */
  readonly #cursor: BatchCursor;
  readonly #topics: NameDirectory;
  readonly #starts: number[] = [];
  /** What was missed just before an event, by its index. */
  readonly #lagged = new Map<number, number>();
  /** The record that is shown, as the index of its first word. */
  #word = 0;
  #index = 0;
  #envelope: ReceivedEnvelope | undefined;

  constructor(batch: Batch, redelivered: boolean, cursor: BatchCursor, topics: NameDirectory) {
    super();
    this.#batch = batch;
    this.#buffer = batch.bytes.buffer;
    this.#redelivered = redelivered;
    this.#cursor = cursor;
    this.#topics = topics;
  }

  get length(): number {
    return this.#starts.length;
  }

  add(start: number, lagged: number): void {
    if (lagged > 0) this.#lagged.set(this.#starts.length, lagged);
    this.#starts.push(start);
  }

  show(index: number): void {
    this.#index = index;
    this.#word = this.#starts[index]! >> 2;
    this.#envelope = undefined;
  }

  override get topic(): string {
    const topicId = this.#batch.words[this.#word + record.TOPIC_WORD]!;
    return topicId === 0 ? this.envelope.topic : this.#topics.name(topicId);
  }

  override get sequence(): number {
    const { words } = this.#batch;
    const word = this.#word;
    return (words[word + record.SEQUENCE_LOW_WORD]! >>> 0) + words[word + record.SEQUENCE_HIGH_WORD]! * 2 ** 32;
  }

  override get payload(): Uint8Array {
    const { words } = this.#batch;
    const word = this.#word;
    const offset = words[word + record.PAYLOAD_WORD]! & record.PAYLOAD_OFFSET_MASK;
    if (offset === 0) return this.envelope.payload;
    // The memory of a batch begins where its buffer does.
    return new Uint8Array(this.#buffer, word * 4 + offset, words[word + record.LENGTH_WORD]! - offset);
  }

  override get redelivered(): boolean {
    return this.#redelivered;
  }

  override get envelope(): ReceivedEnvelope {
    return (this.#envelope ??= this.#makeEnvelope());
  }

  #makeEnvelope(): ReceivedEnvelope {
    const cursor = this.#cursor;
    cursor.goTo(this.#batch, this.#word * 4);
    const topic = cursor.topicId === 0 ? undefined : this.#topics.name(cursor.topicId);
    const envelope = cursor.envelope(topic, this.#redelivered);
    const lagged = this.#lagged.get(this.#index);
    return lagged === undefined ? envelope : envelope.withLagged(lagged);
  }
}

export class ViewTarget extends Target {
  override readonly takesRecords = true;
  readonly #handleViews: (views: EnvelopeViews) => unknown;
  readonly #cursor: BatchCursor;
  readonly #topics: NameDirectory;
  readonly #pool = new ViewPool();
  #collected: CollectedRecords | undefined;
  /** The last batch's. */
  #memory: Buffer | undefined;

  /** @param handleViews called with at least one event; a returned promise is awaited before the next batch */
  constructor(
    joinSequence: number,
    handleViews: (views: EnvelopeViews) => unknown,
    report: ReportFailure,
    types: TypeDirectory,
    topics: NameDirectory,
  ) {
    super(joinSequence, report);
    this.#handleViews = handleViews;
    this.#cursor = new BatchCursor(types);
    this.#topics = topics;
  }

  override handRecord(cursor: BatchCursor, redelivered: boolean): void {
    if (!this.busy) {
      this.busy = true;
      this.hold(cursor.sequence, cursor.position);
    }
    this.#collected ??= this.#collect(cursor.batch, redelivered);
    this.#collected.add(cursor.start, this.untold);
    this.untold = 0;
  }

  #collect(batch: Batch, redelivered: boolean): CollectedRecords {
    if (this.#memory !== batch.bytes) {
      this.#memory = batch.bytes;
      // A handler that transferred it would take every event in it from the others.
      workerThreads().markAsUntransferable(batch.bytes.buffer);
    }
    return new CollectedRecords(batch, redelivered, this.#cursor, this.#topics);
  }

  override endBatch(settled: Settled): void {
    const collected = this.#collected;
    // Pending since an earlier call.
    if (collected === undefined) return;
    this.#collected = undefined;
    // A subscription that was stopped since they were collected starts no handler any more.
    if (this.active) void this.#handle(collected, settled);
    else this.becomeIdle(settled);
  }

  async #handle(collected: CollectedRecords, settled: Settled): Promise<void> {
    const views = new ViewsOfBatch(collected, this.#pool);
    try {
      const pending = pendingOutcome(this.#handleViews(views));
      if (pending !== undefined) await pending;
      this.delivered += collected.length;
    } catch (error) {
      // Which event of the batch is to blame is not known: the report names the first, the count takes all.
      collected.show(0);
      this.fail(error, collected.envelope, this.heldSequence, collected.length);
    }
    views.close();
    this.becomeIdle(settled);
  }
}
