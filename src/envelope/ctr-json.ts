/** Events as `ctr events` prints them: as Go's encoding/json writes containerd's structures. */

import { types } from 'node:util';
import { UnknownTypeError } from '../errors.js';
import type { Envelope } from './envelope.js';
import { type FieldDescriptor, propertyOf } from './event-codec.js';
import type { TypeLookup } from './event-json.js';
import { base64, looseJson, record, shortest } from './json-values.js';
import { goTime, rfc3339 } from './time-text.js';

/** How a timestamp inside an event is printed: by containerd 1 as text, by containerd 2 as its two fields. */
export type TimestampStyle = 'rfc3339' | 'fields';

const GO_ZERO_TIME = '0001-01-01T00:00:00Z';

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
      : messageJson(codec.fields, envelope.event as object, timestamps),
  );
}

/** Names of the .proto file, integers of any size, and timestamps that are not set as Go's zero time. */
function messageJson(
  fields: readonly FieldDescriptor[],
  message: object,
  timestamps: TimestampStyle,
): Map<string, unknown> {
  const result = new Map<string, unknown>();
  for (const field of fields) {
    const value = (message as Record<string, unknown>)[propertyOf(field)];
    if (value === undefined || value === null) {
      if (timestamps === 'rfc3339' && isTimestamp(field)) result.set(field.name, GO_ZERO_TIME);
    } else if (field.cardinality === 'repeated') {
      const list = value as readonly unknown[];
      if (list.length > 0)
        result.set(
          field.name,
          list.map((one) => valueJson(field, one, timestamps)),
        );
    } else if (field.cardinality === 'map') {
      const entries = Object.entries(value as object);
      const converted = entries.map(([key, one]): [string, unknown] => [key, valueJson(field, one, timestamps)]);
      if (entries.length > 0) result.set(field.name, record(converted, true));
    } else if (field.presence || !isDefault(value)) {
      result.set(field.name, valueJson(field, value, timestamps));
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

function valueJson(field: FieldDescriptor, value: unknown, timestamps: TimestampStyle): unknown {
  if (field.kind === 'message') {
    const { typeUrl, fields = [] } = field.type!();
    if (typeUrl !== 'google.protobuf.Timestamp' || timestamps === 'fields') {
      return messageJson(fields, value as object, timestamps);
    }
    const { seconds, nanos } = value as { seconds: number; nanos: number };
    return rfc3339(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
  }
  if (types.isUint8Array(value)) return base64(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return field.kind === 'float' ? shortest(value as number) : value;
}

/** JSON as Go's encoding/json writes it: no spaces, and `<`, `>`, `&`, U+2028 and U+2029 escaped. */
function goJson(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return goString(value);
  // Go says the sign of a zero, too.
  if (typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
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
