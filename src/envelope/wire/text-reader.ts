/**
 * Protobuf's strings. A call into native code costs as much as reading sixty bytes here, so neighbouring strings of a
 * message share one, and short ones do without.
 */

import { cursor, readEnd, WireError } from './wire-reader.js';

/** Below this many bytes characters are put together here; above it the call into native code is faster (measured). */
const SHORT_STRING_BYTES = 24;

/** How far ahead characters are made in one call. What is kept of a message keeps this much of it at most. */
const WINDOW_BYTES = 256;

/**
 * A source of this size is a batch, from which many strings are read: worth a DataView, which costs as much as looking at two
 * hundred bytes one by one. A message in a Buffer of its own is not.
 */
export const VIEWED_BYTES = 4096;

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
  if (size < SHORT_STRING_BYTES) return shortText(source, start, fieldEnd);
  if (fieldEnd > windowEnd) {
    if (size > WINDOW_BYTES || !isAscii(source, start, fieldEnd)) return decodeLongUtf8(source, start, fieldEnd);
    windowStart = start;
    windowEnd = Math.min(end, start + WINDOW_BYTES);
    windowText = (source as unknown as Slicer).latin1Slice(start, windowEnd);
  } else if (!isAscii(source, start, fieldEnd)) {
    return decodeLongUtf8(source, start, fieldEnd);
  }
  return windowText.slice(start - windowStart, fieldEnd - windowStart);
}

/** Whether a string of the message that is being read may be given to {@link shortText}. */
export function isShort(size: number): boolean {
  return size < SHORT_STRING_BYTES;
}

/** [start, end) of the message that is being read, as {@link decodeUtf8} has it. */
export function shortText(source: Buffer, start: number, end: number): string {
  if (end > windowEnd) return decodeUtf8(source, start, end);
  let bits = 0;
  for (let at = start; at < end; at++) bits |= source[at]!;
  return bits < 128 ? windowText.slice(start - windowStart, end - windowStart) : decodeLongUtf8(source, start, end);
}

// Reads words at any byte of the large source that was read last.
let viewed: Buffer | undefined;
let view = new DataView<ArrayBufferLike>(new ArrayBuffer(0));

/** A view of a source of at least {@link VIEWED_BYTES}. */
export function viewOf(source: Buffer): DataView {
  if (viewed !== source) {
    view = new DataView(source.buffer, source.byteOffset, source.length);
    viewed = source;
  }
  return view;
}

function isAscii(source: Buffer, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  if (end - start >= SHORT_STRING_BYTES) {
    if (source.length >= VIEWED_BYTES) {
      const words = viewOf(source);
      for (; at + 7 < end; at += 8) bits |= words.getInt32(at) | words.getInt32(at + 4);
      if ((bits & 0x80808080) !== 0) return false;
      bits = 0;
    } else {
      for (; at + 3 < end; at += 4) bits |= source[at]! | source[at + 1]! | source[at + 2]! | source[at + 3]!;
    }
  }
  for (; at < end; at++) bits |= source[at]!;
  return bits < 128;
}

/** [start, end) as a string; throws WireError where it is not UTF-8. */
export function decodeUtf8(source: Buffer, start: number, end: number): string {
  if (end - start >= SHORT_STRING_BYTES) return decodeLongUtf8(source, start, end);
  let text = '';
  let at = start;
  let bits = 0;
  for (; at + 7 < end; at += 8) {
    const a = source[at]!;
    const b = source[at + 1]!;
    const c = source[at + 2]!;
    const d = source[at + 3]!;
    const e = source[at + 4]!;
    const f = source[at + 5]!;
    const g = source[at + 6]!;
    const h = source[at + 7]!;
    bits |= a | b | c | d | e | f | g | h;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  if (at + 3 < end) {
    const a = source[at]!;
    const b = source[at + 1]!;
    const c = source[at + 2]!;
    const d = source[at + 3]!;
    at += 4;
    bits |= a | b | c | d;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const byte = source[at]!;
    bits |= byte;
    text += String.fromCharCode(byte);
  }
  return bits < 128 ? text : decodeLongUtf8(source, start, end);
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
