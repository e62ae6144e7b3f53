/** Texts that come again and again: topics, namespaces, the keys of maps. Short ones are kept, and found by their bytes. */
import { decodeUtf8, VIEWED_BYTES, viewOf } from './text-reader.js';
import { cursor, readEnd } from './wire-reader.js';

/** Longer texts are not kept. */
const MAX_KEPT_BYTES = 64;

/** A power of two. */
const KEPT_SLOTS = 512;

const WORD_BYTES = 4;

const texts: string[] = new Array(KEPT_SLOTS).fill('');
/** 0: nothing is kept there. */
const sizes = new Uint8Array(KEPT_SLOTS);
const keptBytes = new Uint8Array(KEPT_SLOTS * MAX_KEPT_BYTES);
const keptView = new DataView(keptBytes.buffer);

/** Reads the key of a map entry. Labels have the same keys again and again; as keys the strings are hashed. */
export function readKey(source: Buffer, position: number, end: number): string {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  return decodeRecurring(source, start, fieldEnd);
}

/** [start, end) as a string, kept for the next time; throws WireError where it is not UTF-8. */
export function decodeRecurring(source: Buffer, start: number, end: number): string {
  const size = end - start;
  if (size === 0 || size > MAX_KEPT_BYTES) return decodeUtf8(source, start, end);
  const slot =
    (size ^ (source[end - 1]! << 2) ^ (source[start + (size >> 1)]! << 4) ^ source[start]!) & (KEPT_SLOTS - 1);
  if (sizes[slot] === size && isKept(slot, source, start, size)) return texts[slot]!;
  const text = decodeUtf8(source, start, end);
  texts[slot] = text;
  sizes[slot] = size;
  keptBytes.set(source.subarray(start, end), slot * MAX_KEPT_BYTES);
  return text;
}

/** Whether the `size` bytes at `start` are those that are kept. No way out in between: they nearly always are. */
function isKept(slot: number, source: Buffer, start: number, size: number): boolean {
  const kept = slot * MAX_KEPT_BYTES;
  let difference = 0;
  if (size < WORD_BYTES || source.length < VIEWED_BYTES) {
    for (let at = 0; at < size; at++) difference |= source[start + at]! ^ keptBytes[kept + at]!;
    return difference === 0;
  }
  const words = viewOf(source);
  // The last word overlaps the one before it where the size is no multiple.
  const last = size - WORD_BYTES;
  for (let at = 0; at < last; at += WORD_BYTES) difference |= words.getInt32(start + at) ^ keptView.getInt32(kept + at);
  return (difference | (words.getInt32(start + last) ^ keptView.getInt32(kept + last))) === 0;
}
