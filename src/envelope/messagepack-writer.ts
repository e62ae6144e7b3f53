/**
 * Writes values as MessagePack straight into a caller's window, under the rules of `wire-writer`: -1 when it does not fit,
 * nothing touched at or beyond the limit, no state, so a getter or toJSON may encode another event in between.
 *
 * msgpackr reads it, but cannot write it here: its packers share one buffer and position per thread, so that a nested call
 * lands in the middle of the outer one's bytes, and they leave the given buffer for a private one when it is full.
 *
 * Extension types are msgpackr's: 0 undefined, 0x42 bigint beyond 64 bits, 0x65 Error, 0x73 Set, 0x74 typed array,
 * 0x78 RegExp, 0xff Date; and {@link MAP_EXTENSION}, because it has none for Map.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */

import { types } from 'node:util';
import { InvalidEventError } from '../errors.js';
import { sendAnotherWay } from './envelope-source.js';
import {
  headerSize,
  UNDEFINED_EXTENSION,
  writeBigint,
  writeByte,
  writeDate,
  writeExtension,
  writeHeader,
  writeNumber,
  writeText,
} from './messagepack-scalars.js';

/** A Map, as the array of its entries. */
export const MAP_EXTENSION = 0x4d;

const ERROR_EXTENSION = 0x65;
const SET_EXTENSION = 0x73;
const TYPED_ARRAY_EXTENSION = 0x74;
const REGEXP_EXTENSION = 0x78;

const { hasOwnProperty: hasOwn } = Object.prototype;

/** Deeper values, and values that contain themselves, are refused before the stack is. */
const MAX_DEPTH = 500;

/** msgpackr's codes of typed arrays, by place; 16 is a bare ArrayBuffer, 17 a DataView. */
const TYPED_ARRAYS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];
const ARRAY_BUFFER_CODE = 16;
const DATA_VIEW_CODE = 17;

/** What holds something else than properties of its own, whatever properties it has: it would arrive without that. */
const NOT_DATA: ReadonlySet<string> = new Set(['Promise', 'SharedArrayBuffer', 'WeakMap', 'WeakRef', 'WeakSet']);

/**
 * Writes `value` at `position`; returns the position after it, or -1 when it would not end at or before `limit`.
 *
 * Objects are written by their own enumerable properties, those with a `toJSON` by what it returns.
 *
 * Built-in kinds are told by what they are, not by their class, so values of another realm (`vm`, jest) are what they are.
 *
 * @throws {InvalidEventError} `BUS_INVALID_EVENT` for functions, symbols, cycles, nesting deeper than 500, and objects that
 *   could not arrive as they are: boxed primitives, promises, generators, blobs and their like
 */
export function writeValue(target: Buffer, position: number, limit: number, value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return writeText(target, position, limit, value);
    case 'number':
      return writeNumber(target, position, limit, value);
    case 'boolean':
      return writeByte(target, position, limit, value ? 0xc3 : 0xc2);
    case 'undefined':
      return writeExtension(target, position, limit, UNDEFINED_EXTENSION);
    case 'bigint':
      return writeBigint(target, position, limit, value);
    case 'object':
      if (value === null) return writeByte(target, position, limit, 0xc0);
      if (depth >= MAX_DEPTH)
        throw new InvalidEventError(
          `it is nested deeper than ${MAX_DEPTH}, or contains itself; name other objects by an id`,
        );
      return writeObject(target, position, limit, value, depth);
    default:
      throw new InvalidEventError(`a ${typeof value} cannot be sent to another thread; omit it`);
  }
}

function writeObject(target: Buffer, position: number, limit: number, value: object, depth: number): number {
  if (Array.isArray(value)) return writeArray(target, position, limit, value, depth);
  if (ArrayBuffer.isView(value)) return writeView(target, position, limit, value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  if (!isPlain) {
    if (types.isDate(value)) return writeDate(target, position, limit, value);
    if (types.isMap(value)) return writeWrapped(target, position, limit, MAP_EXTENSION, [...value], depth);
    if (types.isSet(value)) return writeWrapped(target, position, limit, SET_EXTENSION, [...value], depth);
    if (types.isRegExp(value)) {
      return writeWrapped(target, position, limit, REGEXP_EXTENSION, [value.source, value.flags], depth);
    }
    if (value instanceof Error || types.isNativeError(value)) {
      return writeWrapped(target, position, limit, ERROR_EXTENSION, [value.name, value.message, value.cause], depth);
    }
    if (types.isArrayBuffer(value)) {
      return writeTypedArray(target, position, limit, ARRAY_BUFFER_CODE, new Uint8Array(value));
    }
    if (types.isBoxedPrimitive(value) || NOT_DATA.has(tagOf(value))) refuse(tagOf(value));
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    if (depth === 0) refuseEnvelope(value);
    return writeValue(target, position, limit, toJSON.call(value, ''), depth + 1);
  }
  // A built-in kind that keeps what it holds out of sight: blobs, generators, iterators, streams, signals …
  if (!isPlain && Object.keys(value).length === 0 && tagOf(value) !== 'Object') refuse(tagOf(value));
  return writeRecord(target, position, limit, value as Record<string, unknown>, depth);
}

/** The JSON of an envelope is no event: its times, maps and bytes would arrive as text. */
function refuseEnvelope(value: {
  readonly notCloneable?: unknown;
  readonly source?: { readonly notCloneable?: unknown };
}): void {
  if (value.notCloneable === sendAnotherWay || value.source?.notCloneable === sendAnotherWay) {
    throw new InvalidEventError('it is an envelope: publish envelope.event, or pass it on with bus.forward(envelope)');
  }
}

/** `Date` of `[object Date]`. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function refuse(kind: string): never {
  throw new InvalidEventError(`a ${kind} cannot be sent to another thread; send what it holds`);
}

function writeArray(
  target: Buffer,
  position: number,
  limit: number,
  values: readonly unknown[],
  depth: number,
): number {
  const count = values.length;
  let end =
    count < 16
      ? writeByte(target, position, limit, 0x90 | count)
      : writeHeader(target, position, limit, count, 0, 0xdc, 0xdd);
  for (let index = 0; index < count && end >= 0; index++)
    end = writeValue(target, end, limit, values[index], depth + 1);
  return end;
}

/** In a `for in`, V8 takes key and value from their places in the object; after `Object.keys` it looks each value up. */
function writeRecord(
  target: Buffer,
  position: number,
  limit: number,
  record: Record<string, unknown>,
  depth: number,
): number {
  const start = position + 1;
  let end = start;
  let count = 0;
  for (const key in record) {
    // Not `Object.hasOwn`: V8 knows in a `for in` what this one returns, and calls nothing.
    if (!hasOwn.call(record, key)) continue;
    count++;
    end = writeText(target, end, limit, key);
    if (end < 0) return -1;
    end = writeValue(target, end, limit, record[key], depth + 1);
    if (end < 0) return -1;
  }
  if (count < 16) return writeByte(target, position, limit, 0x80 | count) < 0 ? -1 : end;
  // Few objects have so many keys that their number takes more than the byte that was left for it.
  const moved = position + headerSize(count);
  if (moved + end - start > limit) return -1;
  target.copyWithin(moved, start, end);
  writeHeader(target, position, limit, count, 0, 0xde, 0xdf);
  return moved + end - start;
}

function writeWrapped(
  target: Buffer,
  position: number,
  limit: number,
  type: number,
  content: readonly unknown[],
  depth: number,
): number {
  const start = writeExtension(target, position, limit, type);
  return start < 0 ? -1 : writeArray(target, start, limit, content, depth);
}

function writeView(target: Buffer, position: number, limit: number, view: ArrayBufferView): number {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (types.isUint8Array(view)) {
    const start = writeHeader(target, position, limit, bytes.length, 0xc4, 0xc5, 0xc6);
    if (start < 0 || start + bytes.length > limit) return -1;
    target.set(bytes, start);
    return start + bytes.length;
  }
  const name = tagOf(view);
  const code = name === 'DataView' ? DATA_VIEW_CODE : TYPED_ARRAYS.indexOf(name);
  if (code < 0) refuse(name);
  return writeTypedArray(target, position, limit, code, bytes);
}

function writeTypedArray(target: Buffer, position: number, limit: number, code: number, bytes: Uint8Array): number {
  const start = writeHeader(target, position, limit, bytes.length + 1, 0xc7, 0xc8, 0xc9);
  if (start < 0 || start + 2 + bytes.length > limit) return -1;
  target[start] = TYPED_ARRAY_EXTENSION;
  target[start + 1] = code;
  target.set(bytes, start + 2);
  return start + 2 + bytes.length;
}
