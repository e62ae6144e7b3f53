/** Events as JSON: as `ctr events` prints them, and in protobuf's JSON mapping for programs. */

import { types } from 'node:util';
import { UnknownTypeError } from '../errors.js';
import type { Envelope } from './envelope.js';
import type { EventCodec, FieldDescriptor } from './event-codec.js';
import { goTime, rfc3339 } from './time-text.js';

/** How a timestamp inside an event is printed: by containerd 1 as text, by containerd 2 as its two fields. */
export type TimestampStyle = 'rfc3339' | 'fields';

interface Style {
  /**
   * As Go's encoding/json has it: names of the .proto file, integers of any size, and timestamps that are not set as Go's
   * zero time. Otherwise protobuf's JSON mapping: names of properties, 64-bit integers as text.
   */
  readonly go: boolean;
  readonly timestamps: TimestampStyle;
}

const PROTOBUF_JSON: Style = { go: false, timestamps: 'rfc3339' };

const GO_ZERO_TIME = '0001-01-01T00:00:00Z';

/**
 * The event as a value for JSON.stringify, in protobuf's JSON mapping: camelCase names, default values left out, 64-bit
 * integers and times as text, bytes in base64. Enums are numbers and an Any is `{ typeUrl, value }`.
 */
export function eventJson(codec: EventCodec, event: unknown): unknown {
  return codec.fields === undefined
    ? looseJson(event, false)
    : messageJson(codec.fields, event as object, PROTOBUF_JSON);
}

/** What {@link formatCtrLine} needs to know of types. */
interface TypeLookup {
  find(typeUrl: string): EventCodec | undefined;
}

/**
 * The line `ctr events` prints for an envelope, without the line end: time, namespace, topic and the event as JSON.
 *
 * Byte for byte the output of containerd 1.6 for its own events; `fields` prints timestamps as containerd 2 does.
 * ctr prints a warning and no line for an event that it cannot decode; this function throws, and the caller does as ctr.
 *
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when the type is not known
 * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when the payload does not decode
 */
export function formatCtrLine(envelope: Envelope, types: TypeLookup, timestamps: TimestampStyle = 'rfc3339'): string {
  return `${goTime(envelope.timestamp)} ${envelope.namespace} ${envelope.topic} ${ctrEvent(envelope, types, timestamps)}`;
}

function ctrEvent(envelope: Envelope, types: TypeLookup, timestamps: TimestampStyle): string {
  // No event at all: nothing after the last space.
  if (envelope.typeUrl === '' && envelope.payload.length === 0) return '';
  const codec = types.find(envelope.typeUrl);
  if (codec === undefined) throw new UnknownTypeError(envelope.typeUrl);
  return goJson(
    codec.fields === undefined
      ? looseJson(envelope.event, true)
      : messageJson(codec.fields, envelope.event as object, { go: true, timestamps }),
  );
}

function messageJson(fields: readonly FieldDescriptor[], message: object, style: Style): object {
  const result: Record<string, unknown> = {};
  for (const field of fields) {
    const value = (message as Record<string, unknown>)[field.jsonName];
    const name = style.go ? field.name : field.jsonName;
    if (value === undefined || value === null) {
      if (style.go && style.timestamps === 'rfc3339' && isTimestamp(field)) result[name] = GO_ZERO_TIME;
    } else if (field.cardinality === 'repeated') {
      const list = value as readonly unknown[];
      if (list.length > 0) result[name] = list.map((one) => valueJson(field, one, style));
    } else if (field.cardinality === 'map') {
      const entries = Object.entries(value as object);
      if (entries.length > 0)
        result[name] = record(
          entries.map(([key, one]) => [key, valueJson(field, one, style)]),
          style.go,
        );
    } else if (field.presence || !isDefault(value)) {
      result[name] = valueJson(field, value, style);
    }
  }
  return result;
}

function isTimestamp(field: FieldDescriptor): boolean {
  return (
    field.kind === 'message' &&
    field.cardinality === 'singular' &&
    field.type?.().typeUrl === 'google.protobuf.Timestamp'
  );
}

function isDefault(value: unknown): boolean {
  return (
    value === 0 || value === 0n || value === '' || value === false || (types.isUint8Array(value) && value.length === 0)
  );
}

function valueJson(field: FieldDescriptor, value: unknown, style: Style): unknown {
  if (field.kind === 'message') {
    const { typeUrl, fields = [] } = field.type!();
    if (typeUrl !== 'google.protobuf.Timestamp' || style.timestamps === 'fields') {
      return messageJson(fields, value as object, style);
    }
    const { seconds, nanos } = value as { seconds: number; nanos: number };
    return rfc3339(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
  }
  if (types.isUint8Array(value)) return base64(value);
  if (typeof value === 'bigint') return style.go ? value : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return field.kind === 'float' ? shortest(value as number) : value;
}

/** The shortest decimal that is this 32-bit float; its 64-bit form has noise after the seventh digit. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** An object with these entries. For Go's form a Map: sorted by the bytes of the keys, also of those that look like numbers. */
function record(entries: [string, unknown][], go: boolean): unknown {
  if (!go) return Object.fromEntries(entries);
  return new Map(entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** A value without a schema: what JSON lacks becomes the nearest it has. */
function looseJson(value: unknown, go: boolean): unknown {
  if (typeof value === 'bigint') return go ? value : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  const convert = (one: unknown) => looseJson(one, go);
  if (types.isDate(value)) return dateJson(value);
  if (types.isUint8Array(value)) return base64(value);
  if (types.isRegExp(value)) return String(value);
  if (types.isNativeError(value)) return { name: value.name, message: value.message };
  if (Array.isArray(value) || types.isSet(value)) return Array.from(value, convert);
  const entries = types.isMap(value) ? [...value] : Object.entries(value);
  return record(
    entries.map(([key, one]) => [keyText(key), convert(one)]),
    go,
  );
}

/** A date that is none, which may be published too, is null as in JSON.stringify. */
function dateJson(date: Date): string | null {
  const ms = date.getTime();
  return Number.isNaN(ms) ? null : rfc3339(BigInt(ms) * 1_000_000n);
}

/** The key of a Map as the name of a property. Objects may have no text, or one of their own. */
function keyText(key: unknown): string {
  return typeof key === 'object' && key !== null ? JSON.stringify(looseJson(key, false)) : String(key);
}

/** JSON as Go's encoding/json writes it: no spaces, and `<`, `>`, `&`, U+2028 and U+2029 escaped. */
function goJson(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return goString(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([key, one]) => `${goString(key)}:${goJson(one)}`).join(',')}}`;
}

function goString(text: string): string {
  // JSON.stringify escapes \b and \f by letter; Go of that time by number.
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]|\\[bf\\]/g, (found) => {
    if (found === '\\\\') return found;
    const code = found === '\\b' ? 8 : found === '\\f' ? 12 : found.charCodeAt(0);
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
