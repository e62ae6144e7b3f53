/** MessagePack's values without parts, and the headers of those with parts. Rules and extension types as in `messagepack-writer`. */
import { utf8Write } from '../memory/utf8-write.js';

export const UNDEFINED_EXTENSION = 0;
const BIGINT_EXTENSION = 0x42;
const DATE_EXTENSION = 0xff;

/** Up to here one loop is faster than asking for the size and writing it (as in `wire-writer`). */
const SHORT_STRING_CHARS = 20;

export function writeByte(target: Buffer, position: number, limit: number, byte: number): number {
  if (position >= limit) return -1;
  target[position] = byte;
  return position + 1;
}

export function writeText(target: Buffer, position: number, limit: number, text: string): number {
  const chars = text.length;
  if (chars < SHORT_STRING_CHARS) {
    let end = position + 1;
    if (end + chars > limit) return -1;
    let index = 0;
    for (; index < chars; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) break;
      target[end++] = code;
    }
    if (index === chars) {
      target[position] = 0xa0 | chars;
      return end;
    }
  }
  if (position + 5 + 3 * chars > limit) {
    // The worst case does not fit, so the exact size is worth a pass.
    const size = Buffer.byteLength(text);
    const start = writeTextHeader(target, position, limit, size);
    if (start < 0 || start + size > limit) return -1;
    utf8Write.call(target, text, start, size);
    return start + size;
  }
  // One pass: the size of the header is guessed from the characters, the bytes move where the guess was wrong.
  const guess = position + textHeaderSize(chars);
  const size = utf8Write.call(target, text, guess, 3 * chars);
  const start = position + textHeaderSize(size);
  if (start !== guess) target.copyWithin(start, guess, guess + size);
  writeTextHeader(target, position, limit, size);
  return start + size;
}

function textHeaderSize(size: number): number {
  return size < 32 ? 1 : size < 0x100 ? 2 : headerSize(size);
}

function writeTextHeader(target: Buffer, position: number, limit: number, size: number): number {
  if (size < 32) return writeByte(target, position, limit, 0xa0 | size);
  return writeHeader(target, position, limit, size, 0xd9, 0xda, 0xdb);
}

/** What {@link writeHeader} takes without a form of one byte. */
export function headerSize(size: number): number {
  return size < 0x10000 ? 3 : 5;
}

/** A count or size in one, two or four bytes, each form with its own first byte. */
export function writeHeader(
  target: Buffer,
  position: number,
  limit: number,
  size: number,
  byteForm: number,
  shortForm: number,
  longForm: number,
): number {
  if (size < 0x100 && byteForm !== 0) {
    if (position + 2 > limit) return -1;
    target[position] = byteForm;
    target[position + 1] = size;
    return position + 2;
  }
  if (size < 0x10000) {
    if (position + 3 > limit) return -1;
    target[position] = shortForm;
    target[position + 1] = size >>> 8;
    target[position + 2] = size;
    return position + 3;
  }
  if (position + 5 > limit) return -1;
  target[position] = longForm;
  target[position + 1] = size >>> 24;
  target[position + 2] = size >>> 16;
  target[position + 3] = size >>> 8;
  target[position + 4] = size;
  return position + 5;
}

export function writeNumber(target: Buffer, position: number, limit: number, value: number): number {
  if (value >>> 0 === value && !Object.is(value, -0)) {
    if (value < 0x80) return writeByte(target, position, limit, value);
    return writeHeader(target, position, limit, value, 0xcc, 0xcd, 0xce);
  }
  if ((value | 0) === value && value < 0) {
    if (value >= -0x20) return writeByte(target, position, limit, value & 0xff);
    const size = value >= -0x80 ? 1 : value >= -0x8000 ? 2 : 4;
    if (position + 1 + size > limit) return -1;
    target[position] = size === 1 ? 0xd0 : size === 2 ? 0xd1 : 0xd2;
    return target.writeIntBE(value, position + 1, size);
  }
  if (position + 9 > limit) return -1;
  target[position] = 0xcb;
  return target.writeDoubleBE(value, position + 1);
}

export function writeBigint(target: Buffer, position: number, limit: number, value: bigint): number {
  const signed = BigInt.asIntN(64, value) === value;
  if (!signed && BigInt.asUintN(64, value) !== value) return writeLargeBigint(target, position, limit, value);
  if (position + 9 > limit) return -1;
  target[position] = signed ? 0xd3 : 0xcf;
  return target.writeBigUInt64BE(BigInt.asUintN(64, value), position + 1);
}

/** Two's complement, most significant byte first. */
function writeLargeBigint(target: Buffer, position: number, limit: number, value: bigint): number {
  const magnitude = value < 0n ? ~value : value;
  // One bit more, for the sign.
  const size = Math.floor(magnitude.toString(16).length / 2) + 1;
  const digits = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, '0');
  return writeExtensionBytes(target, position, limit, BIGINT_EXTENSION, Buffer.from(digits, 'hex'));
}

/** An extension whose content follows as a value of its own: one unused byte of data. */
export function writeExtension(target: Buffer, position: number, limit: number, type: number): number {
  if (position + 3 > limit) return -1;
  target[position] = 0xd4;
  target[position + 1] = type;
  target[position + 2] = 0;
  return position + 3;
}

function writeExtensionBytes(target: Buffer, position: number, limit: number, type: number, bytes: Uint8Array): number {
  const header = writeHeader(target, position, limit, bytes.length, 0xc7, 0xc8, 0xc9);
  if (header < 0 || header + 1 + bytes.length > limit) return -1;
  target[header] = type;
  target.set(bytes, header + 1);
  return header + 1 + bytes.length;
}

export function writeDate(target: Buffer, position: number, limit: number, date: Date): number {
  return writeExtensionBytes(target, position, limit, DATE_EXTENSION, dateBytes(date));
}

/** MessagePack's timestamp: 64 bits until the year 2514, else 96; one byte of 255 is no date. */
function dateBytes(date: Date): Uint8Array {
  const ms = date.getTime();
  if (Number.isNaN(ms)) return Buffer.of(255);
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  if (seconds >= 0 && seconds < 2 ** 34) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE((BigInt(nanos) << 34n) | BigInt(seconds));
    return bytes;
  }
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(nanos);
  bytes.writeBigInt64BE(BigInt(seconds), 4);
  return bytes;
}
