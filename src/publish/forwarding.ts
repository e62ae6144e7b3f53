/** Puts envelopes from elsewhere into the ring: one, which queues where there is no room, or a run of them, which stops there. */
import { delimitedEnd } from '../envelope/delimited.js';
import { cursor } from '../envelope/wire/wire-reader.js';
import { lengthOf } from '../envelope/wire/wire-writer.js';
import { BusError } from '../errors.js';
import { copyShort } from '../memory/short-copy.js';
import type { RecordExtension } from '../ring/record-extension.js';
import type { RingMemory } from '../ring/ring-memory.js';
import type { Admission } from './admission.js';
import { type EventWriter, recordOf } from './event-writer.js';
import type { Forwarder } from './forwarder.js';
import type { PendingRecord } from './pending-queue.js';
import type { PendingWriter } from './pending-writer.js';
import type { PublishOrder } from './publish-order.js';

const { set: setBytes } = Uint8Array.prototype;

type Extension = RecordExtension | undefined;

export class Forwarding {
  readonly #memory: RingMemory;
  readonly #order: PublishOrder;
  readonly #admission: Admission;
  readonly #forwarder: Forwarder;
  readonly #events: EventWriter;
  readonly #pending: PendingWriter;

  constructor(
    memory: RingMemory,
    order: PublishOrder,
    admission: Admission,
    forwarder: Forwarder,
    events: EventWriter,
    pending: PendingWriter,
  ) {
    this.#memory = memory;
    this.#order = order;
    this.#admission = admission;
    this.#forwarder = forwarder;
    this.#events = events;
    this.#pending = pending;
  }

  /** Forwards one envelope. Returns whether it did not have to be queued. */
  forward(bytes: Uint8Array, extension: Extension): boolean {
    const size = lengthOf(bytes);
    const at = this.#order.isDirect ? this.#forwarder.place(size, extension) : -1;
    if (at >= 0) {
      setBytes.call(this.#memory.bytes, bytes, at);
      if (this.#writeRecognized(at, at + size, extension)) return true;
    }
    const record = this.#writeRead(bufferOver(bytes, size), extension);
    if (record === undefined) return true;
    // The caller may reuse its bytes.
    this.#pending.enqueue({ ...record, body: Buffer.from(record.body) }, this.#order.queue.length);
    return false;
  }

  /**
   * Forwards the envelopes of a run, each after its length as a varint. Stops at one of which a part is missing, and where
   * there is no room.
   *
   * @returns the bytes of those that were forwarded, with their lengths
   */
  forwardAll(bytes: Uint8Array, extension: Extension): number {
    const size = lengthOf(bytes);
    const run = bufferOver(bytes, size);
    const view = new DataView(run.buffer, run.byteOffset, size);
    let consumed = 0;
    try {
      while (consumed < size && this.#order.isDirect) {
        const end = delimitedEnd(run, consumed, size);
        if (end < 0) break;
        const start = cursor.position;
        const at = this.#forwarder.place(end - start, extension);
        if (at >= 0) copyShort(this.#memory.words, this.#memory.bytes, at, run, view, start, end);
        if (at < 0 || !this.#writeRecognized(at, at + end - start, extension)) {
          if (this.#writeRead(run.subarray(start, end), extension) !== undefined) break;
        }
        if (this.#order.isTooLate) break;
        consumed = end;
      }
    } catch (error) {
      if (error instanceof BusError) error.consumedBytes = consumed;
      throw error;
    }
    return consumed;
  }

  /**
   * Writes the envelope that lies in [at, end) of the ring, or counts it where nobody wants it. False when it is not like one
   * that came before: it has to be read.
   */
  #writeRecognized(at: number, end: number, extension: Extension): boolean {
    const topic = this.#forwarder.recognize(at, end);
    if (topic === undefined) return false;
    const entry = this.#admission.wanted(topic, undefined, extension);
    if (entry === undefined) return true;
    this.#forwarder.commit(entry, extension);
    this.#pending.written();
    return true;
  }

  /** Reads an envelope and writes it. Returns undefined, or the finished record if it has to wait: its body may be `bytes`. */
  #writeRead(bytes: Buffer, extension: Extension): PendingRecord | undefined {
    const envelope = this.#forwarder.read(bytes);
    const entry = this.#admission.wanted(envelope.topic, undefined, extension);
    const typeId = this.#forwarder.remember(envelope);
    if (entry === undefined) return undefined;
    const { body, payloadOffset, seconds, nanos } = envelope;
    this.#events.checkSize(body.length, entry.topic, extension);
    const record = recordOf(entry, body, payloadOffset, typeId, seconds, nanos, extension);
    record.endsBefore = this.#order.endsAsked;
    if (!this.#order.isDirect || !this.#events.writeRecord(record)) return record;
    this.#pending.written();
    return undefined;
  }
}

/** A Buffer over bytes that a user gave. Empty also where their buffer was transferred. */
function bufferOver(bytes: Uint8Array, size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, size);
}

/** The bytes of an envelope that may have them; what it is itself otherwise. */
export function bytesOf(envelope: { toBinary(): Uint8Array }): unknown {
  const toBinary: unknown = envelope?.toBinary;
  return typeof toBinary === 'function' ? Reflect.apply(toBinary, envelope, []) : envelope;
}
