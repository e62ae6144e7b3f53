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

/** Longer keys of maps are not remembered. */
const MAX_CACHED_KEY_BYTES = 64;

/** A power of two. */
const KEY_SLOTS = 512;

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

function isAscii(source: Buffer, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  for (; at + 7 < end; at += 8) {
    bits |=
      source[at]! |
      source[at + 1]! |
      source[at + 2]! |
      source[at + 3]! |
      source[at + 4]! |
      source[at + 5]! |
      source[at + 6]! |
      source[at + 7]!;
  }
  for (; at < end; at++) bits |= source[at]!;
  return bits < 128;
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

/** Reads the key of a map entry. Labels have the same keys again and again, so the strings are kept: as keys they are hashed. */
export function readKey(source: Buffer, position: number, end: number): string {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  const size = fieldEnd - start;
  if (size === 0 || size > MAX_CACHED_KEY_BYTES) return decodeUtf8(source, start, fieldEnd);
  const slot =
    (size ^ (source[fieldEnd - 1]! << 2) ^ (source[start + (size >> 1)]! << 4) ^ source[start]!) & (KEY_SLOTS - 1);
  const cached = keys[slot];
  if (cached?.bytes.length === size && startsWith(source, start, fieldEnd, cached.bytes)) return cached.text;
  const text = decodeUtf8(source, start, fieldEnd);
  keys[slot] = { bytes: new Uint8Array(source.subarray(start, fieldEnd)), text };
  return text;
}

const keys: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = new Array(KEY_SLOTS).fill(
  undefined,
);
