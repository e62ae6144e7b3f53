/** Comparing bytes without the call into native code, which costs as much as comparing two hundred of them. */

/** Whether the bytes of `source` from `start` on are `bytes`; nothing is read at or beyond `end`. */
export function startsWith(source: Uint8Array, start: number, end: number, bytes: Uint8Array): boolean {
  const size = bytes.length;
  if (start + size > end) return false;
  let difference = 0;
  let index = 0;
  // Four at a time and no way out in between: what is compared here nearly always is equal.
  for (; index + 3 < size; index += 4) {
    difference |=
      (source[start + index]! ^ bytes[index]!) |
      (source[start + index + 1]! ^ bytes[index + 1]!) |
      (source[start + index + 2]! ^ bytes[index + 2]!) |
      (source[start + index + 3]! ^ bytes[index + 3]!);
  }
  for (; index < size; index++) difference |= source[start + index]! ^ bytes[index]!;
  return difference === 0;
}

/** The shortest pattern, in bytes: a word. */
export const MIN_PATTERN_BYTES = 4;
const WORD_BYTES = 4;

/** Bytes to be recognized in one view again and again, a word at a time: a third of the cost of {@link startsWith}. */
export class BytePattern {
  readonly size: number;
  readonly #words: Int32Array;

  /** @param bytes at least {@link MIN_PATTERN_BYTES} */
  constructor(bytes: Uint8Array) {
    this.size = bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#words = new Int32Array(Math.ceil(bytes.length / WORD_BYTES));
    for (let index = 0; index < this.#words.length; index++) this.#words[index] = view.getInt32(this.#offsetOf(index));
  }

  /** Whether the bytes at `position` are these; all of them have to be inside the view. */
  matches(view: DataView, position: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    let difference = view.getInt32(position + this.#offsetOf(last)) ^ words[last]!;
    for (let index = 0; index < last; index++)
      difference |= view.getInt32(position + index * WORD_BYTES) ^ words[index]!;
    return difference === 0;
  }

  /** The last word overlaps the one before it where the bytes are no multiple of four. */
  #offsetOf(index: number): number {
    return Math.min(index * WORD_BYTES, this.size - WORD_BYTES);
  }
}
