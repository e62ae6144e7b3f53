/**
 * Probes: what a scan over the bytes of a message leaves where a field was found.
 *
 * Each is reset, takes what the scan finds, and then tells whether its test holds. Nothing is allocated but what a test
 * allocates. Bytes that are no protobuf throw WireError.
 */
import type { FieldDescriptor } from '../event-codec.js';
import { groupEnd, skipField } from './field-skip.js';
import { cursor, readEnd, readTag } from './wire-reader.js';

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
const START_GROUP = 3;
const FIXED32 = 5;

/** How a value of a kind is framed. */
export function wireTypeOf(kind: FieldDescriptor['kind']): number {
  if (kind === 'string' || kind === 'bytes' || kind === 'message') return DELIMITED;
  if (kind === 'double' || kind === 'fixed64' || kind === 'sfixed64') return FIXED64;
  return kind === 'float' || kind === 'fixed32' || kind === 'sfixed32' ? FIXED32 : 0;
}

/** The tag of a field with one value in it, or with one entry of a map. */
function tagOf({ number, kind, cardinality, delimited }: FieldDescriptor): number {
  if (delimited) return number * 8 + START_GROUP;
  return number * 8 + (cardinality === 'map' ? DELIMITED : wireTypeOf(kind));
}

/** Reads the tag at `position` and leaves the cursor behind it. */
export function tagAt(source: Buffer, position: number, end: number): number {
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
  readonly #tag: number;
  #seen = false;

  constructor(field: FieldDescriptor) {
    this.#tag = tagOf(field);
  }

  reset(): void {
    this.#seen = false;
  }

  take(source: Buffer, position: number, end: number): number {
    this.#seen = true;
    return skipField(source, position, end, this.#tag, 0);
  }

  holds(): boolean {
    return this.#seen;
  }
}

/** A message inside a message. */
export class NestedProbe implements ValueProbe {
  readonly #inside: MessageProbe;
  readonly #always: boolean;
  /** Of a message that ends with a tag; 0 where a length says where it ends. */
  readonly #groupTag: number;
  #seen = false;

  /** @param always whether there is a message also where none was found, as in the entry of a map */
  constructor(field: FieldDescriptor, inside: MessageProbe, always: boolean) {
    this.#groupTag = field.delimited ? tagOf(field) : 0;
    this.#inside = inside;
    this.#always = always;
  }

  reset(): void {
    this.#seen = this.#always;
    this.#inside.reset();
  }

  take(source: Buffer, position: number, end: number): number {
    this.#seen = true;
    if (this.#groupTag !== 0) {
      const contentEnd = groupEnd(source, position, end, this.#groupTag, 0);
      const next = cursor.position;
      this.#inside.scan(source, position, contentEnd);
      return next;
    }
    const fieldEnd = readEnd(source, position, end);
    this.#inside.scan(source, cursor.position, fieldEnd);
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
