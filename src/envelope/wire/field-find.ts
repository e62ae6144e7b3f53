/** Finds a field of a message whose fields all have content of a given length, and tags of one byte. */
import { readEnd } from './wire-reader.js';

/** Where the content of the first field with a tag ends; it starts at the cursor. -1 where [position, end) has no such field. */
export function findField(source: Buffer, position: number, end: number, tag: number): number {
  while (position < end) {
    const fieldEnd = readEnd(source, position + 1, end);
    if (source[position] === tag) return fieldEnd;
    position = fieldEnd;
  }
  return -1;
}
