/**
 * Recognizes envelopes whose namespace, topic and type were seen before by their bytes, so that most of what is forwarded is
 * never parsed and no string is made of it.
 */

import { startsWith } from './byte-match.js';
import type { EnvelopeTemplate } from './envelope-template.js';
import { found, readTimestamp } from './envelope-timestamp.js';
import { cursor } from './wire-reader.js';

/** Slots, a power of two; templates whose headers share a slot replace each other. */
const SLOTS = 1024;

/** Templates by the bytes of their headers. Of a fixed size; one for each thread that forwards. */
export class TemplateTable {
  /** After a {@link find} that found: the envelope's time, and where its payload starts, counted from its start. */
  seconds = 0;
  nanos = 0;
  payloadOffset = 0;

  readonly #slots: (EnvelopeTemplate | undefined)[] = new Array(SLOTS).fill(undefined);
  /** What was found last: most envelopes are like the one before. */
  #last: EnvelopeTemplate | undefined;

  /** Adds a template; the next canonical envelope like it is found. */
  add(template: EnvelopeTemplate): void {
    this.#slots[slotOf(template.routing, 0, template.routing.length)] = template;
  }

  /**
   * The template that would write exactly the bytes in `source[start, end)`: they are a valid, canonical envelope with its
   * namespace, topic and type, from 1970 on, with a payload. `undefined` says nothing about validity.
   *
   * Allocates: nothing. Looks at the bytes before the payload once.
   */
  find(source: Buffer, start: number, end: number): EnvelopeTemplate | undefined {
    const routing = readTimestamp(source, start, end);
    if (routing < 0) return undefined;
    let template = this.#last;
    let payload = template === undefined ? -1 : payloadOf(template, source, routing, end);
    if (payload < 0) {
      template = this.#slots[slotOf(source, routing, end)];
      if (template === undefined) return undefined;
      payload = payloadOf(template, source, routing, end);
      if (payload < 0) return undefined;
      this.#last = template;
    }
    this.seconds = found.seconds;
    this.nanos = found.nanos;
    this.payloadOffset = payload - start;
    return template;
  }
}

/** From some bytes of `tag length namespace tag length topic` at `position`: both lengths and the ends of both texts. */
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

/** Where the payload starts if [routing, end) are bytes this template writes; -1 if not. */
function payloadOf(template: EnvelopeTemplate, source: Buffer, routing: number, end: number): number {
  const fixed = template.routing;
  const type = template.type;
  const lengthAt = routing + fixed.length;
  if (lengthAt + type.length + 2 > end || !startsWith(source, routing, end, fixed)) return -1;
  const eventSize = readLength(source, lengthAt, end);
  const typeAt = cursor.position;
  if (typeAt + eventSize !== end || typeAt + type.length >= end || !startsWith(source, typeAt, end, type)) return -1;
  const size = readLength(source, typeAt + type.length, end);
  const payload = cursor.position;
  return size > 0 && payload + size === end ? payload : -1;
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
