/** Goes along the records of one batch after the other, and makes envelopes of them. */
import { EnvelopeSource } from '../../envelope/envelope-source.js';
import { type EnvelopeExtension, ReceivedEnvelope } from '../../envelope/received-envelope.js';
import { CorruptRecordError } from '../../errors.js';
import { workerThreads } from '../../host/worker-threads.js';
import type { Batch } from '../../ring/batch-memory.js';
import * as record from '../../ring/record-descriptor.js';
import { traceparentAt } from '../../ring/traceparent.js';
import type { TypeDirectory } from '../type-directory.js';

const NO_BATCH: Batch = { bytes: Buffer.alloc(0), words: new Int32Array(0), start: 0, end: 0, position: 0 };

/** What an extended record says beside its envelope. */
class EventExtension implements EnvelopeExtension {
  readonly origin: string | undefined;
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number, origin: string | undefined) {
    this.#words = words;
    this.#at = at;
    this.origin = origin;
  }

  get traceparent(): string | undefined {
    return traceparentAt(this.#words, this.#at);
  }
}

export class BatchCursor {
  /** Of the event that {@link next} stepped onto. */
  sequence = 0;
  /** Of the same; 0: read the topic from the envelope. */
  topicId = 0;
  /** Where the same came in, in the registry of origins; 0: it began here. */
  originId = 0;
  readonly #types: TypeDirectory;
  #batch = NO_BATCH;
  /** What the envelopes of all batches in the same memory share. */
  #source: EnvelopeSource | undefined;
  /** Where the record begins, and the one behind it, in the memory of the batch. */
  #start = 0;
  #next = 0;
  /** Whether the record has an extension. */
  #extended = false;

  constructor(types: TypeDirectory) {
    this.#types = types;
  }

  /** Goes to the start of another batch. */
  open(batch: Batch): void {
    this.#batch = batch;
    this.#next = batch.start;
  }

  /** The batch that it goes along. */
  get batch(): Batch {
    return this.#batch;
  }

  /** Where the event that {@link next} stepped onto begins, in the memory of the batch. */
  get start(): number {
    return this.#start;
  }

  /** Steps onto an event of a batch, wherever it is. */
  goTo(batch: Batch, start: number): void {
    this.#batch = batch;
    this.#next = start;
    this.next();
  }

  /** Skips the rest of the batch. */
  cut(): void {
    this.#batch = { ...this.#batch, end: this.#next };
  }

  /** True behind the last record of the batch, and before the first batch. */
  get done(): boolean {
    return this.#next >= this.#batch.end;
  }

  /** Position of the event that {@link next} stepped onto. */
  get position(): number {
    return this.#positionOf(this.#start);
  }

  /** Position of the record that {@link next} steps onto next. */
  get nextPosition(): number {
    return this.#positionOf(this.#next);
  }

  /**
   * Steps onto the next record; not when {@link done}.
   *
   * @returns whether it is an event, and not padding
   */
  next(): boolean {
    const { words, end } = this.#batch;
    const start = this.#next;
    const word = start >> 2;
    const length = words[word + record.LENGTH_WORD]!;
    const kindWord = words[word + record.KIND_WORD]!;
    const kind = kindWord & record.KIND_MASK;
    const next = start + record.unitsOf(length) * record.UNIT_BYTES;
    if (length < record.HEADER_BYTES || next > end) throw new CorruptRecordError(start, `length ${length}`);
    if (kind !== record.EVENT_RECORD && kind !== record.PADDING_RECORD) {
      throw new CorruptRecordError(start, `kind ${kind}`);
    }
    // Not before it is known to be a record: what is taken again begins here.
    this.#start = start;
    this.#next = next;
    if (kind === record.PADDING_RECORD) return false;
    this.sequence =
      (words[word + record.SEQUENCE_LOW_WORD]! >>> 0) + words[word + record.SEQUENCE_HIGH_WORD]! * 2 ** 32;
    this.topicId = words[word + record.TOPIC_WORD]!;
    this.#extended = (kindWord & record.EXTENDED) !== 0;
    this.originId = this.#extended ? words[word + record.EXTENSION_START_WORD + record.ORIGIN_WORD]! : 0;
    return true;
  }

  /**
   * The envelope of the event that {@link next} stepped onto.
   *
   * @param topic read from the envelope where undefined
   */
  envelope(topic: string | undefined, redelivered: boolean): ReceivedEnvelope {
    const { words, bytes } = this.#batch;
    const bodyOffset = this.#extended ? record.EXTENDED_HEADER_BYTES : record.HEADER_BYTES;
    if (this.#source?.bytes !== bytes) this.#source = this.#sourceOf(bytes);
    const start = this.#start;
    const word = start >> 2;
    const payload = words[word + record.PAYLOAD_WORD]!;
    const payloadOffset = payload & record.PAYLOAD_OFFSET_MASK;
    return new ReceivedEnvelope(
      this.#source,
      start + bodyOffset,
      start + words[word + record.LENGTH_WORD]!,
      payloadOffset === 0 ? 0 : payloadOffset - bodyOffset,
      topic,
      this.#types.type(payload >>> record.TYPE_ID_SHIFT),
      this.sequence,
      redelivered,
      0,
      this.#extended ? this.#extension(word + record.EXTENSION_START_WORD) : undefined,
    );
  }

  #extension(at: number): EventExtension {
    return new EventExtension(this.#batch.words, at, this.#types.origin(this.originId));
  }

  #sourceOf(bytes: Buffer<ArrayBuffer>): EnvelopeSource {
    // A handler that transferred it would take every envelope in it from the others.
    workerThreads().markAsUntransferable(bytes.buffer);
    return new EnvelopeSource(this.#types.envelopes, bytes);
  }

  #positionOf(offset: number): number {
    return (this.#batch.position + ((offset - this.#batch.start) >> record.UNIT_SHIFT)) | 0;
  }
}
