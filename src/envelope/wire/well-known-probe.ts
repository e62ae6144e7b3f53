/** Probes of the messages that conditions know by name: Timestamp and Any. */
import type { EnvelopeContext } from '../envelope-context.js';
import type { EventCodec } from '../event-codec.js';
import { skipField } from './field-skip.js';
import { type MessageProbe, type MessageTest, tagAt } from './wire-probe.js';
import { cursor, readEnd, readInt32, readInt64AsNumber } from './wire-reader.js';

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
