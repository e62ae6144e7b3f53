/**
 * Protobuf's strings. A call into native code costs as much as reading sixty bytes here, so neighbouring strings of a
 * message share one, and short ones do without.
 */

import { startsWith } from './byte-match.js';
import { cursor, readEnd, WireError } from './wire-reader.js';

/** Below this many bytes characters are put together here; above it the call into native code is faster (measured). */
const SHORT_STRING_BYTES = 24;

/** How far ahead characters are made in one call. What is kept of a message keeps this much of it at most. */
const WINDOW_BYTES = 256;

/** Longer texts that recur are not kept. */
const MAX_KEPT_BYTES = 64;

/** A power of two. */
const KEPT_SLOTS = 512;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Node's own readers: undocumented, in every release; `toString` spends a third more on its arguments. */
interface Slicer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

// The bytes [windowStart, windowEnd) of the message that is being read, as Latin-1. Strings in it are cut out of it.
let windowText = '';
let windowStart = 0;
let windowEnd = 0;

/** Forgets the bytes of the last message. Every decode starts with this: its source may be another. */
export function startText(): void {
  windowEnd = 0;
}

/** Reads length and UTF-8 bytes; throws WireError where they are not UTF-8. */
export function readString(source: Buffer, position: number, end: number): string {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  const size = fieldEnd - start;
  if (fieldEnd > windowEnd) {
    if (size < SHORT_STRING_BYTES) return decodeUtf8(source, start, fieldEnd);
    if (size > WINDOW_BYTES || !isAscii(source, start, fieldEnd)) return decodeLongUtf8(source, start, fieldEnd);
    windowStart = start;
    windowEnd = Math.min(end, start + WINDOW_BYTES);
    windowText = (source as unknown as Slicer).latin1Slice(start, windowEnd);
  } else if (!isAscii(source, start, fieldEnd)) {
    return decodeLongUtf8(source, start, fieldEnd);
  }
  return windowText.slice(start - windowStart, fieldEnd - windowStart);
}

// Reads words at any byte of the source that was read last: a batch most of the time, from which many strings are read.
let viewed: Buffer | undefined;
let view = new DataView<ArrayBufferLike>(new ArrayBuffer(0));

function isAscii(source: Buffer, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  if (end - start >= SHORT_STRING_BYTES) {
    if (viewed !== source) {
      view = new DataView(source.buffer, source.byteOffset, source.length);
      viewed = source;
    }
    for (; at + 7 < end; at += 8) bits |= view.getInt32(at) | view.getInt32(at + 4);
    bits &= 0x80808080;
  }
  for (; at < end; at++) bits |= source[at]! & 128;
  return bits === 0;
}

/** [start, end) as a string; throws WireError where it is not UTF-8. */
export function decodeUtf8(source: Buffer, start: number, end: number): string {
  if (end - start >= SHORT_STRING_BYTES) return decodeLongUtf8(source, start, end);
  let text = '';
  let at = start;
  for (; at + 7 < end; at += 8) {
    const a = source[at]!;
    const b = source[at + 1]!;
    const c = source[at + 2]!;
    const d = source[at + 3]!;
    const e = source[at + 4]!;
    const f = source[at + 5]!;
    const g = source[at + 6]!;
    const h = source[at + 7]!;
    if ((a | b | c | d | e | f | g | h) > 127) return decodeLongUtf8(source, start, end);
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; at < end; at++) {
    const byte = source[at]!;
    if (byte > 127) return decodeLongUtf8(source, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Throws WireError where [start, end) is not UTF-8. */
export function checkUtf8(source: Buffer, start: number, end: number): void {
  if (!isAscii(source, start, end)) decodeLongUtf8(source, start, end);
}

function decodeLongUtf8(source: Buffer, start: number, end: number): string {
  const text = (source as unknown as Slicer).utf8Slice(start, end);
  // Native decoding puts U+FFFD where bytes are wrong; only a text that has one is worth the strict, slow decoder.
  if (!text.includes('\uFFFD')) return text;
  try {
    // A copy, because TextDecoder may refuse shared memory.
    return strictUtf8.decode(Buffer.from(source.subarray(start, end)));
  } catch {
    throw new WireError('a string is not valid UTF-8', start);
  }
}

/** Reads length and bytes as a string; what is not UTF-8 becomes U+FFFD. */
export function readLooseString(source: Buffer, position: number, end: number): string {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  return (source as unknown as Slicer).utf8Slice(start, fieldEnd);
}

/** Reads the key of a map entry. Labels have the same keys again and again; as keys the strings are hashed. */
export function readKey(source: Buffer, position: number, end: number): string {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  return decodeRecurring(source, start, fieldEnd);
}

/** As {@link decodeUtf8}, for texts that come again and again: short ones are kept, and found by their bytes. */
export function decodeRecurring(source: Buffer, start: number, end: number): string {
  const size = end - start;
  if (size === 0 || size > MAX_KEPT_BYTES) return decodeUtf8(source, start, end);
  const slot =
    (size ^ (source[end - 1]! << 2) ^ (source[start + (size >> 1)]! << 4) ^ source[start]!) & (KEPT_SLOTS - 1);
  const known = kept[slot];
  if (known !== undefined && known.bytes.length === size && startsWith(source, start, end, known.bytes))
    return known.text;
  const text = decodeUtf8(source, start, end);
  kept[slot] = { bytes: new Uint8Array(source.subarray(start, end)), text };
  return text;
}

const kept: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = new Array(KEPT_SLOTS).fill(
  undefined,
);
