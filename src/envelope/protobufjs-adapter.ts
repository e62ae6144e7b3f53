/**
 * Classes of protobufjs's static modules as event codecs. They bring the library with them: nothing here imports it.
 *
 * protobufjs writes a bigint as 0, wraps integers that are out of range, and hands out 64-bit values as Long objects. So
 * events pass through plain objects on the way in, every bigint is compared with what arrived, and Long objects become
 * bigint on the way out. That is slower than generated code; `ringcast generate` makes classes that need none of it.
 */

import { InvalidEventError, MalformedPayloadError } from '../errors.js';
import type { EventCodec } from './event-codec.js';

/** What a class of a static module has, as far as it is used here. */
export interface ProtobufjsClass {
  readonly prototype: object;
  encode(message: object): { finish(): Uint8Array };
  decode(reader: Uint8Array): object;
  getTypeUrl(prefix?: string): string;
  fromObject?(object: object): object;
  verify?(object: object): string | null;
}

interface Long {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

/** Deeper events, and events that contain themselves, are refused before the stack is; protobufjs reads no deeper ones. */
const MAX_DEPTH = 100;

export function isProtobufjsClass(value: unknown): value is ProtobufjsClass {
  if (typeof value !== 'function') return false;
  const { encode, decode, getTypeUrl } = value as unknown as Partial<ProtobufjsClass>;
  return typeof encode === 'function' && typeof decode === 'function' && typeof getTypeUrl === 'function';
}

/** The full name of a class of a static module. */
export function typeUrlOf(Class: ProtobufjsClass): string {
  const url = Class.getTypeUrl();
  return url.slice(url.lastIndexOf('/') + 1);
}

/** A codec for a class of a static module. */
export function adaptProtobufjs(Class: ProtobufjsClass): EventCodec {
  const typeUrl = typeUrlOf(Class);
  return {
    typeUrl,
    fields: undefined,

    encode(event, target, position, limit) {
      const bytes = Class.encode(messageOf(Class, typeUrl, event)).finish();
      if (bytes.length > limit - position) return -1;
      target.set(bytes, position);
      return position + bytes.length;
    },

    decode(source, start, end) {
      try {
        return withBigints(Class.decode(source.subarray(start, end)));
      } catch (error) {
        throw new MalformedPayloadError(typeUrl, error instanceof Error ? error.message : String(error), {
          cause: error,
        });
      }
    },
  };
}

function messageOf(Class: ProtobufjsClass, typeUrl: string, event: unknown): object {
  if (typeof event !== 'object' || event === null) throw new InvalidEventError(`${typeUrl} must be an object`);
  const paths: string[][] = [];
  const plain = plainOf(event, [], (value, path) => {
    paths.push(path);
    return value;
  });
  // It knows no bigint, and fromObject would turn values of a wrong type into others.
  const wrong = Class.verify?.(plainOf(plain, [], () => 0) as object);
  if (wrong) throw new InvalidEventError(`${typeUrl}.${wrong}`);
  if (Class.fromObject === undefined) {
    // A module built without conversion: nothing there knows which fields have 64 bits.
    if (paths.length > 0)
      throw new InvalidEventError(
        `${typeUrl}.${paths[0]!.join('.')}: its module has no fromObject, which bigint needs`,
      );
    return plain as object;
  }
  const message = Class.fromObject(plain as object);
  for (const path of paths) {
    if (asBigint(at(message, path)) !== at(plain, path)) {
      throw new InvalidEventError(`${typeUrl}.${path.join('.')} is out of range: ${at(plain, path)}`);
    }
  }
  return message;
}

/** The own properties all the way down, without classes; `convert` sees each bigint. */
function plainOf(value: unknown, path: string[], convert: (value: bigint, path: string[]) => unknown): unknown {
  if (typeof value === 'bigint') return convert(value, path);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isLong(value)) return value;
  if (path.length > MAX_DEPTH) {
    throw new InvalidEventError(`it is nested deeper than ${MAX_DEPTH}, or contains itself`);
  }
  const inside = (key: string, one: unknown) => plainOf(one, [...path, key], convert);
  if (Array.isArray(value)) return value.map((one, index) => inside(String(index), one));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inside(key, one)]));
}

function at(root: unknown, path: readonly string[]): unknown {
  return path.reduce((value, key) => (value as Record<string, unknown>)[key], root);
}

function isLong(value: unknown): value is Long {
  // The mark Long puts on its prototype, for telling its objects across copies of the library.
  return typeof value === 'object' && value !== null && (value as { __isLong__?: unknown }).__isLong__ === true;
}

function asBigint(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  if (!isLong(value)) return value;
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return value.unsigned ? bits : BigInt.asIntN(64, bits);
}

/** Replaces every Long in a decoded message, and gives absent 64-bit fields their default as a bigint of their own. */
function withBigints<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const record = value as Record<string, unknown>;
  for (const [key, one] of Object.entries(record)) record[key] = isLong(one) ? asBigint(one) : withBigints(one);
  const prototype = Object.getPrototypeOf(value) as Record<string, unknown>;
  if (prototype === Object.prototype || Array.isArray(value)) return value;
  for (const [key, one] of Object.entries(prototype)) {
    if (isLong(one) && !Object.hasOwn(record, key)) record[key] = asBigint(one);
  }
  return value;
}
