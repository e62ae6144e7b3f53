/**
 * Probes: what a scan over the bytes of a message leaves where a field was found.
 *
 * Each is reset, takes what the scan finds, and then tells whether its test holds. Nothing is allocated but what a test
 * allocates. Bytes that are no protobuf throw WireError.
 */
import type { EnvelopeContext } from './envelope-context.js';
import type { EventCodec, FieldDescriptor, ScalarKind } from './event-codec.js';
import {
  cursor,
  readBool,
  readEnd,
  readFixed32,
  readFixed64,
  readInt32,
  readInt64,
  readInt64AsNumber,
  readSfixed32,
  readSfixed64,
  readSint32,
  readSint64,
  readTag,
  readUint32,
  readUint64,
  skipField,
} from './wire-reader.js';

/** A test of the message in `source[start, end)`. */
export type MessageTest = (source: Buffer, start: number, end: number) => boolean;

/** A test of the value at `position`, which the scan has passed over; of an unset field where `position` is negative. */
export type ScalarTest = (source: Buffer, position: number, end: number) => boolean;

/** Looks for something in messages. */
export interface MessageProbe {
  reset(): void;
  scan(source: Buffer, start: number, end: number): void;
  holds(source: Buffer): boolean;
}

/** Takes the values of one field. */
export interface ValueProbe {
  reset(): void;
  /** Takes the value at `position`, behind its tag; returns the position after it. */
  take(source: Buffer, position: number, end: number): number;
  holds(source: Buffer): boolean;
}

const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

function wireTypeOf(kind: FieldDescriptor['kind']): number {
  if (kind === 'string' || kind === 'bytes' || kind === 'message') return DELIMITED;
  if (kind === 'double' || kind === 'fixed64' || kind === 'sfixed64') return FIXED64;
  return kind === 'float' || kind === 'fixed32' || kind === 'sfixed32' ? FIXED32 : 0;
}

/** The tag of a field with one value in it, or with one entry of a map. */
function tagOf({ number, kind, cardinality }: FieldDescriptor): number {
  return number * 8 + (cardinality === 'map' ? DELIMITED : wireTypeOf(kind));
}

/** Reads the tag at `position` and leaves the cursor behind it. */
function tagAt(source: Buffer, position: number, end: number): number {
  const tag = source[position]!;
  if (tag > 127) return readTag(source, position, end);
  cursor.position = position + 1;
  return tag;
}

/** One field of a message. */
export class FieldProbe implements MessageProbe {
  readonly #value: ValueProbe;
  readonly #tag: number;
  /** Of many values in one piece; -1 where the field has no such form. */
  readonly #packedTag: number;
  readonly #rivalTags: readonly number[];

  /** @param rivals the other members of its oneof: any of them unsets it */
  constructor(field: FieldDescriptor, value: ValueProbe, rivals: readonly FieldDescriptor[]) {
    this.#value = value;
    this.#tag = tagOf(field);
    const packs = field.cardinality === 'repeated' && wireTypeOf(field.kind) !== DELIMITED;
    this.#packedTag = packs ? field.number * 8 + DELIMITED : -1;
    this.#rivalTags = rivals.map(tagOf);
  }

  reset(): void {
    this.#value.reset();
  }

  scan(source: Buffer, start: number, end: number): void {
    const value = this.#value;
    const wanted = this.#tag;
    let position = start;
    while (position < end) {
      const tag = tagAt(source, position, end);
      position = cursor.position;
      if (tag === wanted) position = value.take(source, position, end);
      else if (tag === this.#packedTag) position = this.#takePacked(source, position, end);
      else {
        if (this.#rivalTags.length > 0 && this.#rivalTags.includes(tag)) value.reset();
        position = skipField(source, position, end, tag, 0);
      }
    }
  }

  holds(source: Buffer): boolean {
    return this.#value.holds(source);
  }

  #takePacked(source: Buffer, position: number, end: number): number {
    const fieldEnd = readEnd(source, position, end);
    let at = cursor.position;
    while (at < fieldEnd) at = this.#value.take(source, at, fieldEnd);
    return fieldEnd;
  }
}

/** A scalar or an enum: where the last value is. */
export class ScalarProbe implements ValueProbe {
  readonly #tag: number;
  readonly #test: ScalarTest;
  #position = -1;
  #end = 0;

  constructor({ number, kind }: FieldDescriptor, test: ScalarTest) {
    this.#tag = number * 8 + wireTypeOf(kind);
    this.#test = test;
  }

  reset(): void {
    this.#position = -1;
  }

  take(source: Buffer, position: number, end: number): number {
    this.#position = position;
    this.#end = end;
    return skipField(source, position, end, this.#tag, 0);
  }

  holds(source: Buffer): boolean {
    return this.#test(source, this.#position, this.#end);
  }
}

/** Whether a field was there at all. */
export class PresenceProbe implements ValueProbe {
  readonly #wireType: number;
  #seen = false;

  constructor(field: FieldDescriptor) {
    this.#wireType = tagOf(field) & 7;
  }

  reset(): void {
    this.#seen = false;
  }

  take(source: Buffer, position: number, end: number): number {
    this.#seen = true;
    return skipField(source, position, end, 8 + this.#wireType, 0);
  }

  holds(): boolean {
    return this.#seen;
  }
}

/** A message inside a message. */
export class NestedProbe implements ValueProbe {
  readonly #inside: MessageProbe;
  readonly #always: boolean;
  #seen = false;

  /** @param always whether there is a message also where none was found, as in the entry of a map */
  constructor(inside: MessageProbe, always: boolean) {
    this.#inside = inside;
    this.#always = always;
  }

  reset(): void {
    this.#seen = this.#always;
    this.#inside.reset();
  }

  take(source: Buffer, position: number, end: number): number {
    const fieldEnd = readEnd(source, position, end);
    this.#inside.scan(source, cursor.position, fieldEnd);
    this.#seen = true;
    return fieldEnd;
  }

  holds(source: Buffer): boolean {
    return this.#seen && this.#inside.holds(source);
  }
}

/** Whether the test holds for one of the elements. */
export class RepeatedProbe implements ValueProbe {
  readonly #element: ValueProbe;
  #held = false;

  constructor(element: ValueProbe) {
    this.#element = element;
  }

  reset(): void {
    this.#held = false;
  }

  take(source: Buffer, position: number, end: number): number {
    this.#element.reset();
    const next = this.#element.take(source, position, end);
    if (!this.#held) this.#held = this.#element.holds(source);
    return next;
  }

  holds(): boolean {
    return this.#held;
  }
}

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

/** The fields of a Timestamp. */
export class TimestampProbe implements MessageProbe {
  readonly #test: (seconds: number, nanos: number) => boolean;
  #seconds = 0;
  #nanos = 0;

  constructor(test: (seconds: number, nanos: number) => boolean) {
    this.#test = test;
  }

  reset(): void {
    this.#seconds = 0;
    this.#nanos = 0;
  }

  scan(source: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at = cursor.position) {
      const tag = tagAt(source, at, end);
      if (tag === 8) this.#seconds = readInt64AsNumber(source, cursor.position, end);
      else if (tag === 16) this.#nanos = readInt32(source, cursor.position, end);
      else cursor.position = skipField(source, cursor.position, end, tag, 0);
    }
  }

  holds(): boolean {
    return this.#test(this.#seconds, this.#nanos);
  }
}

/** The message inside an Any, whose type the bytes say; a type that is not known has no fields. */
export class AnyProbe implements MessageProbe {
  readonly #types: EnvelopeContext;
  readonly #compile: (codec: EventCodec) => MessageTest | undefined;
  readonly #tests = new Map<EventCodec, MessageTest | undefined>();
  #typeStart = 0;
  #typeEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;

  constructor(types: EnvelopeContext, compile: (codec: EventCodec) => MessageTest | undefined) {
    this.#types = types;
    this.#compile = compile;
  }

  reset(): void {
    this.#typeStart = this.#typeEnd = this.#valueStart = this.#valueEnd = 0;
  }

  scan(source: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const tag = tagAt(source, at, end);
      at = cursor.position;
      if (tag === 10) {
        at = this.#typeEnd = readEnd(source, at, end);
        this.#typeStart = cursor.position;
      } else if (tag === 18) {
        at = this.#valueEnd = readEnd(source, at, end);
        this.#valueStart = cursor.position;
      } else at = skipField(source, at, end, tag, 0);
    }
  }

  holds(source: Buffer): boolean {
    const { codec } = this.#types.resolveBytes(source, this.#typeStart, this.#typeEnd);
    if (codec === undefined) return false;
    let test = this.#tests.get(codec);
    if (test === undefined && !this.#tests.has(codec)) {
      test = this.#compile(codec);
      this.#tests.set(codec, test);
    }
    return test?.(source, this.#valueStart, this.#valueEnd) ?? false;
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
      return wanted.compare(source, cursor.position, keyEnd) === 0;
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
