/**
 * The timestamp field of an envelope: `0a L 08 seconds 10 nanos`, zero seconds and zero nanos omitted.
 *
 * The encoded seconds are kept from one envelope to the next, as they change once a second at most.
 */

import { cursor, readInt64AsNumber, readUint32 } from './wire/wire-reader.js';
import { writeInt64, writeVarint } from './wire/wire-writer.js';

const TIMESTAMP_TAG = 10;
const SECONDS_TAG = 8;
const NANOS_TAG = 16;

let cachedSeconds = 0;
let cachedSize = 0;
const cachedField = Buffer.alloc(11);

function cacheSeconds(seconds: number): void {
  cachedField[0] = SECONDS_TAG;
  cachedSize = seconds === 0 ? 0 : writeInt64(cachedField, 1, cachedField.length, seconds, 'timestamp.seconds');
  cachedSeconds = seconds;
}

/** Bytes of the tag and the seconds from 1978 to 3058. */
const USUAL_SECONDS_SIZE = 6;
/** From here on nanoseconds take four bytes, and five from 2^28 on. */
const USUAL_NANOS = 2 ** 21;
const USUAL_NANOS_SIZE = 6;

/**
 * Writes the field; returns the position after it, or -1 when it does not fit. Written out for speed where both numbers are as
 * long as they usually are.
 */
export function writeTimestamp(
  target: Buffer,
  position: number,
  limit: number,
  seconds: number,
  nanos: number,
): number {
  if (seconds !== cachedSeconds) cacheSeconds(seconds);
  const start = position + 2;
  let end = start + cachedSize;
  if (end > limit) return -1;
  if (cachedSize === USUAL_SECONDS_SIZE) {
    target[start] = cachedField[0]!;
    target[start + 1] = cachedField[1]!;
    target[start + 2] = cachedField[2]!;
    target[start + 3] = cachedField[3]!;
    target[start + 4] = cachedField[4]!;
    target[start + 5] = cachedField[5]!;
  } else {
    for (let index = 0; index < cachedSize; index++) target[start + index] = cachedField[index]!;
  }
  if (nanos >= USUAL_NANOS && end + USUAL_NANOS_SIZE <= limit) {
    target[end] = NANOS_TAG;
    target[end + 1] = (nanos & 127) | 128;
    target[end + 2] = ((nanos >>> 7) & 127) | 128;
    target[end + 3] = ((nanos >>> 14) & 127) | 128;
    const rest = nanos >>> 21;
    if (rest < 128) {
      target[end + 4] = rest;
      end += 5;
    } else {
      target[end + 4] = (rest & 127) | 128;
      target[end + 5] = rest >>> 7;
      end += 6;
    }
  } else if (nanos !== 0) {
    if (end >= limit) return -1;
    target[end] = NANOS_TAG;
    end = writeVarint(target, end + 1, limit, nanos);
    if (end < 0) return -1;
  }
  target[position] = TIMESTAMP_TAG;
  target[position + 1] = end - start;
  return end;
}

/** What {@link readTimestamp} found. */
export const found = { seconds: 0, nanos: 0 };

/**
 * Reads the field at `start` into {@link found}; returns where it ends, or -1 where there is no timestamp in canonical form
 * with both fields set and from 1970 on. That is the usual one; the others take the general way.
 */
export function readTimestamp(source: Buffer, start: number, end: number): number {
  // The shortest has a byte for each tag, length and number.
  if (start + 6 > end || source[start] !== TIMESTAMP_TAG || source[start + 2] !== SECONDS_TAG) return -1;
  const fieldEnd = start + 2 + source[start + 1]!;
  if (fieldEnd > end || source[start + 1]! > 127) return -1;
  let at = start + 3;
  if (isCached(source, start + 2, fieldEnd)) {
    at = start + 2 + cachedSize;
  } else {
    while (at < fieldEnd && source[at]! > 127) at++;
    // Ending in zero, it is longer than needed; with ten bytes, it is negative.
    if (at >= fieldEnd || source[at] === 0 || at - start > 11) return -1;
    const seconds = readInt64AsNumber(source, start + 3, fieldEnd);
    if (!Number.isSafeInteger(seconds)) return -1;
    cacheSeconds(seconds);
    at = cursor.position;
  }
  const size = fieldEnd - at - 1;
  const last = source[fieldEnd - 1]!;
  // The fifth byte holds four bits more of a 32-bit number.
  if (size < 1 || size > 5 || source[at] !== NANOS_TAG || last === 0 || last > (size === 5 ? 15 : 127)) return -1;
  const nanos = readUint32(source, at + 1, fieldEnd);
  if (cursor.position !== fieldEnd || nanos >= 1_000_000_000) return -1;
  found.seconds = cachedSeconds;
  found.nanos = nanos;
  return fieldEnd;
}

// A time on its way from two halves to a bigint.
const halves = new Uint32Array(2);
const wide = new BigUint64Array(halves.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/**
 * `seconds * 10^9 + nanos`, exactly.
 *
 * Up to the year 2242 by 16-bit parts of the seconds, whose products are exact doubles: one bigint is made instead of four.
 */
export function nanosSinceEpoch(seconds: number, nanos: number): bigint {
  if (seconds < 0 || seconds >= 2 ** 33) return BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  const upper = Math.floor(seconds / 2 ** 16) * 1e9;
  const carried = Math.floor(upper / 2 ** 16);
  const lower = (upper - carried * 2 ** 16) * 2 ** 16 + (seconds & 0xffff) * 1e9 + nanos;
  halves[LOW] = lower;
  halves[1 - LOW] = carried + Math.floor(lower / 2 ** 32);
  return wide[0]!;
}

function isCached(source: Buffer, position: number, end: number): boolean {
  if (cachedSize === 0 || position + cachedSize > end) return false;
  for (let index = 0; index < cachedSize; index++) if (source[position + index] !== cachedField[index]) return false;
  return true;
}
