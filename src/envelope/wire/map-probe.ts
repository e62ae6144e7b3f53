/** The probe of one key of a map, and the comparison of keys where they lie in the bytes. */

import type { FieldDescriptor, ScalarKind } from '../event-codec.js';
import { startsWith } from './byte-match.js';
import { skipField } from './field-skip.js';
import { type ScalarTest, tagAt, type ValueProbe, wireTypeOf } from './wire-probe.js';
import {
  cursor,
  readBool,
  readEnd,
  readFixed32,
  readFixed64,
  readInt32,
  readInt64,
  readSfixed32,
  readSfixed64,
  readSint32,
  readSint64,
  readUint32,
  readUint64,
} from './wire-reader.js';

/** The value of one key of a map; of several entries with the key, the last. */
export class MapProbe implements ValueProbe {
  readonly #isKey: ScalarTest;
  readonly #value: ValueProbe | undefined;
  readonly #keyTag: number;
  readonly #valueTag: number;
  #seen = false;

  /** @param value undefined: the key is enough */
  constructor(field: FieldDescriptor, isKey: ScalarTest, value: ValueProbe | undefined) {
    this.#isKey = isKey;
    this.#value = value;
    this.#keyTag = 8 + wireTypeOf(field.keyKind!);
    this.#valueTag = 16 + wireTypeOf(field.kind);
  }

  reset(): void {
    this.#seen = false;
  }

  take(source: Buffer, position: number, end: number): number {
    const entryEnd = readEnd(source, position, end);
    const start = cursor.position;
    let key = -1;
    for (let at = start; at < entryEnd; ) {
      const tag = tagAt(source, at, entryEnd);
      at = cursor.position;
      if (tag === this.#keyTag) key = at;
      at = skipField(source, at, entryEnd, tag, 0);
    }
    if (this.#isKey(source, key, entryEnd)) {
      this.#seen = true;
      if (this.#value !== undefined) this.#takeValue(this.#value, source, start, entryEnd);
    }
    return entryEnd;
  }

  holds(source: Buffer): boolean {
    return this.#seen && (this.#value === undefined || this.#value.holds(source));
  }

  /** A second pass, because the key may come behind the value. */
  #takeValue(value: ValueProbe, source: Buffer, start: number, end: number): void {
    value.reset();
    for (let at = start; at < end; ) {
      const tag = tagAt(source, at, end);
      at = cursor.position;
      at = tag === this.#valueTag ? value.take(source, at, end) : skipField(source, at, end, tag, 0);
    }
  }
}

type Reader = (source: Buffer, position: number, end: number) => boolean | number | bigint;

const KEY_READERS: Readonly<Partial<Record<ScalarKind, Reader>>> = {
  bool: readBool,
  int32: readInt32,
  sint32: readSint32,
  sfixed32: readSfixed32,
  uint32: readUint32,
  fixed32: readFixed32,
  int64: readInt64,
  sint64: readSint64,
  sfixed64: readSfixed64,
  uint64: readUint64,
  fixed64: readFixed64,
};

/** Whether a key of a map is the one written as `key`; undefined where no key of the kind is written so. */
export function keyTest(kind: ScalarKind, key: string): ScalarTest | undefined {
  const read = KEY_READERS[kind];
  if (read === undefined) {
    const wanted = Buffer.from(key);
    return (source, position, end) => {
      if (position < 0) return wanted.length === 0;
      const keyEnd = readEnd(source, position, end);
      const start = cursor.position;
      return keyEnd - start === wanted.length && startsWith(source, start, keyEnd, wanted);
    };
  }
  const wanted = keyValue(kind, key);
  if (wanted === undefined) return undefined;
  // A missing key is 0 or false.
  return (source, position, end) => (position < 0 ? !wanted : read(source, position, end) === wanted);
}

function keyValue(kind: ScalarKind, key: string): boolean | number | bigint | undefined {
  if (kind === 'bool') return key === 'true' ? true : key === 'false' ? false : undefined;
  if (!/^(0|-?[1-9]\d*)$/.test(key)) return undefined;
  return kind.endsWith('64') ? BigInt(key) : Number(key);
}
