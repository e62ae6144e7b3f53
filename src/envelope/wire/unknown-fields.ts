/**
 * Fields of a message that this version does not know: a newer one wrote them, and they are written again behind the known
 * ones, in the order they came in, so that an event passes through here whole.
 *
 * They are a property of the message under a symbol: `{ ...event, pid: 1 }` keeps them, JSON and comparisons of fields do not
 * see them. A message without any has no such property.
 */

import { skipField } from './field-skip.js';
import { varintSize, writeRaw, writeVarint } from './wire-writer.js';

/** The key of a message's unknown fields. The same in every copy of this package. */
export const UNKNOWN: unique symbol = Symbol.for('ringcast.unknownFields') as never;

/** What may have unknown fields. */
export interface Keeper {
  [UNKNOWN]?: UnknownFields;
}

/** Encoded fields, one behind the other. */
class UnknownFields {
  bytes: Uint8Array;
  size = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `size` bytes; returns where they go. */
  grow(size: number): number {
    const start = this.size;
    this.size += size;
    if (this.size > this.bytes.length) {
      const { bytes } = this;
      this.bytes = new Uint8Array(2 * this.size);
      this.bytes.set(bytes);
    }
    return start;
  }
}

export type { UnknownFields };

function fieldsOf(message: object): UnknownFields {
  return ((message as Keeper)[UNKNOWN] ??= new UnknownFields(32));
}

/** Keeps the field at `position`, whose tag was read before it; returns the position after it. */
export function keepUnknown(
  message: object,
  source: Buffer,
  position: number,
  end: number,
  tag: number,
  depth: number,
): number {
  const fieldEnd = skipField(source, position, end, tag, depth);
  const fields = fieldsOf(message);
  const size = fieldEnd - position;
  const start = fields.grow(varintSize(tag) + size);
  const content = putVarint(fields.bytes, start, tag);
  fields.bytes.set(source.subarray(position, fieldEnd), content);
  return fieldEnd;
}

/** Keeps a value of a packed list as a field of its own: one that a closed enum does not name. */
export function keepVarint(message: object, tag: number, value: number): void {
  const fields = fieldsOf(message);
  // Negative values have 64 bits on the wire.
  const valueSize = value < 0 ? 10 : varintSize(value);
  const start = fields.grow(varintSize(tag) + valueSize);
  const at = putVarint(fields.bytes, start, tag);
  if (value >= 0) putVarint(fields.bytes, at, value);
  else {
    const bits = BigInt.asUintN(64, BigInt(value));
    for (let index = 0; index < 10; index++) {
      fields.bytes[at + index] = Number((bits >> BigInt(7 * index)) & 127n) | (index < 9 ? 128 : 0);
    }
  }
}

function putVarint(bytes: Uint8Array, position: number, value: number): number {
  return writeVarint(bytes as Buffer, position, bytes.length, value);
}

/** Writes unknown fields as they came; returns the position after them, or -1 where they do not fit. */
export function writeUnknown(fields: UnknownFields, target: Buffer, position: number, limit: number): number {
  return writeRaw(target, position, limit, fields.bytes.subarray(0, fields.size), 'unknown fields');
}

/** The unknown fields of a message, encoded; undefined where it has none. A copy. */
export function unknownFieldsOf(message: object): Uint8Array | undefined {
  const fields = (message as Keeper)[UNKNOWN];
  return fields?.bytes.slice(0, fields.size);
}
