/**
 * The envelope over the private copy of a batch of records.
 *
 * Nothing is decoded that nobody asks for: each property reads the bytes when it is used.
 */

import type { Envelope } from './envelope.js';
import type { EnvelopeContext, ResolvedType } from './envelope-context.js';
import { envelopeJson, shownEnvelope } from './envelope-json.js';
import { type ScannedEnvelope, scanEnvelope } from './envelope-scan.js';
import { EnvelopeSource } from './envelope-source.js';
import { found, nanosSinceEpoch, readTimestamp } from './envelope-timestamp.js';
import type { EventCodec } from './event-codec.js';
import { Any } from './generated/index.js';
import { findField } from './wire/field-find.js';
import { decodeRecurring } from './wire/recurring-text.js';
import type { MessageTest } from './wire/wire-probe.js';
import { cursor, readEnd } from './wire/wire-reader.js';

const NAMESPACE_TAG = 18;
const TOPIC_TAG = 26;
const EVENT_TAG = 34;
const TYPE_URL_TAG = 10;
const UNREAD: unique symbol = Symbol('unread');
const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** What belongs to an event and not to its envelope. */
export type EnvelopeExtension = Pick<Envelope, 'traceparent' | 'origin'>;

/** The one implementation of {@link Envelope}; one is made for each event that is delivered, so it only stores. */
export class ReceivedEnvelope implements Envelope {
  readonly sequence: number;
  readonly redelivered: boolean;
  readonly lagged: number;

  /** A property that structured cloning sees, so that it fails: see {@link EnvelopeSource.notCloneable}. */
  private readonly source: EnvelopeSource;
  readonly #start: number;
  readonly #end: number;
  readonly #payloadStart: number;
  #topic: string | undefined;
  #type: ResolvedType | undefined;
  #event: unknown = UNREAD;
  #scan: ScannedEnvelope | undefined;
  readonly #extension: EnvelopeExtension | undefined;

  /**
   * @param source         the envelope is `source.bytes[start, end)` and was validated
   * @param payloadOffset  where the payload starts, from `start`: it reaches to `end`; 0 where that is not known or not so
   * @param topic          read from the bytes where undefined
   * @param type           read from the bytes where undefined
   */
  constructor(
    source: EnvelopeSource,
    start: number,
    end: number,
    payloadOffset: number,
    topic: string | undefined,
    type: ResolvedType | undefined,
    sequence: number,
    redelivered: boolean,
    lagged: number,
    extension?: EnvelopeExtension,
  ) {
    this.source = source;
    this.#start = start;
    this.#end = end;
    this.#payloadStart = payloadOffset === 0 ? 0 : start + payloadOffset;
    this.#topic = topic;
    this.#type = type;
    this.sequence = sequence;
    this.redelivered = redelivered;
    this.lagged = lagged;
    this.#extension = extension;
  }

  /** The envelope that `bytes` are, which nobody writes again. `payloadOffset` as in the constructor. */
  static over(bytes: Buffer, context: EnvelopeContext, payloadOffset: number, sequence: number): ReceivedEnvelope {
    const source = new EnvelopeSource(context, bytes);
    return new ReceivedEnvelope(source, 0, bytes.length, payloadOffset, undefined, undefined, sequence, false, 0);
  }

  get topic(): string {
    return this.#readTopic();
  }

  /** The topic, whatever properties a handler has put on the envelope; empty when it has spoilt the bytes, too. */
  static topicOf(envelope: ReceivedEnvelope): string {
    try {
      return envelope.#readTopic();
    } catch {
      return '';
    }
  }

  #readTopic(): string {
    return (this.#topic ??= this.#isCanonical() ? this.#text(TOPIC_TAG) : this.#scanned().topic);
  }

  get namespace(): string {
    return this.#isCanonical() ? this.#text(NAMESPACE_TAG) : this.#scanned().namespace;
  }

  get timestamp(): bigint {
    return this.testTimestamp(nanosSinceEpoch);
  }

  get typeUrl(): string {
    return this.#resolved().typeUrl;
  }

  get traceparent(): string | undefined {
    return this.#extension?.traceparent;
  }

  get origin(): string | undefined {
    return this.#extension?.origin;
  }

  get event(): unknown {
    if (this.#event === UNREAD) this.#event = this.#decode();
    return this.#event;
  }

  get payload(): Uint8Array {
    const { start, end } = this.#payloadRange();
    const { buffer, byteOffset } = this.source;
    return new Uint8Array(buffer, byteOffset + start, end - start);
  }

  // For conditions, which read the bytes in place and make nothing of them.

  /** What this thread has for the type of the event, if anything. */
  get codec(): EventCodec | undefined {
    return this.#resolved().codec;
  }

  /** What `test` returns for the payload. */
  testPayload(test: MessageTest): boolean {
    if (this.#isCanonical()) return test(this.source.bytes, this.#payloadStart, this.#end);
    return test(this.source.bytes, this.#scanned().payloadStart, this.#scanned().payloadEnd);
  }

  /** What `test` returns for the time, in seconds since the Unix epoch and nanoseconds. */
  testTimestamp<T>(test: (seconds: number, nanos: number) => T): T {
    if (readTimestamp(this.source.bytes, this.#start, this.#end) >= 0) return test(found.seconds, found.nanos);
    return test(this.#scanned().seconds, this.#scanned().nanos);
  }

  toBinary(): Uint8Array {
    return new Uint8Array(this.source.bytes.subarray(this.#start, this.#end));
  }

  detach(): Envelope {
    const size = this.#end - this.#start;
    // Not from Node's pool, which would be kept as a whole.
    const copy = Buffer.allocUnsafeSlow(size);
    this.source.bytes.copy(copy, 0, this.#start, this.#end);
    const source = new EnvelopeSource(this.source.context, copy);
    // Read out: it lies in the same memory.
    const extension = this.#extension && { traceparent: this.traceparent, origin: this.origin };
    return this.#over(source, 0, this.lagged, extension);
  }

  /** The same envelope, over the same bytes, for a subscription that missed records just before it. */
  withLagged(lagged: number): ReceivedEnvelope {
    const copy = this.#over(this.source, this.#start, lagged, this.#extension);
    copy.#event = this.#event;
    return copy;
  }

  /** The same envelope over the same bytes from `start` on of another source. */
  #over(source: EnvelopeSource, start: number, lagged: number, extension?: EnvelopeExtension): ReceivedEnvelope {
    const end = start + this.#end - this.#start;
    const payloadOffset = this.#isCanonical() ? this.#payloadStart - this.#start : 0;
    const { sequence, redelivered } = this;
    return new ReceivedEnvelope(
      source,
      start,
      end,
      payloadOffset,
      this.#topic,
      this.#type,
      sequence,
      redelivered,
      lagged,
      extension,
    );
  }

  /** For JSON.stringify: the time as RFC 3339 with nanoseconds, the event in protobuf's JSON mapping. */
  toJSON(): Record<string, unknown> {
    return envelopeJson(this, this.#resolved().codec, this.source.context.registry);
  }

  [inspectCustom](_depth: number, options: object, inspect: (value: unknown, options: object) => string): string {
    return `Envelope ${inspect(shownEnvelope(this), options)}`;
  }

  /** Known payload start means: written by our template, fields in order. */
  #isCanonical(): boolean {
    return this.#payloadStart > 0;
  }

  #scanned(): ScannedEnvelope {
    return (this.#scan ??= scanEnvelope(this.source.bytes, this.#start, this.#end));
  }

  #payloadRange(): { start: number; end: number } {
    if (this.#isCanonical()) return { start: this.#payloadStart, end: this.#end };
    return { start: this.#scanned().payloadStart, end: this.#scanned().payloadEnd };
  }

  #decode(): unknown {
    const { typeUrl, codec } = this.#resolved();
    if (codec === undefined) return new Any({ typeUrl, value: this.payload });
    const { start, end } = this.#payloadRange();
    return codec.decode(this.source.bytes, start, end);
  }

  #resolved(): ResolvedType {
    return (this.#type ??= this.#resolve());
  }

  #resolve(): ResolvedType {
    if (!this.#isCanonical()) return this.source.context.resolve(this.#scanned().typeUrl);
    const { start, end } = this.#typeUrlRange();
    return this.source.context.resolveBytes(this.source.bytes, start, end);
  }

  /** The namespace or the topic of a canonical envelope. */
  #text(tag: number): string {
    const end = findField(this.source.bytes, this.#start, this.#end, tag);
    return end < 0 ? '' : decodeRecurring(this.source.bytes, cursor.position, end);
  }

  /** The text of the type URL of a canonical envelope; empty where it has none. */
  #typeUrlRange(): { start: number; end: number } {
    const eventEnd = findField(this.source.bytes, this.#start, this.#end, EVENT_TAG);
    const start = cursor.position;
    if (start >= eventEnd || this.source.bytes[start] !== TYPE_URL_TAG) return { start, end: start };
    const end = readEnd(this.source.bytes, start + 1, eventEnd);
    return { start: cursor.position, end };
  }
}
