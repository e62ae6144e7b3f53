/** Events in protobuf's JSON mapping, for programs. `ctr-json.ts` prints them as `ctr events` does. */

import { types as valueTypes } from 'node:util';
import { InvalidEventError, MalformedPayloadError } from '../errors.js';
import { type EventCodec, type FieldDescriptor, propertyOf } from './event-codec.js';
import { base64, looseJson, shortest } from './json-values.js';
import { entriesOf, wellKnownJson } from './well-known-json.js';
import { MAX_DEPTH } from './wire/wire-reader.js';

/** Where the types of messages inside an Any are looked up. */
export interface TypeLookup {
  find(typeUrl: string): EventCodec | undefined;
}

const NO_TYPES: TypeLookup = { find: () => undefined };

/**
 * The event as a value for JSON.stringify, in protobuf's JSON mapping: names in camelCase or as the file's `json_name` says,
 * default values omitted, 64-bit integers and times as text, bytes in base64, enums by name, and the message inside an Any
 * with its type as `@type`.
 *
 * It never throws for what can be decoded. What the mapping has no form for (a time in the year 10000, an Any of a type that
 * is not known or with bytes that are none of it) is printed as its fields.
 */
export function eventJson(codec: EventCodec, event: unknown, types: TypeLookup = NO_TYPES): unknown {
  return new JsonPrinter(types, false).event(codec, event);
}

/**
 * As {@link eventJson}, for programs that need exactly protobuf's mapping.
 *
 * @throws {InvalidEventError} `BUS_INVALID_EVENT` for what the mapping has no form for
 */
export function strictEventJson(codec: EventCodec, event: unknown, types: TypeLookup = NO_TYPES): unknown {
  return new JsonPrinter(types, true).event(codec, event);
}

class JsonPrinter {
  readonly #types: TypeLookup;
  readonly #strict: boolean;
  #depth = 0;

  constructor(types: TypeLookup, strict: boolean) {
    this.#types = types;
    this.#strict = strict;
  }

  event(codec: EventCodec, event: unknown): unknown {
    if (codec.fields === undefined || typeof event !== 'object' || event === null) return looseJson(event, false);
    return this.#message(codec, event);
  }

  #message(codec: EventCodec, message: object): unknown {
    const special = this.#special(codec, message);
    return special === undefined ? this.#fields(codec.fields ?? [], message) : special.value;
  }

  /** The form of a well-known type; undefined for all others, and where there is none. */
  #special(codec: EventCodec, message: object): { readonly value: unknown } | undefined {
    try {
      if (codec.typeUrl === 'google.protobuf.Any') return this.#any(message as { typeUrl: string; value: Uint8Array });
      return wellKnownJson(codec.typeUrl, message, (field, value) => this.#value(field, value));
    } catch (error) {
      const isFormless = error instanceof InvalidEventError || error instanceof MalformedPayloadError;
      if (this.#strict || !isFormless) throw error;
      return undefined;
    }
  }

  #any({ typeUrl, value }: { typeUrl: string; value: Uint8Array }): { readonly value: object } {
    if (typeUrl === '' && value.length === 0) return { value: {} };
    const codec = this.#types.find(typeUrl);
    if (codec?.fields === undefined)
      throw new InvalidEventError(`the type ${JSON.stringify(typeUrl)} in an Any is not known`);
    if (this.#depth >= MAX_DEPTH) throw new InvalidEventError(`Anys are nested deeper than ${MAX_DEPTH}`);
    this.#depth++;
    try {
      const source = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      const message = codec.decode(source, 0, source.length) as object;
      const special = this.#special(codec, message);
      const content = special === undefined ? this.#fields(codec.fields, message) : special;
      return { value: { '@type': typeUrl, ...content } };
    } catch (error) {
      throw InvalidEventError.from(error, `decoding the ${typeUrl} in an Any`);
    } finally {
      this.#depth--;
    }
  }

  #fields(fields: readonly FieldDescriptor[], message: object): object {
    const entries: [string, unknown][] = [];
    for (const field of fields) {
      const value = (message as Record<string, unknown>)[propertyOf(field)];
      if (value === undefined || value === null) continue;
      if (field.cardinality === 'repeated') {
        const list = value as readonly unknown[];
        if (list.length > 0) entries.push([field.jsonName, list.map((one) => this.#value(field, one))]);
      } else if (field.cardinality === 'map') {
        const map = Object.entries(value as object);
        if (map.length > 0)
          entries.push([field.jsonName, entriesOf(map.map(([key, one]) => [key, this.#value(field, one)]))]);
      } else if (field.presence || !isDefault(value)) {
        entries.push([field.jsonName, this.#value(field, value)]);
      }
    }
    return entriesOf(entries);
  }

  #value(field: FieldDescriptor, value: unknown): unknown {
    if (field.kind === 'message') {
      const codec = field.type!();
      return typeof value === 'object' && value !== null ? this.#message(codec, value) : looseJson(value, false);
    }
    if (field.kind === 'enum') return enumJson(field.values!(), value as number);
    if (valueTypes.isUint8Array(value)) return base64(value);
    if (typeof value === 'bigint' || field.kind.endsWith('64')) return String(value);
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return field.kind === 'float' ? shortest(value as number) : value;
  }
}

function enumJson(values: Readonly<Record<string, number>>, value: number): string | number | null {
  const names = Object.keys(values);
  // google.protobuf.NullValue, whatever its number.
  if (names.length === 1 && names[0] === 'NULL_VALUE') return null;
  return names.find((one) => values[one] === value) ?? value;
}

function isDefault(value: unknown): boolean {
  return (
    value === 0n ||
    value === '' ||
    value === false ||
    Object.is(value, 0) ||
    (valueTypes.isUint8Array(value) && value.length === 0)
  );
}
