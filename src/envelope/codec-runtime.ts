/**
 * What generated classes share besides reading and writing fields: taking values in constructors, and refusing what is not
 * an event. The subpath `ringcast/codec` is this module; generated code imports nothing else.
 */

import { InvalidEventError, MalformedPayloadError } from '../errors.js';
import { type EventCodec, propertyOf } from './event-codec.js';
import { setEntry } from './wire/map-entry.js';
import { startText } from './wire/text-reader.js';
import { MAX_DEPTH, tooDeep, WireError } from './wire/wire-reader.js';
import { reject } from './wire/wire-writer.js';

export type { EventCodec, FieldDescriptor, ScalarKind } from './event-codec.js';
export { groupEnd, skipField } from './wire/field-skip.js';
export { readTextEntry, setEntry } from './wire/map-entry.js';
export { readKey } from './wire/recurring-text.js';
export { readLooseString, readString } from './wire/text-reader.js';
export { writeString } from './wire/text-writer.js';
export { type Keeper, keepUnknown, keepVarint, UNKNOWN, unknownFieldsOf, writeUnknown } from './wire/unknown-fields.js';
export {
  cursor,
  EMPTY_BYTES,
  readBool,
  readBytes,
  readDouble,
  readEnd,
  readFixed32,
  readFixed64,
  readFloat,
  readInt32,
  readInt64,
  readSeconds,
  readSfixed32,
  readSfixed64,
  readSint32,
  readSint64,
  readTag,
  readUint32,
  readUint64,
} from './wire/wire-reader.js';
export {
  closeDelimited,
  hasBytes,
  writeBool,
  writeBytes,
  writeDouble,
  writeFixed32,
  writeFixed64,
  writeFloat,
  writeInt32,
  writeInt64,
  writeSfixed32,
  writeSfixed64,
  writeSint32,
  writeSint64,
  writeUint32,
  writeUint64,
  writeVarint,
} from './wire/wire-writer.js';

/** For constructors: a 64-bit value as the bigint it is stored as. */
export function bigintOf(value: bigint | number, field: string): bigint {
  if (typeof value === 'bigint') return value;
  if (!Number.isSafeInteger(value)) reject(field, 'a bigint (or a safe integer)', value);
  return BigInt(value);
}

/** For constructors: seconds, a number to users; a bigint only where no number is exact. */
export function secondsOf(value: bigint | number): number {
  const seconds = Number(value);
  return typeof value === 'number' || Number.isSafeInteger(seconds) ? seconds : (value as unknown as number);
}

/** For constructors: an instance of `Type`, the value itself where it is one. */
export function instanceOf<T extends object, I>(
  Type: (new (init: I) => T) & { readonly typeUrl: string },
  value: I | T,
  field: string,
): T {
  if (value instanceof Type) return value;
  if (typeof value !== 'object' || value === null) reject(field, 'an object', value);
  // V8 asks its runtime for a prototype; a property costs next to nothing.
  if (value.constructor !== Object) checkFields(value, Type.typeUrl, `${field}: `);
  return new Type(value as I);
}

/** Refuses objects whose content is not in properties: a Date would become a message of defaults. */
function checkFields(value: object, typeUrl: string, where: string): void {
  if (
    value instanceof Date ||
    value instanceof Map ||
    value instanceof Set ||
    Array.isArray(value) ||
    ArrayBuffer.isView(value)
  ) {
    const { name } = (Object.getPrototypeOf(value) as object).constructor;
    throw new InvalidEventError(`${where}a ${name} is no ${typeUrl}; give its fields`);
  }
}

const NOTHING: readonly never[] = [];

/** For constructors: a list, empty where none was given. Of a string or a Set, too, an iteration would make one. */
export function listOf<V>(values: readonly V[] | null | undefined, field: string): readonly V[] {
  if (values === undefined || values === null) return NOTHING;
  checkList(values, field);
  return values;
}

/** For constructors: a copy of a map; a key such as `__proto__` stays a key. */
export function mapOf<V, T>(
  values: Readonly<Record<string, V>>,
  convert: (value: V) => T,
  field: string,
): Record<string, T> {
  checkMap(values, field);
  const copy: Record<string, T> = {};
  for (const key of Object.keys(values)) setEntry(copy, key, convert(values[key]!));
  return copy;
}

/** Refuses what cannot be a message and nesting that never ends (a message that contains itself). */
export function checkMessage(value: unknown, depth: number, field: string): void {
  if (typeof value !== 'object' || value === null) reject(field, 'an object', value);
  if (depth > MAX_DEPTH)
    throw new InvalidEventError(`${field} is nested deeper than ${MAX_DEPTH} messages, or contains itself`);
}

/** Refuses a `map` field that is no plain record; a Map has no own properties and would be lost. */
export function checkMap(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null || value instanceof Map || Array.isArray(value)) {
    reject(field, 'a plain object', value);
  }
}

/** Refuses a repeated field that is no array. */
export function checkList(value: unknown, field: string): void {
  if (!Array.isArray(value)) reject(field, 'an array', value);
}

/**
 * Called where an object encoded to nothing, and where a constructor was given one with nothing in the fields that it knows:
 * it may be all defaults, or an object of another type, which would be lost without a word. Elsewhere unknown properties are
 * ignored, as everywhere with protobuf.
 */
export function checkEmpty(value: object, codec: EventCodec, field?: string): void {
  if (typeof value !== 'object') reject(codec.typeUrl, 'an object', value);
  const where = field === undefined ? '' : `${field}: `;
  const fields = codec.fields ?? [];
  const stranger = Object.keys(value).find((key) => !fields.some((one) => propertyOf(one) === key));
  if (stranger !== undefined) {
    const known = fields.map(propertyOf);
    const meant = known.find((property) => folded(property) === folded(stranger));
    const hint = meant === undefined ? '' : `. Did you mean ${meant}?`;
    throw new InvalidEventError(
      `${where}${JSON.stringify(stranger)} is no field of ${codec.typeUrl}; its fields are: ${known.join(', ') || 'none'}${hint}`,
    );
  }
  checkFields(value, codec.typeUrl, where);
}

/** What is left of a name that is written in another style: `container_id`, `containerID`. */
function folded(name: string): string {
  return name.replace(/[_$]/g, '').toLowerCase();
}

/** Refuses two members of a oneof. */
export function rejectBoth(owner: string, first: string, second: string): never {
  throw new InvalidEventError(`${owner}: only one of ${first} and ${second} may be set`);
}

/** Refuses more than one member of a oneof. */
export function checkOneof(event: object, owner: string, properties: readonly string[]): void {
  const set = properties.filter(
    (property) => ((event as Record<string, unknown>)[property] ?? undefined) !== undefined,
  );
  if (set.length > 1) rejectBoth(owner, set[0]!, set[1]!);
}

/** Refuses an event without a required field. */
export function rejectMissing(field: string): never {
  throw new InvalidEventError(`${field} is required`);
}

/** Refuses bytes without a required field. */
export function missing(field: string, position: number): never {
  throw new WireError(`the required field ${field} is missing`, position);
}

/** A generated class whose messages hold required fields. */
interface Checked<T> {
  check(message: T, end: number): T;
}

/** Looks for missing required fields in a message inside another. */
export function checkInside<T>(Type: Checked<T>, message: T | undefined, end: number): void {
  if (message !== undefined) Type.check(message, end);
}

/** Looks for missing required fields in each message of a list or a map. */
export function checkAllInside<T>(
  Type: Checked<T>,
  messages: readonly T[] | Readonly<Record<string, T>>,
  end: number,
): void {
  for (const message of Object.values(messages)) Type.check(message, end);
}

const namesOf = new WeakMap<object, ReadonlySet<number>>();

/** Whether an enum names a value. */
export function isNamed(values: Readonly<Record<string, number>>, value: number): boolean {
  let numbers = namesOf.get(values);
  if (numbers === undefined) {
    numbers = new Set(Object.values(values));
    namesOf.set(values, numbers);
  }
  return numbers.has(value);
}

const INTEGER = /^-?[0-9]+$/;

/** A key of a map<bool, …>. */
export function boolOfKey(key: string, field: string): boolean {
  if (key !== 'true' && key !== 'false') reject(field, 'a map with the keys true and false', key);
  return key === 'true';
}

/** A key of a map with 32-bit keys. */
export function numberOfKey(key: string): number {
  return INTEGER.test(key) ? Number(key) : Number.NaN;
}

/** A key of a map with 64-bit keys. */
export function bigintOfKey(key: string, field: string): bigint {
  if (!INTEGER.test(key)) reject(field, 'a map whose keys are integers', key);
  return BigInt(key);
}

/** What a codec's `decode` throws for `error`. */
export function malformed(typeUrl: string, error: unknown): unknown {
  return error instanceof WireError ? new MalformedPayloadError(typeUrl, error.reason, { cause: error }) : error;
}

/** Every message that is read starts here: refuses nesting that is deeper than protobufjs reads. */
export function enterMessage(depth: number, position: number): void {
  if (depth === 0) startText();
  else if (depth > MAX_DEPTH) tooDeep(position);
}
