/**
 * Recognizes envelopes whose namespace, topic and type were seen before by their bytes, so that most of what is forwarded is
 * never parsed and no string is made of it.
 */

import type { EnvelopeTemplate } from './envelope-template.js';
import { found, readTimestamp } from './envelope-timestamp.js';
import { BytePattern, MIN_PATTERN_BYTES } from './wire/byte-match.js';
import { cursor } from './wire/wire-reader.js';

/** Slots, a power of two; templates whose headers share a slot replace each other. */
const SLOTS = 1024;

/** A template and the bytes it is recognized by. */
interface Known<T extends EnvelopeTemplate> {
  readonly template: T;
  readonly routing: BytePattern;
  readonly type: BytePattern;
}

/** Templates by the bytes of their headers, for envelopes in one piece of memory. Of a fixed size. */
export class TemplateTable<T extends EnvelopeTemplate> {
  /** After a {@link find} that found: the envelope's time, and where its payload starts, counted from its start. */
  seconds = 0;
  nanos = 0;
  payloadOffset = 0;

  readonly #source: Buffer;
  readonly #view: DataView;
  readonly #slots: (Known<T> | undefined)[] = new Array(SLOTS).fill(undefined);
  /** What was found last: most envelopes are like the one before. */
  #last: Known<T> | undefined;

  /** @param source where the envelopes are */
  constructor(source: Buffer) {
    this.#source = source;
    this.#view = new DataView(source.buffer, source.byteOffset, source.length);
  }

  /** Adds a template; the next canonical envelope like it is found, unless it has neither namespace nor topic, or no type. */
  add(template: T): void {
    const { routing, type } = template;
    if (routing.length < MIN_PATTERN_BYTES || type.length < MIN_PATTERN_BYTES) return;
    const known = { template, routing: new BytePattern(routing), type: new BytePattern(type) };
    this.#slots[slotOf(routing, 0, routing.length)] = known;
  }

  /**
   * The template that would write exactly the bytes in [start, end): they are a valid, canonical envelope with its
   * namespace, topic and type, from 1970 on, with a payload. `undefined` says nothing about validity.
   *
   * Allocates: nothing. Looks at the bytes before the payload once.
   */
  find(start: number, end: number): T | undefined {
    const source = this.#source;
    const routing = readTimestamp(source, start, end);
    if (routing < 0) return undefined;
    let known = this.#last;
    let payload = known === undefined ? -1 : this.#payloadOf(known, routing, end);
    if (payload < 0) {
      known = this.#slots[slotOf(source, routing, end)];
      if (known === undefined) return undefined;
      payload = this.#payloadOf(known, routing, end);
      if (payload < 0) return undefined;
      this.#last = known;
    }
    this.seconds = found.seconds;
    this.nanos = found.nanos;
    this.payloadOffset = payload - start;
    return known!.template;
  }

  /** Where the payload starts if [position, end) are bytes that a template writes behind the time; -1 if not. */
  #payloadOf({ routing, type }: Known<T>, position: number, end: number): number {
    const source = this.#source;
    const lengthAt = position + routing.size;
    if (lengthAt + type.size + 2 > end || !routing.matches(this.#view, position)) return -1;
    const eventSize = readLength(source, lengthAt, end);
    const typeAt = cursor.position;
    if (typeAt + eventSize !== end || typeAt + type.size >= end || !type.matches(this.#view, typeAt)) return -1;
    const size = readLength(source, typeAt + type.size, end);
    const payload = cursor.position;
    return size > 0 && payload + size === end ? payload : -1;
  }
}

/** From some bytes of `tag length namespace tag length topic` at `position`: both lengths and the ends of both strings. */
function slotOf(source: Buffer, position: number, end: number): number {
  if (position + 2 > end) return 0;
  const namespaceEnd = position + 2 + source[position + 1]!;
  if (namespaceEnd + 2 > end) return 0;
  const topicEnd = namespaceEnd + 2 + source[namespaceEnd + 1]!;
  if (topicEnd > end || topicEnd < 4) return 0;
  let hash = source[namespaceEnd - 1]! * 31 + source[namespaceEnd + 1]!;
  for (let index = topicEnd - 4; index < topicEnd; index++) hash = (hash * 31 + source[index]!) | 0;
  return (hash ^ (hash >>> 10)) & (SLOTS - 1);
}

/** A shortest varint of up to four bytes; -1 for anything else. Leaves the cursor after it. */
function readLength(source: Buffer, position: number, end: number): number {
  let value = 0;
  for (let index = 0; index < 4 && position + index < end; index++) {
    const byte = source[position + index]!;
    value |= (byte & 127) << (index * 7);
    if (byte < 128) {
      cursor.position = position + index + 1;
      return byte === 0 && index > 0 ? -1 : value;
    }
  }
  return -1;
}
