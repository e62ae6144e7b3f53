/**
 * From an event to a record: encoded straight into the ring where a window at its tail is long enough, else outside it
 * and copied. A throw leaves ring and sequence as they were.
 *
 * An event that did not fit is encoded once more, so its getters may run more than once. What they publish was accepted
 * each time, and stays so.
 */
import type { EnvelopeTemplate } from '../envelope/envelope-template.js';
import { BusClosedError, EventTooLargeError, InvalidEventError } from '../errors.js';
import { bodyOffset, EVENT_RECORD, EXTENDED_EVENT_RECORD, PAYLOAD_OFFSET_MASK } from '../ring/record-descriptor.js';
import type { RecordExtension } from '../ring/record-extension.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Clock } from './clock.js';
import type { EventTypes, PublishedType } from './event-types.js';
import type { PendingRecord } from './pending-queue.js';
import type { TopicEntry } from './topic-entry.js';
import type { TopicTable } from './topic-table.js';

/** First guess of a record's size, and the margin over the last one. */
const EXPECTED_BYTES = 512;
/** First size of the memory for records that cannot be encoded in place. */
const SCRATCH_BYTES = 64 * 1024;
/** An event larger than that is refused without its exact size. */
const MAX_ENCODE_BYTES = 2 ** 30;

export class EventWriter {
  readonly #writer: RingWriter;
  /** All bytes of the ring. */
  readonly #ringView: DataView;
  readonly #topics: TopicTable;
  readonly #types: EventTypes;
  readonly #clock: Clock;
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #expectedBytes = EXPECTED_BYTES;
  /** True while an encoder, and with it the event's getters, may be running. */
  #encoding = false;
  #closed = false;

  constructor(writer: RingWriter, topics: TopicTable, types: EventTypes, clock: Clock) {
    this.#writer = writer;
    const { buffer, byteOffset, length } = writer.memory.bytes;
    this.#ringView = new DataView(buffer, byteOffset, length);
    this.#topics = topics;
    this.#types = types;
    this.#clock = clock;
  }

  /** Encodes no event any more, nor writes one that is being encoded. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Encodes an event and, if `direct`, writes it.
   *
   * @throws {BusClosedError} `BUS_CLOSED` after {@link close}, also when the clock or a getter of the event called it
   * @param namespace valid
   * @returns undefined when it was written; else the finished record, in memory of its own
   */
  write(
    entry: TopicEntry,
    event: unknown,
    namespace: string,
    extension: RecordExtension | undefined,
    direct: boolean,
  ): PendingRecord | undefined {
    const type = this.#types.of(event, entry.declared, entry.topic);
    const template = entry.templateFor(namespace, type.typeUrl);
    this.#clock.read();
    const { seconds, nanos } = this.#clock;
    if (direct && this.#writeInPlace(entry, template, type, event, seconds, nanos, extension)) return undefined;
    const body = this.#encode(template, type, event, seconds, nanos, extension);
    // Its getters may have subscribed.
    this.#topics.update(entry);
    const record = recordOf(entry, body, template.payloadOffset, type.id, seconds, nanos, extension);
    if (direct && this.writeRecord(record)) return undefined;
    // What stays behind needs memory of its own: the next event overwrites the scratch.
    return { ...record, body: Buffer.from(body) };
  }

  /** Copies a finished record into the ring. False when there is no room. */
  writeRecord(record: PendingRecord): boolean {
    const { body, kind, extension } = record;
    const bodyAt = bodyOffset(kind);
    const offset = this.#writer.claim(bodyAt + body.length);
    if (offset < 0) return false;
    if (extension !== undefined) this.#writer.extend(offset, extension);
    this.#writer.memory.bytes.set(body, offset + bodyAt);
    this.#writer.commit(
      bodyAt + body.length,
      kind,
      record.topicId,
      payloadWordOffset(record.payloadOffset, bodyAt),
      record.typeId,
      record.seconds,
      record.nanos,
      record.wantedLow,
      record.wantedHigh,
    );
    return true;
  }

  /** @throws {EventTooLargeError} `BUS_EVENT_TOO_LARGE` when an envelope of that size does not fit a record */
  checkSize(bodyBytes: number, topic: string, extension: RecordExtension | undefined): void {
    const recordBytes = bodyOffset(kindOf(extension)) + bodyBytes;
    const { maxRecordBytes } = this.#writer;
    if (recordBytes > maxRecordBytes) throw new EventTooLargeError(recordBytes, maxRecordBytes, topic);
  }

  #writeInPlace(
    entry: TopicEntry,
    template: EnvelopeTemplate,
    type: PublishedType,
    event: unknown,
    seconds: number,
    nanos: number,
    extension: RecordExtension | undefined,
  ): boolean {
    const writer = this.#writer;
    const kind = kindOf(extension);
    const bodyAt = bodyOffset(kind);
    writer.open(this.#expectedBytes);
    const start = writer.windowStart + bodyAt;
    const limit = Math.min(writer.windowEnd, writer.windowStart + writer.maxRecordBytes);
    if (start >= limit) return false;
    const { bytes } = writer.memory;
    const end = this.#encodeInto(bytes, start, limit, template, type, event, seconds, nanos, this.#ringView);
    if (end < 0) return false;
    const recordBytes = bodyAt + end - start;
    this.#expectedBytes = recordBytes + EXPECTED_BYTES;
    // Its getters may have subscribed.
    this.#topics.update(entry);
    if (extension !== undefined) writer.extend(writer.windowStart, extension);
    const wanted = extension === undefined ? entry : entry.wantedWith(extension);
    writer.commit(
      recordBytes,
      kind,
      entry.id,
      payloadWordOffset(template.payloadOffset, bodyAt),
      type.id,
      seconds,
      nanos,
      wanted.wantedLow,
      wanted.wantedHigh,
    );
    return true;
  }

  /** Encodes into memory outside the ring, as large as it takes. */
  #encode(
    template: EnvelopeTemplate,
    type: PublishedType,
    event: unknown,
    seconds: number,
    nanos: number,
    extension: RecordExtension | undefined,
  ): Buffer {
    // Within a getter the scratch may hold the outer event.
    let target = this.#encoding ? Buffer.allocUnsafeSlow(SCRATCH_BYTES) : this.#scratch;
    for (;;) {
      const end = this.#encodeInto(target, 0, target.length, template, type, event, seconds, nanos);
      if (end >= 0) {
        this.checkSize(end, template.topic, extension);
        return target.subarray(0, end);
      }
      if (target.length >= MAX_ENCODE_BYTES) this.checkSize(target.length, template.topic, extension);
      target = Buffer.allocUnsafeSlow(target.length * 4);
      if (!this.#encoding && target.length <= this.#writer.maxRecordBytes) this.#scratch = target;
    }
  }

  #encodeInto(
    target: Buffer,
    start: number,
    limit: number,
    template: EnvelopeTemplate,
    type: PublishedType,
    event: unknown,
    seconds: number,
    nanos: number,
    view?: DataView,
  ): number {
    const outer = this.#encoding;
    this.#encoding = true;
    let end: number;
    try {
      end = template.write(target, start, limit, seconds, nanos, type.codec, event, view);
    } catch (error) {
      throw InvalidEventError.on(template.topic, error);
    } finally {
      this.#encoding = outer;
    }
    if (this.#closed) throw new BusClosedError('publish');
    return end;
  }
}

/** A finished record for readers that want events on a topic. */
export function recordOf(
  entry: TopicEntry,
  body: Buffer,
  payloadOffset: number,
  typeId: number,
  seconds: number,
  nanos: number,
  extension: RecordExtension | undefined,
): PendingRecord {
  const { wantedLow, wantedHigh } = extension === undefined ? entry : entry.wantedWith(extension);
  return {
    kind: kindOf(extension),
    body,
    topicId: entry.id,
    payloadOffset,
    typeId,
    seconds,
    nanos,
    extension,
    wantedLow,
    wantedHigh,
    endsBefore: 0,
  };
}

/** What the kind word says of an event with or without an extension. */
export function kindOf(extension: RecordExtension | undefined): number {
  return extension === undefined ? EVENT_RECORD : EXTENDED_EVENT_RECORD;
}

/** Where the payload starts, from the start of a record whose body is at `bodyAt`; 0 when that does not fit its 16 bits. */
export function payloadWordOffset(payloadOffset: number, bodyAt: number): number {
  const offset = payloadOffset + bodyAt;
  return payloadOffset === 0 || offset > PAYLOAD_OFFSET_MASK ? 0 : offset;
}
