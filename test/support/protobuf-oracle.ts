/** protobufjs's reflection as the judge of our codecs: the same types, loaded from the same .proto files. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { type EventCodec, type FieldDescriptor, propertyOf } from '../../src/envelope/event-codec.js';
import { codePoint } from './code-points.js';

const Long = protobuf.util.Long as unknown as {
  fromString(text: string, unsigned: boolean): unknown;
  isLong(value: unknown): value is { toNumber(): number; toString(): string };
};

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Loads .proto files, paths relative to the repository; imports are looked up in proto/. */
export function loadOracle(files: readonly string[]): protobuf.Root {
  const root = new protobuf.Root();
  const loaded = new Set<string>();
  // Not root.load: it has its own edition of google/protobuf/struct.proto, with other names.
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const parsed = protobuf.parse(readFileSync(join(repository, file), 'utf8'), root, { keepCase: true });
    for (const path of parsed.imports ?? []) load(`proto/${path}`);
  };
  files.forEach(load);
  root.resolveAll();
  return root;
}

/** What protobufjs writes for `event`. */
export function oracleEncode(type: protobuf.Type, codec: EventCodec, event: object): Buffer {
  return Buffer.from(type.encode(type.create(forOracle(codec, event))).finish());
}

/** The properties of `event` under the names and with the 64-bit values that protobufjs takes. */
function forOracle(codec: EventCodec, event: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of codec.fields!) {
    const value = (event as Record<string, unknown>)[propertyOf(field)];
    if (value === undefined) continue;
    if (field.cardinality === 'repeated')
      result[field.name] = (value as unknown[]).map((one) => oracleValue(field, one));
    else if (field.cardinality === 'map') {
      result[field.name] = Object.fromEntries(
        Object.entries(value as object).map(([key, one]) => [key, oracleValue(field, one)]),
      );
    } else result[field.name] = oracleValue(field, value);
  }
  return result;
}

function oracleValue(field: FieldDescriptor, value: unknown): unknown {
  if (field.kind === 'message') return forOracle(field.type!(), value as object);
  if (typeof value !== 'bigint') return value;
  return Long.fromString(String(value), /^u|^fixed/.test(field.kind));
}

/** A decoded message without defaults and in values that compare: hexadecimal bytes, bigint for Long. */
export function plain(codec: EventCodec, message: object, type?: protobuf.Type): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of codec.fields!) {
    const source = message as Record<string, unknown>;
    const value = source[type === undefined ? propertyOf(field) : field.name];
    const reflected = type?.fields[field.name];
    if (value === undefined || value === null) continue;
    // protobufjs keeps the members of a oneof that a later one replaced, and says which one is in force.
    if (reflected?.partOf && source[reflected.partOf.name] !== field.name) continue;
    if (!Object.hasOwn(source, type === undefined ? propertyOf(field) : field.name)) continue;
    const nested = reflected?.resolvedType instanceof protobuf.Type ? reflected.resolvedType : undefined;
    const convert = (one: unknown) => comparable(field, one, nested);
    if (field.cardinality === 'repeated') {
      if ((value as unknown[]).length > 0) result[propertyOf(field)] = (value as unknown[]).map(convert);
    } else if (field.cardinality === 'map') {
      const entries = Object.entries(value as object).map(([key, one]) => [mapKey(field, key, type), convert(one)]);
      if (entries.length > 0) result[propertyOf(field)] = new Map(entries as [string, unknown][]);
    } else {
      const one = convert(value);
      if (field.presence || !isDefault(one)) result[propertyOf(field)] = one;
    }
  }
  return result;
}

function mapKey(field: FieldDescriptor, key: string, type: protobuf.Type | undefined): string {
  if (type === undefined || !/64$/.test(field.keyKind ?? '')) return key;
  return protobuf.util.longFromHash(key, /^u|^fixed/.test(field.keyKind!)).toString();
}

function comparable(field: FieldDescriptor, value: unknown, type: protobuf.Type | undefined): unknown {
  if (field.kind === 'message') return plain(field.type!(), value as object, type);
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString('hex')}`;
  if (Long.isLong(value)) {
    const seconds = value.toNumber();
    return field.name === 'seconds' && Number.isSafeInteger(seconds) ? seconds : BigInt(value.toString());
  }
  return value;
}

function isDefault(value: unknown): boolean {
  return Object.is(value, 0) || value === 0n || value === '' || value === false || value === 'bytes:';
}

/** Random events of a type, as plain objects; strings are well-formed. */
export function arbitraryEvent(codec: EventCodec, depth = 2): fc.Arbitrary<Record<string, unknown>> {
  const optional: Record<string, fc.Arbitrary<unknown>> = {};
  const oneofs: string[] = [];
  for (const field of codec.fields!) {
    if (field.kind === 'message' && depth === 0) continue;
    optional[propertyOf(field)] = arbitraryField(field, depth);
    if (ONEOF_MEMBERS.has(`${codec.typeUrl}.${propertyOf(field)}`)) oneofs.push(propertyOf(field));
  }
  const event = fc.record(optional, { requiredKeys: [] });
  // At most one member of a oneof.
  return event.map((value) => {
    const set = oneofs.filter((name) => value[name] !== undefined);
    for (const name of set.slice(1)) delete value[name];
    return value;
  });
}

const ONEOF_MEMBERS = new Set([
  ...['text', 'number', 'leaf'].map((name) => `test.v1.Everything.${name}`),
  ...['nullValue', 'numberValue', 'stringValue', 'boolValue', 'structValue', 'listValue'].map(
    (name) => `google.protobuf.Value.${name}`,
  ),
]);

function arbitraryField(field: FieldDescriptor, depth: number): fc.Arbitrary<unknown> {
  const value = arbitraryValue(field, depth);
  if (field.cardinality === 'repeated') return fc.array(value, { maxLength: 4 });
  if (field.cardinality === 'map')
    return fc.dictionary(arbitraryKey(field.keyKind!), value, { maxKeys: 3, noNullPrototype: true });
  return value;
}

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ maxLength: 200 }),
  fc.string({ unit: codePoint, maxLength: 150 }),
  fc.constantFrom('', '__proto__', 'ÿ'.repeat(64), '€'.repeat(43), 'x'.repeat(127), 'x'.repeat(128), '😀'.repeat(32)),
);

function arbitraryKey(kind: string): fc.Arbitrary<string> {
  if (kind === 'string') return text;
  if (kind === 'bool') return fc.constantFrom('true', 'false');
  return arbitraryValue({ kind, name: 'key' } as FieldDescriptor, 0).map(String);
}

function arbitraryValue(field: FieldDescriptor, depth: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'message':
      return arbitraryEvent(field.type!(), depth - 1);
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array({ maxLength: 200 });
    case 'bool':
      return fc.boolean();
    case 'double':
      return fc.double();
    case 'float':
      return fc.float();
    case 'int32':
    case 'sint32':
    case 'sfixed32':
    case 'enum':
      return fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(0, 1, 127, 128, -1));
    case 'uint32':
    case 'fixed32':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      if (field.name === 'seconds') return fc.maxSafeInteger();
      return fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, 1n, -1n));
    case 'uint64':
    case 'fixed64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  }
}
