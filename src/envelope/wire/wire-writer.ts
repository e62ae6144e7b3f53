/**
 * Protobuf's encodings as plain functions over a caller's buffer; what generated code calls.
 *
 * One shape for all: `write…(target, position, limit, value, field)` puts `value` at `position` and returns the position
 * after it, or -1 when it would not end at or before `limit`. Nothing at or beyond `limit` is ever touched, so the target
 * may be a window of a shared ring. Bytes in [position, limit) are undefined after -1.
 *
 * Every value is checked before it is written: a wrong type or range throws InvalidEventError with `field` in the message.
 * No state outlives a call, so a getter of the event may encode another event in between. Nothing is allocated.
 */

import { types } from 'node:util';
import { InvalidEventError } from '../../errors.js';
import { EMPTY_BYTES } from './wire-reader.js';

const TWO_TO_32 = 0x1_0000_0000;
const MAX_FLOAT = 2 ** 128 - 2 ** 104;
/** From here on, what is rounded to a float becomes infinity. */
const FLOAT_OVERFLOW = 2 ** 128 - 2 ** 103;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

// A 64-bit value on its way between bigint and two halves. Used within one call only, never across user code.
const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

const lengthGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')!.get as (
  this: Uint8Array,
) => number;

/** The length that `set` copies. The property could be overridden to claim another. Throws a TypeError for a proxy. */
export function lengthOf(bytes: Uint8Array): number {
  return lengthGetter.call(bytes);
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return 'a string';
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
    return `${value}`;
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Throws InvalidEventError `BUS_INVALID_EVENT` that names the field, what it takes and what it got. */
export function reject(field: string, expected: string, value: unknown): never {
  throw new InvalidEventError(`${field} must be ${expected}, got ${show(value)}`);
}

/** Bytes of `value` (0 to 2^32 - 1) as a varint. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes a tag, a length or any other trusted unsigned 32-bit integer. */
export function writeVarint(target: Buffer, position: number, limit: number, value: number): number {
  let rest = value;
  let end = position;
  while (rest > 127) {
    if (end >= limit) return -1;
    target[end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  if (end >= limit) return -1;
  target[end] = rest;
  return end + 1;
}

/** Puts the length of [start, end) into the one byte that was kept before `start`, and moves the content where one is too few. */
export function closeDelimited(target: Buffer, start: number, end: number, limit: number): number {
  const size = end - start;
  if (size < 0x80) {
    target[start - 1] = size;
    return end;
  }
  const shift = varintSize(size) - 1;
  if (end + shift > limit) return -1;
  target.copyWithin(start + shift, start, end);
  writeVarint(target, start - 1, limit, size);
  return end + shift;
}

/** The length of a Uint8Array (or Buffer) that it cannot misstate. */
function byteLengthOf(value: unknown, field: string): number {
  // isView is false for a Proxy, whose length and content need not agree.
  if (!types.isUint8Array(value)) reject(field, 'a Uint8Array', value);
  return lengthOf(value as Uint8Array);
}

/** Refuses bytes that were transferred elsewhere: their length is 0 as that of no bytes. */
function checkAttached(bytes: Uint8Array, field: string): void {
  try {
    bytes.at(0);
  } catch {
    reject(field, 'a Uint8Array whose buffer was not transferred', bytes);
  }
}

/** Whether a value whose `length` is 0 has bytes after all. Refuses what is no Uint8Array, such as an empty string. */
export function hasBytes(value: unknown, field: string): boolean {
  if (value === EMPTY_BYTES) return false;
  if (byteLengthOf(value, field) > 0) return true;
  checkAttached(value as Uint8Array, field);
  return false;
}

/** Writes the bytes of a Uint8Array and no length. */
export function writeRaw(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const end = position + byteLengthOf(value, field);
  if (end > limit) return -1;
  if (end === position) checkAttached(value as Uint8Array, field);
  Uint8Array.prototype.set.call(target, value as Uint8Array, position);
  return end;
}

/** Writes length and bytes of a Uint8Array. */
export function writeBytes(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const start = writeVarint(target, position, limit, byteLengthOf(value, field));
  return start < 0 ? -1 : writeRaw(target, start, limit, value, field);
}

export function writeBool(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value !== 'boolean') return reject(field, 'a boolean', value);
  if (position >= limit) return -1;
  target[position] = value ? 1 : 0;
  return position + 1;
}

function uint32(value: unknown, field: string): number {
  if (typeof value !== 'number' || value >>> 0 !== value) reject(field, 'an integer from 0 to 4294967295', value);
  return value;
}

function int32(value: unknown, field: string): number {
  if (typeof value !== 'number' || (value | 0) !== value)
    reject(field, 'an integer from -2147483648 to 2147483647', value);
  return value;
}

export function writeUint32(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  return writeVarint(target, position, limit, uint32(value, field));
}

/** Also enums. Negative values take ten bytes, as if they had 64 bits. */
export function writeInt32(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const checked = int32(value, field);
  if (checked >= 0) return writeVarint(target, position, limit, checked);
  halves[LOW] = checked;
  halves[HIGH] = -1;
  return writeHalves(target, position, limit);
}

export function writeSint32(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const checked = int32(value, field);
  return writeVarint(target, position, limit, ((checked << 1) ^ (checked >> 31)) >>> 0);
}

export function writeFixed32(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const checked = uint32(value, field);
  return position + 4 > limit ? -1 : target.writeUInt32LE(checked, position);
}

export function writeSfixed32(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  const checked = int32(value, field);
  return position + 4 > limit ? -1 : target.writeInt32LE(checked, position);
}

function checkInfinite(value: number, field: string): void {
  if (Number.isFinite(value)) reject(field, `a number from -${MAX_FLOAT} to ${MAX_FLOAT} (or infinite)`, value);
}

/** A number is rounded to the nearest float. One that only infinity is near to is refused, unless it is infinite itself. */
export function writeFloat(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value !== 'number') return reject(field, 'a number', value);
  if (value >= FLOAT_OVERFLOW || value <= -FLOAT_OVERFLOW) checkInfinite(value, field);
  return position + 4 > limit ? -1 : target.writeFloatLE(value, position);
}

export function writeDouble(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value !== 'number') return reject(field, 'a number', value);
  return position + 8 > limit ? -1 : target.writeDoubleLE(value, position);
}

/** Splits `value` into the halves. Numbers must be safe integers: beyond 2^53 a number no longer says which integer it is. */
function split(value: unknown, min: bigint, max: bigint, field: string): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && (value >= 0 || min < 0n)) {
    halves[LOW] = value >>> 0;
    halves[HIGH] = Math.floor(value / TWO_TO_32);
  } else if (typeof value === 'bigint' && value >= min && value <= max) {
    wide[0] = value;
  } else {
    reject(field, `a bigint from ${min} to ${max} (or a safe integer)`, value);
  }
}

function writeHalves(target: Buffer, position: number, limit: number): number {
  let low = halves[LOW]!;
  let high = halves[HIGH]!;
  let end = position;
  while (high > 0) {
    if (end >= limit) return -1;
    target[end++] = (low & 127) | 128;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  return writeVarint(target, end, limit, low);
}

function writeHalvesFixed(target: Buffer, position: number, limit: number): number {
  if (position + 8 > limit) return -1;
  target.writeUInt32LE(halves[LOW]!, position);
  return target.writeUInt32LE(halves[HIGH]!, position + 4);
}

export function writeInt64(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value === 'number' && value >>> 0 === value) return writeVarint(target, position, limit, value);
  split(value, MIN_INT64, MAX_INT64, field);
  return writeHalves(target, position, limit);
}

export function writeUint64(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value === 'number' && value >>> 0 === value) return writeVarint(target, position, limit, value);
  split(value, 0n, MAX_UINT64, field);
  return writeHalves(target, position, limit);
}

export function writeSint64(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  split(value, MIN_INT64, MAX_INT64, field);
  const low = halves[LOW]!;
  const high = halves[HIGH]! | 0;
  const sign = high >> 31;
  halves[HIGH] = ((high << 1) | (low >>> 31)) ^ sign;
  halves[LOW] = (low << 1) ^ sign;
  return writeHalves(target, position, limit);
}

export function writeFixed64(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  split(value, 0n, MAX_UINT64, field);
  return writeHalvesFixed(target, position, limit);
}

export function writeSfixed64(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  split(value, MIN_INT64, MAX_INT64, field);
  return writeHalvesFixed(target, position, limit);
}
