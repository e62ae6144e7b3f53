/** Whether the bytes of `source` from `start` on are `bytes`; nothing is read at or beyond `end`. Faster than native up to 200 bytes. */
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
