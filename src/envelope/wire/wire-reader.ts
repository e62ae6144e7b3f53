/**
 * Protobuf's decodings as plain functions over [position, end) of a buffer; what generated code calls.
 *
 * A reader returns the value and leaves the position after it in `cursor.position`. What is accepted and refused is what
 * protobufjs 8 accepts and refuses, down to overlong varints; a refusal throws WireError.
 *
 * Decoding runs no user code, so one cursor per thread is enough.
 */

/** Bytes that are no protobuf. Codecs turn it into MalformedPayloadError, which knows the type. */
export class WireError extends Error {
  constructor(
    readonly reason: string,
    readonly position: number,
  ) {
    super(reason);
  }
}

/** Where the last read ended. */
export const cursor = { position: 0 };

/** Messages may be nested this deep; deeper ones are refused before the stack is. */
export const MAX_DEPTH = 100;

// A 64-bit value on its way from two halves to bigint.
const halves = new Uint32Array(2);
const unsigned = new BigUint64Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

const TWO_TO_32 = 0x1_0000_0000;

export function truncated(position: number): never {
  throw new WireError('the bytes end inside a field', position);
}

export function overlong(position: number): never {
  throw new WireError('a varint is too long', position);
}

/** Reads a varint of up to ten bytes and keeps its low 32 bits. */
export function readUint32(source: Buffer, position: number, end: number): number {
  if (position >= end) truncated(position);
  let byte = source[position]!;
  if (byte < 128) {
    cursor.position = position + 1;
    return byte;
  }
  let value = byte & 127;
  for (let index = 1; index < 10; index++) {
    const at = position + index;
    if (at >= end) truncated(at);
    byte = source[at]!;
    if (index < 5) value |= (byte & 127) << (index * 7);
    if (byte < 128) {
      cursor.position = at + 1;
      return value >>> 0;
    }
  }
  return overlong(position);
}

/** A varint that must fit 32 bits in five bytes; `highest` bounds the fifth. */
function readShortVarint(source: Buffer, position: number, end: number, highest: number): number {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const at = position + index;
    if (at >= end) truncated(at);
    const byte = source[at]!;
    if (index === 4 && byte > highest) overlong(position);
    value |= (byte & 127) << (index * 7);
    if (byte < 128) {
      cursor.position = at + 1;
      return value >>> 0;
    }
  }
  return overlong(position);
}

/** Reads a field's tag: its number times eight plus its wire type. */
export function readTag(source: Buffer, position: number, end: number): number {
  return readShortVarint(source, position, end, 15);
}

/** Reads a length; returns where the field ends, and leaves the cursor where its content starts. */
export function readEnd(source: Buffer, position: number, end: number): number {
  let size: number;
  if (position < end && source[position]! < 128) {
    size = source[position]!;
    cursor.position = position + 1;
  } else {
    size = readShortVarint(source, position, end, 7);
  }
  const fieldEnd = cursor.position + size;
  if (fieldEnd > end) truncated(end);
  return fieldEnd;
}

export function readInt32(source: Buffer, position: number, end: number): number {
  return readUint32(source, position, end) | 0;
}

export function readSint32(source: Buffer, position: number, end: number): number {
  const value = readUint32(source, position, end);
  return (value >>> 1) ^ -(value & 1);
}

export function readBool(source: Buffer, position: number, end: number): boolean {
  let value = false;
  for (let index = 0; index < 10; index++) {
    const at = position + index;
    if (at >= end) truncated(at);
    const byte = source[at]!;
    if ((byte & 127) !== 0) value = true;
    if (byte < 128) {
      cursor.position = at + 1;
      return value;
    }
  }
  return overlong(position);
}

/** Puts the cursor behind `bytes` more bytes. */
export function need(position: number, end: number, bytes: number): void {
  if (position + bytes > end) truncated(end);
  cursor.position = position + bytes;
}

export function readFixed32(source: Buffer, position: number, end: number): number {
  need(position, end, 4);
  return source.readUInt32LE(position);
}

export function readSfixed32(source: Buffer, position: number, end: number): number {
  need(position, end, 4);
  return source.readInt32LE(position);
}

export function readFloat(source: Buffer, position: number, end: number): number {
  need(position, end, 4);
  return source.readFloatLE(position);
}

export function readDouble(source: Buffer, position: number, end: number): number {
  need(position, end, 8);
  return source.readDoubleLE(position);
}

function readHalves(source: Buffer, position: number, end: number): void {
  let low = 0;
  let high = 0;
  for (let index = 0; index < 10; index++) {
    const at = position + index;
    if (at >= end) truncated(at);
    const byte = source[at]!;
    const bits = byte & 127;
    if (index < 4) low |= bits << (index * 7);
    else if (index === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (index * 7 - 32);
    if (byte < 128) {
      halves[LOW] = low;
      halves[HIGH] = high;
      cursor.position = at + 1;
      return;
    }
  }
  overlong(position);
}

function readHalvesFixed(source: Buffer, position: number, end: number): void {
  need(position, end, 8);
  halves[LOW] = source.readUInt32LE(position);
  halves[HIGH] = source.readUInt32LE(position + 4);
}

export function readInt64(source: Buffer, position: number, end: number): bigint {
  readHalves(source, position, end);
  return signed[0]!;
}

/**
 * The seconds of a Timestamp or Duration: a number to users; beyond 2^53, where none is valid, an exact bigint.
 */
export function readSeconds(source: Buffer, position: number, end: number): number {
  const seconds = readInt64AsNumber(source, position, end);
  return Number.isSafeInteger(seconds) ? seconds : (signed[0]! as unknown as number);
}

/** For those who need no more than a number; beyond 2^53 the nearest double. */
export function readInt64AsNumber(source: Buffer, position: number, end: number): number {
  // Seconds since 1970 take five bytes: up to 2^35 no halves are needed.
  if (position + 5 <= end) {
    const last = source[position + 4]!;
    const a = source[position]!;
    const b = source[position + 1]!;
    const c = source[position + 2]!;
    const d = source[position + 3]!;
    if (last < 128 && (a & b & c & d & 128) !== 0) {
      cursor.position = position + 5;
      return ((a & 127) | ((b & 127) << 7) | ((c & 127) << 14) | ((d & 127) << 21)) + last * 2 ** 28;
    }
  }
  readHalves(source, position, end);
  return (halves[HIGH]! | 0) * TWO_TO_32 + halves[LOW]!;
}

export function readUint64(source: Buffer, position: number, end: number): bigint {
  readHalves(source, position, end);
  return unsigned[0]!;
}

export function readSint64(source: Buffer, position: number, end: number): bigint {
  readHalves(source, position, end);
  const low = halves[LOW]!;
  const high = halves[HIGH]!;
  const sign = -(low & 1);
  halves[LOW] = ((low >>> 1) | (high << 31)) ^ sign;
  halves[HIGH] = (high >>> 1) ^ sign;
  return signed[0]!;
}

export function readFixed64(source: Buffer, position: number, end: number): bigint {
  readHalvesFixed(source, position, end);
  return unsigned[0]!;
}

export function readSfixed64(source: Buffer, position: number, end: number): bigint {
  readHalvesFixed(source, position, end);
  return signed[0]!;
}

/** The default of every `bytes` field; shared, as nothing can be written into it. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** Reads length and bytes as a view of `source`, not a copy. */
export function readBytes(source: Buffer, position: number, end: number): Uint8Array {
  const fieldEnd = readEnd(source, position, end);
  const start = cursor.position;
  cursor.position = fieldEnd;
  return new Uint8Array(source.buffer, source.byteOffset + start, fieldEnd - start);
}

/** Throws WireError where a message is nested deeper than {@link MAX_DEPTH}. */
export function tooDeep(position: number): never {
  throw new WireError(`messages are nested deeper than ${MAX_DEPTH}`, position);
}
