/** The JSON forms of protobuf's well-known types, but for Any, which needs to know other types. */

import { InvalidEventError } from '../errors.js';
import type { FieldDescriptor } from './event-codec.js';
import { rfc3339 } from './time-text.js';

/** Prints a value as a field of this kind. */
type Print = (field: FieldDescriptor, value: unknown) => unknown;

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const [FIRST_SECOND, LAST_SECOND] = [-62_135_596_800, 253_402_300_799];
/** Ten thousand years, about. */
const MAX_DURATION_SECONDS = 315_576_000_000;

const WRAPPERS: Readonly<Record<string, FieldDescriptor['kind']>> = {
  BoolValue: 'bool',
  BytesValue: 'bytes',
  DoubleValue: 'double',
  FloatValue: 'float',
  Int32Value: 'int32',
  Int64Value: 'int64',
  StringValue: 'string',
  UInt32Value: 'uint32',
  UInt64Value: 'uint64',
};

/**
 * @returns undefined where the type has no form of its own
 * @throws {InvalidEventError} `BUS_INVALID_EVENT` where it has one, but not for this message
 */
export function wellKnownJson(typeUrl: string, message: object, print: Print): { readonly value: unknown } | undefined {
  if (!typeUrl.startsWith('google.protobuf.')) return undefined;
  const name = typeUrl.slice('google.protobuf.'.length);
  const kind = WRAPPERS[name];
  if (kind !== undefined) {
    const field = {
      number: 1,
      name: 'value',
      jsonName: 'value',
      kind,
      cardinality: 'singular',
      presence: false,
    } as const;
    return { value: print(field, (message as { value: unknown }).value) };
  }
  switch (name) {
    case 'Timestamp':
      return { value: timestampJson(message as Instant) };
    case 'Duration':
      return { value: durationJson(message as Instant) };
    case 'FieldMask':
      return { value: (message as { paths: readonly string[] }).paths.map(camelPath).join(',') };
    case 'Empty':
      return { value: {} };
    case 'Struct':
      return { value: structJson(message as Struct) };
    case 'Value':
      return { value: valueJson(message as Value) };
    case 'ListValue':
      return { value: (message as List).values.map(valueJson) };
    default:
      return undefined;
  }
}

interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

function timestampJson({ seconds, nanos }: Instant): string {
  if (!(seconds >= FIRST_SECOND && seconds <= LAST_SECOND && nanos >= 0 && nanos <= 999_999_999)) {
    throw new InvalidEventError(`a time of ${seconds} s and ${nanos} ns is outside of the years 1 to 9999`);
  }
  return rfc3339(BigInt(seconds) * 1_000_000_000n).replace('Z', `${fractionOf(nanos)}Z`);
}

/** Of a second, in none, three, six or nine digits. */
function fractionOf(nanos: number): string {
  const digits = String(Math.abs(nanos))
    .padStart(9, '0')
    .replace(/(?:000)+$/, '');
  return digits === '' ? '' : `.${digits}`;
}

function durationJson({ seconds, nanos }: Instant): string {
  if (
    !(Math.abs(Number(seconds)) <= MAX_DURATION_SECONDS && Math.abs(nanos) <= 999_999_999) ||
    (seconds > 0 && nanos < 0) ||
    (seconds < 0 && nanos > 0)
  ) {
    throw new InvalidEventError(`${seconds} s and ${nanos} ns are no duration`);
  }
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}${fractionOf(nanos)}s`;
}

/** A path that would come back from camelCase as another has no form. */
function camelPath(path: string): string {
  if (/[A-Z]|_(?![a-z])/.test(path)) {
    throw new InvalidEventError(`the path ${JSON.stringify(path)} of a field mask has no form in JSON`);
  }
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

interface Struct {
  readonly fields: Readonly<Record<string, Value>>;
}

interface List {
  readonly values: readonly Value[];
}

interface Value {
  readonly nullValue?: number | undefined;
  readonly numberValue?: number | undefined;
  readonly stringValue?: string | undefined;
  readonly boolValue?: boolean | undefined;
  readonly structValue?: Struct | undefined;
  readonly listValue?: List | undefined;
}

function structJson({ fields }: Struct): object {
  return entriesOf(Object.entries(fields).map(([key, value]) => [key, valueJson(value)]));
}

function valueJson(value: Value): unknown {
  if (value.numberValue !== undefined && !Number.isFinite(value.numberValue)) {
    throw new InvalidEventError(`a JSON value cannot be ${value.numberValue}`);
  }
  if (value.structValue !== undefined) return structJson(value.structValue);
  if (value.listValue !== undefined) return value.listValue.values.map(valueJson);
  const plain = value.numberValue ?? value.stringValue ?? value.boolValue;
  if (plain === undefined && value.nullValue === undefined) throw new InvalidEventError('a JSON value is not set');
  return plain ?? null;
}

/** An object with these properties; a name such as `__proto__` stays one. */
export function entriesOf(entries: Iterable<readonly [string, unknown]>): object {
  return Object.fromEntries(entries);
}
