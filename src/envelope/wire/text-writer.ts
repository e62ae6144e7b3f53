/** Strings in protobuf's encoding, under the rules of `wire-writer`. */
import { utf8Write } from '../../memory/utf8-write.js';
import { reject, varintSize, writeVarint } from './wire-writer.js';

/** Below this many characters a loop is faster than the call into native code (measured: even at about 20). */
const SHORT_STRING_CHARS = 20;

/** Writes length and UTF-8 bytes. A lone surrogate becomes U+FFFD, as TextEncoder does: protobuf strings must be valid UTF-8. */
export function writeString(target: Buffer, position: number, limit: number, value: unknown, field: string): number {
  if (typeof value !== 'string') return reject(field, 'a string', value);
  const chars = value.length;
  if (chars >= SHORT_STRING_CHARS) return writeUtf8(target, position, limit, value);
  let end = position + 1;
  if (end + chars > limit) return -1;
  target[position] = chars;
  for (let index = 0; index < chars; index++) {
    const code = value.charCodeAt(index);
    if (code > 127) return writeUtf8(target, position, limit, value);
    target[end++] = code;
  }
  return end;
}

function writeUtf8(target: Buffer, position: number, limit: number, value: string): number {
  const chars = value.length;
  if (position + 5 + 3 * chars > limit) {
    // The worst case does not fit, so the exact size is worth a pass.
    const size = Buffer.byteLength(value);
    const start = position + varintSize(size);
    if (start + size > limit) return -1;
    writeVarint(target, position, limit, size);
    utf8Write.call(target, value, start, size);
    return start + size;
  }
  // One pass: the length prefix is guessed from the characters, the bytes move where the guess was wrong.
  const guess = varintSize(chars);
  const size = utf8Write.call(target, value, position + guess, 3 * chars);
  const prefix = varintSize(size);
  if (prefix !== guess) target.copyWithin(position + prefix, position + guess, position + guess + size);
  writeVarint(target, position, limit, size);
  return position + prefix + size;
}
