/**
 * Tests of one field on the bytes of a message, without decoding it.
 *
 * A path of field names is compiled once per message type into probes (`wire-probe.ts`), one for each part of it. A scan
 * passes over the bytes and leaves in the probes where the field was found; the last place wins, and occurrences of one
 * message field merge, as in every protobuf decoder. What is passed over is checked only as far as it takes to get past it.
 *
 * Probes keep state while a test runs, so a compiled test runs once at a time; it calls nothing but the comparison.
 */
import type { EnvelopeContext } from '../envelope-context.js';
import { type EventCodec, type FieldDescriptor, propertyOf } from '../event-codec.js';
import { keyTest, MapProbe } from './map-probe.js';
import { AnyProbe, TimestampProbe } from './well-known-probe.js';
import {
  FieldProbe,
  type MessageProbe,
  type MessageTest,
  NestedProbe,
  PresenceProbe,
  RepeatedProbe,
  ScalarProbe,
  type ScalarTest,
  type ValueProbe,
} from './wire-probe.js';
import { MAX_DEPTH } from './wire-reader.js';

const ANY = 'google.protobuf.Any';
const TIMESTAMP = 'google.protobuf.Timestamp';

/** The comparison at the end of a path. It must not hold for what is absent. */
export interface FieldComparison {
  /** Whether it asks for presence and nothing else, which is all that messages and maps can be asked. */
  readonly presence: boolean;
  /** @param explicit whether a value that is there is present also when it is the default of its kind */
  scalar(field: FieldDescriptor, explicit: boolean): ScalarTest;
  timestamp(seconds: number, nanos: number): boolean;
  /** For a message inside an Any whose type has no fields here: the decoded value, and the path from there. */
  decoded(value: unknown, path: readonly string[]): boolean;
}

/**
 * Compiles the test of a field of a message type.
 *
 * Names are those of the .proto file or of the properties. What follows the name of a map is the key, its parts joined by
 * "."; where the values are messages, the key is one part. An Any is the message inside it. Of the elements of a repeated
 * field one has to pass.
 *
 * @returns undefined where the type has no such field, or none that can be compared
 */
export function compileFieldTest(
  types: EnvelopeContext,
  codec: EventCodec,
  path: readonly string[],
  comparison: FieldComparison,
): MessageTest | undefined {
  return new PathCompiler(types, comparison).message(codec, path, 0);
}

class PathCompiler {
  readonly #types: EnvelopeContext;
  readonly #comparison: FieldComparison;

  constructor(types: EnvelopeContext, comparison: FieldComparison) {
    this.#types = types;
    this.#comparison = comparison;
  }

  /** `depth` counts what is inside an Any too, which only the bytes know: a path of one part may lead through many. */
  message(codec: EventCodec, path: readonly string[], depth: number): MessageTest | undefined {
    if (codec.fields === undefined) {
      return (source, start, end) => this.#comparison.decoded(codec.decode(source, start, end), path);
    }
    const probe = this.#inside(codec, path, depth);
    if (probe === undefined) return undefined;
    return (source, start, end) => {
      probe.reset();
      probe.scan(source, start, end);
      return probe.holds(source);
    };
  }

  #inside(codec: EventCodec, path: readonly string[], depth: number): MessageProbe | undefined {
    if (depth > MAX_DEPTH) return undefined;
    if (codec.typeUrl === ANY) {
      return new AnyProbe(this.#types, (type) => this.message(type, path, depth + 1));
    }
    const [name, ...rest] = path;
    const { fields = [] } = codec;
    const field = fields.find((one) => one.name === name) ?? fields.find((one) => propertyOf(one) === name);
    const value = field && this.#field(field, rest, depth);
    if (value === undefined) return undefined;
    const rivals = fields.filter((one) => one !== field && one.oneof !== undefined && one.oneof === field!.oneof);
    return new FieldProbe(field!, value, rivals);
  }

  #field(field: FieldDescriptor, rest: readonly string[], depth: number): ValueProbe | undefined {
    if (field.cardinality === 'singular') return this.#value(field, rest, field.presence, depth);
    if (rest.length === 0 && this.#comparison.presence) return new PresenceProbe(field);
    if (field.cardinality === 'map') return this.#map(field, rest, depth);
    const element = this.#value(field, rest, true, depth);
    return element && new RepeatedProbe(element);
  }

  #map(field: FieldDescriptor, rest: readonly string[], depth: number): ValueProbe | undefined {
    if (rest.length === 0) return undefined;
    const [key, below] = field.kind === 'message' ? [rest[0]!, rest.slice(1)] : [rest.join('.'), []];
    const isKey = keyTest(field.keyKind!, key);
    if (isKey === undefined) return undefined;
    // An entry that leaves its value out has it all the same.
    if (below.length === 0 && this.#comparison.presence) return new MapProbe(field, isKey, undefined);
    const value = this.#value(field, below, true, depth, true);
    return value && new MapProbe(field, isKey, value);
  }

  #value(
    field: FieldDescriptor,
    rest: readonly string[],
    explicit: boolean,
    depth: number,
    always = false,
  ): ValueProbe | undefined {
    if (field.kind !== 'message') {
      return rest.length > 0 ? undefined : new ScalarProbe(field, this.#comparison.scalar(field, explicit));
    }
    const type = field.type!();
    if (rest.length > 0) {
      const inside = this.#inside(type, rest, depth + 1);
      return inside && new NestedProbe(field, inside, always);
    }
    if (this.#comparison.presence) return new PresenceProbe(field);
    const timestamp = new TimestampProbe((seconds, nanos) => this.#comparison.timestamp(seconds, nanos));
    return type.typeUrl === TIMESTAMP ? new NestedProbe(field, timestamp, always) : undefined;
  }
}
