/**
 * Reads the fields of received envelopes for the conditions of filters: joins the comparisons of `topic` with the bytes of
 * `envelope`.
 *
 * A condition meets events of several types on one topic, so a test is compiled for a type when the first event of it
 * comes. It reads the payload in place and decodes nothing. Only where a type has no list of its fields here (MessagePack,
 * classes of protobufjs) it looks at the event as decoded: the object that handlers get, decoded once.
 *
 * "!=" is the opposite of "==" everywhere. All other tests fail for what is absent: a field that a type lacks or that lies
 * in a message that is not set, and every field of an event whose type is not known here. A payload that turns out malformed
 * meets no condition, "!=" included; what is not looked at is not checked.
 */
import { EnvelopeContext } from '../envelope/envelope-context.js';
import type { EventCodec } from '../envelope/event-codec.js';
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import type { TypeRegistry } from '../envelope/type-registry.js';
import { compileFieldTest, type FieldComparison } from '../envelope/wire/wire-field.js';
import type { FieldResolver, FieldTest } from '../topic/condition.js';
import { compareTimestamp } from '../topic/field-comparison.js';
import { decodedTest } from './decoded-field.js';
import { scalarTest } from './scalar-test.js';

type EnvelopeTest = (envelope: ReceivedEnvelope) => boolean;

const absent: EnvelopeTest = () => false;

/** The fields of the envelopes of one thread. */
export class FieldReader implements FieldResolver<ReceivedEnvelope> {
  readonly #types: EnvelopeContext;
  /** A filter asks again for each topic. */
  readonly #compiled = new WeakMap<FieldTest, EnvelopeTest>();

  constructor(registry: TypeRegistry) {
    this.#types = new EnvelopeContext(registry);
  }

  namespace(envelope: ReceivedEnvelope): string {
    return envelope.namespace;
  }

  /**
   * The same result for the same test. It allocates nothing, but bigints for 64-bit integers that a number cannot hold, and
   * strings for "~=".
   */
  compile(test: FieldTest): EnvelopeTest {
    let compiled = this.#compiled.get(test);
    if (compiled === undefined) {
      compiled = this.#compile(test);
      this.#compiled.set(test, compiled);
    }
    return compiled;
  }

  #compile(test: FieldTest): EnvelopeTest {
    const negated = test.operator === '!=';
    const holds = this.#compilePositive(negated ? { ...test, operator: '==' } : test, negated);
    return (envelope) => {
      try {
        return holds(envelope) !== negated;
      } catch {
        // Malformed bytes, or whatever a codec of a user's own throws: whoever reads the event is told.
        return false;
      }
    };
  }

  /** `test` is none that holds for what is absent. */
  #compilePositive(test: FieldTest, negated: boolean): EnvelopeTest {
    if (test.path[0] === 'timestamp') {
      const compare = compareTimestamp(test);
      const withPresence = (seconds: number, nanos: number): boolean => compare(seconds, nanos, true);
      return (envelope) => envelope.testTimestamp(withPresence);
    }
    const path = test.path.slice(1);
    const comparison = comparisonOf(test, negated);
    const tests = new Map<EventCodec, EnvelopeTest>();
    let lastCodec: EventCodec | undefined;
    let lastTest = absent;
    return (envelope) => {
      const { codec } = envelope;
      if (codec === undefined) return false;
      if (codec !== lastCodec) {
        lastTest = tests.get(codec) ?? this.#compileFor(codec, path, comparison);
        tests.set(codec, lastTest);
        lastCodec = codec;
      }
      return lastTest(envelope);
    };
  }

  #compileFor(codec: EventCodec, path: readonly string[], comparison: FieldComparison): EnvelopeTest {
    if (codec.fields === undefined) return (envelope) => comparison.decoded(envelope.event, path);
    const holds = compileFieldTest(this.#types, codec, path, comparison);
    return holds === undefined ? absent : (envelope) => envelope.testPayload(holds);
  }
}

function comparisonOf(test: FieldTest, negated: boolean): FieldComparison {
  const compare = compareTimestamp(test);
  return {
    presence: test.operator === 'present',
    scalar: (field, explicit) => scalarTest(test, field, explicit, negated),
    timestamp: (seconds, nanos) => compare(seconds, nanos, true),
    decoded: decodedTest(test),
  };
}
