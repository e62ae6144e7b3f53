/** Copies bytes in a loop of words: a call into native code, and the view that it needs, cost as much as a kilobyte of that. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
export const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** More is copied by the native way. */
const MAX_BYTES = 1024;

/**
 * Copies `source[start, end)` to `bytes[at]` and on.
 *
 * @param words the same memory as `bytes`, in native byte order; `at` is where one of them starts
 * @param view the same memory as `source`
 */
export function copyShort(
  words: Int32Array,
  bytes: Uint8Array,
  at: number,
  source: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): void {
  if (end - start > MAX_BYTES) {
    bytes.set(source.subarray(start, end), at);
    return;
  }
  let word = at >> 2;
  let from = start;
  // Four at a time: half the cost of a loop of single words.
  for (; from + 4 * WORD_BYTES <= end; from += 4 * WORD_BYTES) {
    words[word] = view.getInt32(from, LITTLE_ENDIAN);
    words[word + 1] = view.getInt32(from + WORD_BYTES, LITTLE_ENDIAN);
    words[word + 2] = view.getInt32(from + 2 * WORD_BYTES, LITTLE_ENDIAN);
    words[word + 3] = view.getInt32(from + 3 * WORD_BYTES, LITTLE_ENDIAN);
    word += 4;
  }
  for (; from + WORD_BYTES <= end; from += WORD_BYTES) words[word++] = view.getInt32(from, LITTLE_ENDIAN);
  for (let to = word * WORD_BYTES; from < end; from++) bytes[to++] = source[from]!;
}

/** Puts `words` at `at`, which need not be where a word of that memory starts. */
export function putWords(view: DataView, at: number, words: Int32Array): void {
  for (let index = 0, to = at; index < words.length; index++, to += WORD_BYTES) {
    view.setInt32(to, words[index]!, LITTLE_ENDIAN);
  }
}
