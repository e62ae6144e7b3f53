/** Envelopes as plain objects, and the resolver that reads them for conditions: stands in for the envelope layer. */
import type { FieldResolver, FieldTest } from '../../src/topic/condition.js';
import {
  compareBool,
  compareFloat,
  compareInteger,
  compareString,
  compareTimestamp,
  holdsForAbsent,
} from '../../src/topic/field-comparison.js';
import { compileFilter, type FilterInput } from '../../src/topic/filter.js';

export interface PlainEnvelope {
  readonly topic: string;
  readonly namespace: string;
  /** Since the Unix epoch. */
  readonly seconds: number;
  readonly nanos: number;
  readonly event: Readonly<Record<string, unknown>>;
}

export const plainResolver: FieldResolver<PlainEnvelope> = {
  namespace: (envelope) => envelope.namespace,
  compile(test) {
    if (test.path[0] === 'timestamp') {
      const compare = compareTimestamp(test);
      return ({ seconds, nanos }) => compare(seconds, nanos, true);
    }
    return ({ event }) => holdsFor(test, valueAt(event, test.path.slice(1)));
  },
};

/** Whether an envelope passes a filter, the way the bus decides it: first the topic, then the condition. */
export function passes(filter: FilterInput, envelope: PlainEnvelope): boolean {
  const answer = compileFilter(filter).forTopic(envelope.topic);
  return typeof answer === 'boolean' ? answer : answer.bind(plainResolver)(envelope);
}

function valueAt(event: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  const [field, ...rest] = path;
  const value = Object.hasOwn(event, field!) ? event[field!] : undefined;
  if (typeof value !== 'object' || value === null) return rest.length === 0 ? value : undefined;
  const labels = value as Record<string, unknown>;
  return Object.hasOwn(labels, rest.join('.')) ? labels[rest.join('.')] : undefined;
}

function holdsFor(test: FieldTest, value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return compareString(test)(value, value !== '');
    case 'boolean':
      return compareBool(test)(value, value);
    case 'bigint':
      return compareInteger(test)(value, value !== 0n);
    case 'number':
      return compareFloat(test, false)(value, value !== 0);
    default:
      return holdsForAbsent(test);
  }
}
