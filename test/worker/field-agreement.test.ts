/** What conditions on the bytes of an event answer, conditions on the decoded event answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AnyEvent } from '../../src/envelope/any-event.js';
import { type EventCodec, type FieldDescriptor, propertyOf } from '../../src/envelope/event-codec.js';
import { builtInTypes, ContainerCreate, TaskExit } from '../../src/envelope/generated/index.js';
import type { FieldOperator, FieldTest } from '../../src/topic/condition.js';
import { compileRegularExpression } from '../../src/topic/regular-expression.js';
import { Everything, Tree } from '../fixtures/generated/everything.js';
import { holdsDecoded } from '../support/decoded-conditions.js';
import { envelopeOf, packed, reader, registry } from '../support/field-scene.js';
import { size } from '../support/full.js';
import { arbitraryEvent } from '../support/protobuf-oracle.js';

const OPERATORS: readonly FieldOperator[] = ['present', '==', '!=', '~=', '<', '<=', '>', '>='];

/** The operands of tests that have no relation to the event. */
const operands = fc.constantFrom(
  '',
  '0',
  '1',
  '-1',
  '127',
  'true',
  'false',
  'a',
  '0.5',
  '2024-01-01T00:00:00Z',
  'COLOR_RED',
  'inf',
);

/** Paths that lead somewhere in `codec`, or nearly. */
function paths(codec: EventCodec, event: Record<string, unknown>, depth = 3): fc.Arbitrary<string[]> {
  const fields = codec.fields!;
  const strays: fc.Arbitrary<string[]>[] = [fc.constant(['nosuch'])];
  if (codec.typeUrl === 'google.protobuf.Any') {
    return fc.constantFrom<string[]>(['pid'], ['runtime', 'name'], ['x']);
  }
  if (fields.length === 0 || depth === 0) return strays[0]!;
  const one = fc.constantFrom(...fields).chain((field) => {
    const value = event[propertyOf(field)];
    const name = fc.constantFrom(field.name, propertyOf(field));
    return fc.tuple(name, belowField(field, value, depth)).map(([head, rest]) => [head, ...rest]);
  });
  return fc.oneof({ weight: 20, arbitrary: one }, ...strays);
}

function belowField(field: FieldDescriptor, value: unknown, depth: number): fc.Arbitrary<string[]> {
  const nothing = fc.constant<string[]>([]);
  const first = Array.isArray(value) ? value[0] : value;
  const inside = (one: unknown): fc.Arbitrary<string[]> =>
    field.kind === 'message' ? paths(field.type!(), (one ?? {}) as Record<string, unknown>, depth - 1) : nothing;
  if (field.cardinality !== 'map') return fc.oneof(nothing, inside(first));
  const keys = ['nosuch', '0', 'true', ...Object.keys((value as object | undefined) ?? {})];
  return fc.constantFrom(...keys).chain((key) => {
    const entry =
      value !== undefined && Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : {};
    return fc.oneof(
      fc.constant<string[]>([key]),
      inside(entry).map((rest) => [key, ...rest]),
    );
  });
}

/** A value in the event, as an operand has it, so that equality is met now and then. */
function textsIn(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn);
  return [String(value)];
}

function fieldTests(codec: EventCodec, event: Record<string, unknown>): fc.Arbitrary<FieldTest> {
  const own = textsIn(event).slice(0, 200);
  const operand = own.length === 0 ? operands : fc.oneof(operands, fc.constantFrom(...own));
  return fc.record({ path: paths(codec, event), operator: fc.constantFrom(...OPERATORS), operand }).map((parts) => {
    const test = { ...parts, path: ['event', ...parts.path] };
    if (test.operator !== '~=') return test;
    const source = test.operand.slice(0, 3).replace(/[^\w ]/gu, '.');
    return { ...test, operand: source, matches: compileRegularExpression(source) };
  });
}

/** Payloads for the Anys in events: some of known types. */
const inner: fc.Arbitrary<AnyEvent> = fc.oneof(
  arbitraryEvent(TaskExit).map((event) => packed(TaskExit, event)),
  arbitraryEvent(ContainerCreate, 1).map((event) => packed(ContainerCreate, event)),
  fc.record({ typeUrl: fc.constantFrom('', 'example.Unknown'), value: fc.uint8Array({ maxLength: 9 }) }),
);

/** The same event with other Anys in it: random bytes are no event. */
function withAnys(codec: EventCodec, event: Record<string, unknown>, any: AnyEvent): Record<string, unknown> {
  if (codec.typeUrl === 'google.protobuf.Any') return { ...any };
  const copy = { ...event };
  for (const field of codec.fields!) {
    const value = copy[propertyOf(field)];
    if (field.kind !== 'message' || value === undefined) continue;
    const replace = (one: unknown): unknown => withAnys(field.type!(), one as Record<string, unknown>, any);
    if (field.cardinality === 'repeated') copy[propertyOf(field)] = (value as unknown[]).map(replace);
    else if (field.cardinality === 'singular') copy[propertyOf(field)] = replace(value);
  }
  return copy;
}

describe('on the bytes and on the decoded event conditions agree', () => {
  for (const codec of [...builtInTypes, Everything, Tree] as readonly EventCodec[]) {
    test(codec.typeUrl, () => {
      const cases = fc.tuple(arbitraryEvent(codec), inner).chain(([random, any]) => {
        const event = withAnys(codec, random, any);
        return fc.tuple(fc.constant(event), fc.array(fieldTests(codec, event), { minLength: 5, maxLength: 5 }));
      });
      let held = 0;
      fc.assert(
        fc.property(cases, ([event, tests]) => {
          const any = packed(codec, event);
          const envelope = envelopeOf(any);
          const decoded = registry.anyUnpack(any) as object;
          for (const one of tests) {
            const expected = holdsDecoded(registry, one, codec, decoded);
            assert.equal(reader.compile(one)(envelope), expected, JSON.stringify(one));
            if (expected) held++;
          }
        }),
        { numRuns: size(60, 200) },
      );
      assert.ok(held > size(5, 20), `${held} tests held`);
    });
  }
});
