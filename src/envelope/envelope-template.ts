/**
 * The write path: envelopes of one (namespace, topic, type) differ in their time and payload only, so everything else is
 * encoded once and copied.
 *
 *   0a L 08 seconds 10 nanos   12 L namespace   1a L topic   22 L   0a L typeUrl   12 L payload
 *   '------ per event ------'  '-------------- cached, lengths filled in -------------'
 *
 * The bytes are those protobufjs writes for the same containerd.types.Envelope: fields in order, shortest varints, empty
 * fields omitted. The two lengths that depend on the payload get as many bytes as last time; a wrong guess costs one move.
 */

import { InvalidEventError } from '../errors.js';
import { putWords, WORD_BYTES } from '../memory/short-copy.js';
import { writeTimestamp } from './envelope-timestamp.js';
import type { EventCodec } from './event-codec.js';
import { varintSize, writeRaw, writeVarint } from './wire/wire-writer.js';

/** What writes a payload: a codec, or {@link rawPayload}. */
export type PayloadEncoder = Pick<EventCodec, 'encode'>;

/** Passes an Any `{ typeUrl, value }` through: its value is the payload, its type URL is in the template. */
export const rawPayload: PayloadEncoder = {
  encode(event, target, position, limit) {
    const value = (event as { value?: unknown }).value;
    return value === undefined ? position : writeRaw(target, position, limit, value, 'value');
  },
};

/** Looked up once: on a target of any kind it is a search along the prototypes. */
const { set: setBytes } = Uint8Array.prototype;

const NAMESPACE_TAG = 18;
const TOPIC_TAG = 26;
const EVENT_TAG = 34;
const TYPE_URL_TAG = 10;
const VALUE_TAG = 18;

/** Bytes of a string field; none for the empty string. */
function fieldSize(textSize: number): number {
  return textSize === 0 ? 0 : 1 + varintSize(textSize) + textSize;
}

/** Writes tag, length and text of a string field into a buffer that has room for it. Returns the position after it. */
function putString(target: Buffer, position: number, tag: number, text: string, textSize: number): number {
  if (textSize === 0) return position;
  target[position] = tag;
  const start = writeVarint(target, position + 1, target.length, textSize);
  return start + target.write(text, start, textSize, 'utf8');
}

/** What the last template needed for its two lengths: a new one most likely needs the same. */
let usualEventPrefix = 1;
let usualValuePrefix = 1;

/** A template's objects: itself, its three buffers and its words. */
const OBJECT_BYTES = 640;

/** Writes envelopes of one namespace, topic and type. */
export class EnvelopeTemplate {
  /** After {@link write}: where the payload starts, counted from the envelope's start. */
  payloadOffset = 0;
  /** The fields between the timestamp and the event, up to and including the event's tag. */
  routing!: Buffer;
  /** The fields of the event up to and including the value's tag. */
  type!: Buffer;

  // Both with room for lengths of the guessed sizes.
  #head!: Buffer;
  /** The same in whole words, which end up to three bytes later. */
  #headWords!: Int32Array;
  // The lengths of the buffers: to ask a Buffer for its own is a call where several kinds of them were seen.
  #headSize!: number;
  #routingSize!: number;
  #typeSize!: number;
  #eventPrefix!: number;
  #valuePrefix!: number;

  constructor(
    readonly namespace: string,
    readonly topic: string,
    readonly typeUrl: string,
  ) {
    this.#layOut(usualEventPrefix, usualValuePrefix);
  }

  /** What it takes of memory, about. */
  get memoryBytes(): number {
    return OBJECT_BYTES + this.#headSize + 2 * this.typeUrl.length;
  }

  /**
   * Writes a canonical envelope into `target[position, limit)`.
   *
   * May be called again, on this template too, by a getter of the event. After a throw or -1 the template is as before;
   * bytes in [position, limit) are undefined, nothing else is touched.
   *
   * @param seconds  since 1970, an integer, negative before
   * @param nanos    0 to 999,999,999
   * @param view     the same memory as `target`, where there is one: a shorter way for what repeats
   * @returns the position after the envelope, or -1 when it does not fit
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when the event cannot be encoded; `cause` is what a getter threw
   */
  write(
    target: Buffer,
    position: number,
    limit: number,
    seconds: number,
    nanos: number,
    codec: PayloadEncoder,
    event: unknown,
    view?: DataView,
  ): number {
    const eventPrefix = this.#eventPrefix;
    const valuePrefix = this.#valuePrefix;
    const headWords = this.#headWords;
    const routing = writeTimestamp(target, position, limit, seconds, nanos);
    if (routing < 0) return -1;
    const start = routing + this.#headSize;
    let end = -1;
    if (start <= limit) {
      // The payload goes over what the last word has too much.
      if (view !== undefined && routing + headWords.length * WORD_BYTES <= limit) putWords(view, routing, headWords);
      else setBytes.call(target, this.#head, routing);
      end = this.#encode(codec, event, target, start, limit);
    }
    if (end < 0) {
      // It has more than `room` bytes. Would one that just does not fit have done with shorter lengths than guessed, or,
      // being empty, with none?
      const room = limit - start;
      const tight =
        room < 0 || varintSize(room + 1) < valuePrefix || varintSize(this.#typeSize + room + 2) < eventPrefix;
      return tight ? this.#writeTight(target, position, routing, limit, codec, event) : -1;
    }
    return this.#close(target, position, routing, eventPrefix, start, end, limit);
  }

  /** The same with one byte for each length; the end of `target` is near. */
  #writeTight(
    target: Buffer,
    position: number,
    routing: number,
    limit: number,
    codec: PayloadEncoder,
    event: unknown,
  ): number {
    const full = routing + this.#routingSize + this.#typeSize + 2;
    // An empty payload has neither tag nor length.
    if (full - 2 > limit) return -1;
    target.set(this.routing, routing);
    const start = Math.min(full, limit);
    const end = this.#encode(codec, event, target, start, limit);
    return end < 0 ? -1 : this.#close(target, position, routing, 0, start, end, limit);
  }

  #encode(codec: PayloadEncoder, event: unknown, target: Buffer, start: number, limit: number): number {
    try {
      return codec.encode(event, target, start, limit);
    } catch (error) {
      throw InvalidEventError.from(error, `encoding it as ${this.typeUrl}`);
    }
  }

  /** Fills in both lengths; where they need other room than was kept, moves the payload and remembers. */
  #close(
    target: Buffer,
    position: number,
    routing: number,
    eventPrefix: number,
    start: number,
    end: number,
    limit: number,
  ): number {
    const size = end - start;
    const valueSize = varintSize(size);
    const eventSize = size === 0 ? this.#typeSize - 1 : this.#typeSize + valueSize + size;
    const eventSizeSize = varintSize(eventSize);
    const lengthAt = routing + this.#routingSize;
    const typeAt = lengthAt + eventSizeSize;
    const payload = size === 0 ? typeAt + eventSize : typeAt + this.#typeSize + valueSize;
    if (payload + size > limit) return -1;
    if (eventSizeSize !== eventPrefix || payload !== start) {
      target.copyWithin(payload, start, end);
      target.set(size === 0 ? this.type.subarray(0, -1) : this.type, typeAt);
      if (size > 0) this.#guess(eventSizeSize, valueSize);
    }
    writeVarint(target, lengthAt, limit, eventSize);
    if (size > 0) writeVarint(target, payload - valueSize, limit, size);
    this.payloadOffset = payload - position;
    return payload + size;
  }

  #guess(eventPrefix: number, valuePrefix: number): void {
    usualEventPrefix = eventPrefix;
    usualValuePrefix = valuePrefix;
    this.#layOut(eventPrefix, valuePrefix);
  }

  /** Encodes everything that repeats into one buffer, of which `routing` and `type` are parts. */
  #layOut(eventPrefix: number, valuePrefix: number): void {
    const namespaceSize = Buffer.byteLength(this.namespace);
    const topicSize = Buffer.byteLength(this.topic);
    const typeUrlSize = Buffer.byteLength(this.typeUrl);
    const routingSize = fieldSize(namespaceSize) + fieldSize(topicSize) + 1;
    const typeSize = fieldSize(typeUrlSize) + 1;
    const headSize = routingSize + eventPrefix + typeSize + valuePrefix;
    const words = new Int32Array(Math.ceil(headSize / WORD_BYTES));
    const head = Buffer.from(words.buffer, 0, headSize);
    let position = putString(head, 0, NAMESPACE_TAG, this.namespace, namespaceSize);
    position = putString(head, position, TOPIC_TAG, this.topic, topicSize);
    head[position] = EVENT_TAG;
    const typeAt = routingSize + eventPrefix;
    head[putString(head, typeAt, TYPE_URL_TAG, this.typeUrl, typeUrlSize)] = VALUE_TAG;
    this.routing = head.subarray(0, routingSize);
    this.type = head.subarray(typeAt, typeAt + typeSize);
    this.#head = head;
    this.#headWords = words;
    this.#headSize = headSize;
    this.#routingSize = routingSize;
    this.#typeSize = typeSize;
    this.#eventPrefix = eventPrefix;
    this.#valuePrefix = valuePrefix;
  }
}
