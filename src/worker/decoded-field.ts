/**
 * Tests of one field of an event as decoded, for types without a list of their fields.
 *
 * A path leads through own properties, entries of Maps with text as keys, and elements of arrays, of which one has to pass;
 * a property may be named by the whole rest of the path, so `labels."a.b"` and `labels.a.b` are the same. What is there is
 * present, also 0 and the empty text, but null and undefined are absent. Messages of protobufjs have what is unset on their
 * prototype: that compares as the default it is, and is not present.
 */
import type { FieldTest } from '../topic/condition.js';
import {
  compareBool,
  compareBytes,
  compareFloat,
  compareInteger,
  compareString,
  compareTimestamp,
} from '../topic/field-comparison.js';

/** Deeper values are absent: an array may be nested a long way without a part of the path for it. */
const MAX_DEPTH = 100;

/** Compiles a test of the field of a value that a path leads to. `test` is none that holds for what is absent. */
export function decodedTest(test: FieldTest): (value: unknown, path: readonly string[]) => boolean {
  const compare = comparison(test);
  const holds = (value: unknown, path: readonly string[], present: boolean, depth: number): boolean => {
    if (value === undefined || value === null || depth > MAX_DEPTH) return false;
    if (Array.isArray(value) || value instanceof Set) {
      for (const element of value) if (holds(element, path, true, depth + 1)) return true;
      return false;
    }
    if (path.length === 0) return compare(value, present);
    if (typeof value !== 'object') return false;
    const whole = find(value, path.join('.'));
    if (whole !== undefined || path.length === 1)
      return whole !== undefined && holds(whole.value, [], whole.own, depth);
    const first = find(value, path[0]!);
    return first !== undefined && holds(first.value, path.slice(1), first.own, depth + 1);
  };
  return (value, path) => holds(value, path, true, 0);
}

function comparison(test: FieldTest): (value: unknown, present: boolean) => boolean {
  const presence = test.operator === 'present';
  const string = compareString(test);
  const bool = compareBool(test);
  const integer = compareInteger(test);
  const float = compareFloat(test, false);
  const bytes = compareBytes(test);
  const timestamp = compareTimestamp(test);
  return (value, present) => {
    switch (typeof value) {
      case 'string':
        return string(value, present);
      case 'boolean':
        return bool(value, present);
      case 'bigint':
        return integer(value, present);
      case 'number':
        return float(value, present);
    }
    if (value instanceof Uint8Array) return bytes(value, present);
    if (value instanceof Date) {
      const ms = value.getTime();
      return timestamp(Math.floor(ms / 1000), (((ms % 1000) + 1000) % 1000) * 1e6, present);
    }
    return presence && present;
  };
}

interface Property {
  readonly value: unknown;
  readonly own: boolean;
}

function find(value: object, name: string): Property | undefined {
  if (value instanceof Map) return value.has(name) ? { value: value.get(name), own: true } : undefined;
  const own = Object.getOwnPropertyDescriptor(value, name);
  if (own !== undefined) return { value: (value as Record<string, unknown>)[name], own: true };
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return undefined;
  return findInMessage(value, prototype, name);
}

/** In an instance of a class: under the name in the .proto file too, and as the default that its class has. */
function findInMessage(value: object, prototype: object, name: string): Property | undefined {
  const camelCase = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  if (Object.hasOwn(value, camelCase)) return { value: (value as Record<string, unknown>)[camelCase], own: true };
  const unset: unknown = Object.getOwnPropertyDescriptor(prototype, camelCase)?.value;
  return unset === undefined || typeof unset === 'function' ? undefined : { value: unset, own: false };
}
