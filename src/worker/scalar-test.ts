/** Tests of scalars and enums where they lie in the bytes of a message. */
import type { FieldDescriptor } from '../envelope/event-codec.js';
import type { ScalarTest } from '../envelope/wire-probe.js';
import * as wire from '../envelope/wire-reader.js';
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
 * An unset field compares as its default and is not present.
 *
 * @param explicit whether a set field is present also with its default value; otherwise it counts as unset
 */
export function scalarTest(test: FieldTest, field: FieldDescriptor, explicit: boolean): ScalarTest {
  switch (field.kind) {
    case 'string':
    case 'bytes': {
      const compare = compareUtf8(test);
      return (source, position, end) => {
        if (position < 0) return compare(source, 0, 0, false);
        const valueEnd = wire.readEnd(source, position, end);
        return compare(source, wire.cursor.position, valueEnd, explicit || valueEnd > wire.cursor.position);
      };
    }
    case 'bool':
      return valueTest(compareBool(test), wire.readBool, false, explicit);
    case 'float':
      return valueTest(compareFloat(test, true), wire.readFloat, 0, explicit);
    case 'double':
      return valueTest(compareFloat(test, false), wire.readDouble, 0, explicit);
    case 'enum':
      return valueTest(compareEnum(test, field.values!()), wire.readInt32, 0, explicit);
    default:
      return valueTest(compareInteger(test), INTEGER_READERS[field.kind]!, 0, explicit);
  }
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
