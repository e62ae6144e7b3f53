/** Conditions on fields evaluated on decoded events: the judge of the evaluation on their bytes. */

import type { AnyEvent } from '../../src/envelope/any-event.js';
import { type EventCodec, type FieldDescriptor, propertyOf } from '../../src/envelope/event-codec.js';
import type { TypeRegistry } from '../../src/envelope/type-registry.js';
import type { FieldTest } from '../../src/topic/condition.js';
import {
  compareBool,
  compareBytes,
  compareEnum,
  compareFloat,
  compareInteger,
  compareString,
  compareTimestamp,
} from '../../src/topic/field-comparison.js';

/** Something that a path leads to. */
interface Found {
  readonly field: FieldDescriptor;
  readonly value: unknown;
  /** A whole message, list or map is there or not, and cannot be compared, unless it is a time. */
  readonly whole: boolean;
  /** Whether a default value counts as present. */
  readonly explicit: boolean;
}

/** Whether a test of `event.…` holds for an event. Throws where a payload inside an Any does not decode. */
export function holdsDecoded(registry: TypeRegistry, test: FieldTest, codec: EventCodec, event: object): boolean {
  const found = findAll(registry, codec, event as Record<string, unknown>, test.path.slice(1));
  if (test.operator === '!=') return !found.some((one) => compares({ ...test, operator: '==' }, one));
  return found.some((one) => compares(test, one));
}

function findAll(
  registry: TypeRegistry,
  codec: EventCodec,
  message: Record<string, unknown>,
  path: readonly string[],
): Found[] {
  if (codec.typeUrl === 'google.protobuf.Any') {
    const any = message as unknown as AnyEvent;
    const inner = registry.find(any.typeUrl);
    return inner?.fields === undefined ? [] : findAll(registry, inner, registry.anyUnpack(any) as never, path);
  }
  const [name, ...rest] = path;
  const named = codec.fields!.filter((field) => field.name === name || propertyOf(field) === name);
  const field = named.find((one) => one.name === name) ?? named[0];
  if (field === undefined) return [];
  const value = message[propertyOf(field)];
  if (value === undefined) {
    const comparable = field.kind !== 'message' && rest.length === 0;
    return comparable ? [{ field, value: unset(field), whole: false, explicit: false }] : [];
  }
  const below = (one: unknown, path: readonly string[], explicit: boolean): Found[] => {
    if (path.length === 0) return [{ field, value: one, whole: field.kind === 'message', explicit }];
    return field.kind === 'message' ? findAll(registry, field.type!(), one as Record<string, unknown>, path) : [];
  };
  if (field.cardinality === 'singular') return below(value, rest, field.presence);
  const whole = rest.length === 0 && { field, value, whole: true, explicit: true };
  if (field.cardinality === 'repeated') {
    const list = value as unknown[];
    return [...(whole && list.length > 0 ? [whole] : []), ...list.flatMap((one) => below(one, rest, true))];
  }
  const map = value as Record<string, unknown>;
  if (whole) return Object.keys(map).length > 0 ? [whole] : [];
  const key = field.kind === 'message' ? rest[0]! : rest.join('.');
  return Object.hasOwn(map, key) ? below(map[key], field.kind === 'message' ? rest.slice(1) : [], true) : [];
}

/** What a field that tells unset from default compares as while it is unset. */
function unset({ kind }: FieldDescriptor): unknown {
  if (kind === 'string') return '';
  if (kind === 'bytes') return new Uint8Array(0);
  if (kind === 'bool') return false;
  return /64$/.test(kind) ? 0n : 0;
}

function compares(test: FieldTest, { field, value, whole, explicit }: Found): boolean {
  if (whole) {
    if (test.operator === 'present') return true;
    if (field.type?.().typeUrl !== 'google.protobuf.Timestamp' || 'length' in (value as object)) return false;
    const { seconds, nanos } = value as { seconds?: unknown; nanos?: unknown };
    return typeof seconds === 'number' && compareTimestamp(test)(seconds, nanos as number, true);
  }
  switch (field.kind) {
    case 'string':
      return compareString(test)(value as string, explicit || value !== '');
    case 'bytes':
      return compareBytes(test)(value as Uint8Array, explicit || (value as Uint8Array).length > 0);
    case 'bool':
      return compareBool(test)(value as boolean, explicit || value === true);
    case 'double':
    case 'float':
      return compareFloat(test, field.kind === 'float')(value as number, explicit || value !== 0);
    case 'enum':
      return compareEnum(test, field.values!())(value as number, explicit || value !== 0);
    default:
      return compareInteger(test)(value as number | bigint, explicit || Number(value) !== 0);
  }
}
