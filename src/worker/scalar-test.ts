/** Tests of scalars and enums where they lie in the bytes of a message. */
import type { FieldDescriptor } from '../envelope/event-codec.js';
import { checkUtf8 } from '../envelope/wire/text-reader.js';
import type { ScalarTest } from '../envelope/wire/wire-probe.js';
import * as wire from '../envelope/wire/wire-reader.js';
import type { FieldTest } from '../topic/condition.js';
import { compareBool, compareEnum, compareFloat, compareInteger, compareUtf8 } from '../topic/field-comparison.js';

type Reader<V> = (source: Buffer, position: number, end: number) => V;

const INTEGER_READERS: Readonly<Record<string, Reader<number | bigint>>> = {
  int32: wire.readInt32,
  int64: readSmallInt64,
  uint32: wire.readUint32,
  uint64: readSmallUint64,
  sint32: wire.readSint32,
  sint64: wire.readSint64,
  fixed32: wire.readFixed32,
  fixed64: wire.readFixed64,
  sfixed32: wire.readSfixed32,
  sfixed64: wire.readSfixed64,
};

/**
 * Compiles a test for the values of one field.
 *
 * An unset field compares as its default and is not present. A string that is not UTF-8 is malformed and passes no test.
 *
 * @param explicit whether a set field is present also with its default value; otherwise it counts as unset
 * @param negated  whether the condition holds where the test does not
 */
export function scalarTest(test: FieldTest, field: FieldDescriptor, explicit: boolean, negated: boolean): ScalarTest {
  switch (field.kind) {
    case 'string':
    case 'bytes':
      return textTest(test, field, explicit, negated);
    case 'bool':
      return valueTest(compareBool(test), wire.readBool, (field.default as boolean) ?? false, explicit);
    case 'float':
      return valueTest(compareFloat(test, true), wire.readFloat, (field.default as number) ?? 0, explicit);
    case 'double':
      return valueTest(compareFloat(test, false), wire.readDouble, (field.default as number) ?? 0, explicit);
    case 'enum':
      return valueTest(
        compareEnum(test, field.values!()),
        wire.readInt32,
        (field.default as number | undefined) ?? 0,
        explicit,
      );
    default:
      return valueTest(
        compareInteger(test),
        INTEGER_READERS[field.kind]!,
        (field.default as bigint | number | undefined) ?? 0,
        explicit,
      );
  }
}

function textTest(test: FieldTest, field: FieldDescriptor, explicit: boolean, negated: boolean): ScalarTest {
  const compare = compareUtf8(test);
  const unset = Buffer.from((field.default as Uint8Array | string | undefined) ?? '');
  const isText = field.kind === 'string' && field.unchecked !== true;
  // What equals the operand is UTF-8 as the operand is, and what does not equal it fails anyhow.
  const checks = isText && (negated || test.operator !== '==');
  return (source, position, end) => {
    if (position < 0) return compare(unset, 0, unset.length, false);
    const valueEnd = wire.readEnd(source, position, end);
    const start = wire.cursor.position;
    if (checks) checkUtf8(source, start, valueEnd);
    return compare(source, start, valueEnd, explicit || valueEnd > start);
  };
}

function valueTest<V>(
  compare: (value: V, present: boolean) => boolean,
  read: Reader<V>,
  unset: V,
  explicit: boolean,
): ScalarTest {
  return (source, position, end) => {
    if (position < 0) return compare(unset, false);
    const value = read(source, position, end);
    // The defaults are false, 0, -0 and 0n; NaN is none.
    return compare(value, explicit || Boolean(value) || Number.isNaN(value));
  };
}

/** Mostly they fit a number, which costs no memory. */
function readSmallInt64(source: Buffer, position: number, end: number): number | bigint {
  const value = wire.readInt64AsNumber(source, position, end);
  return Number.isSafeInteger(value) ? value : wire.readInt64(source, position, end);
}

function readSmallUint64(source: Buffer, position: number, end: number): number | bigint {
  const value = wire.readInt64AsNumber(source, position, end);
  return value >= 0 && Number.isSafeInteger(value) ? value : wire.readUint64(source, position, end);
}
