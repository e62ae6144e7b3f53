/**
 * Conditions: what remains of a filter for a topic, decided per envelope.
 *
 * A condition is a small tree of field tests under "all of" and "any of". It knows nothing about envelopes: `bind` asks a
 * resolver, which the envelope layer implements, to compile each test once, and joins the results.
 */

export type FieldOperator = 'present' | '==' | '!=' | '~=' | '<' | '<=' | '>' | '>=';

/** One comparison with a field of an envelope. */
export interface FieldTest {
  /** The path as written: `['event', 'container_id']`, `['timestamp']`. Never starts with `topic` or `namespace`. */
  readonly path: readonly string[];
  readonly operator: FieldOperator;
  /** The value to compare with, unquoted; empty for `present`. */
  readonly operand: string;
  /** For `~=`: whether a text matches the operand; linear in the length of the text. */
  readonly matches?: (text: string) => boolean;
}

/** Reads envelopes for conditions. Implemented by the envelope layer. */
export interface FieldResolver<E> {
  namespace(envelope: E): string;
  /** Called once per test of a condition; the result is called per envelope. */
  compile(test: FieldTest): (envelope: E) => boolean;
}

/** What remains of a filter for one topic. Threads: made and used on one. */
export interface Condition {
  /** Compiles the condition for one kind of envelope. The result allocates nothing beyond what the resolver's tests do. */
  bind<E>(resolver: FieldResolver<E>): (envelope: E) => boolean;
  /** Every field test in it, in the order written; tests of the namespace are not among them. */
  readonly tests: readonly FieldTest[];
}

/** A condition on one field. */
export function fieldCondition(test: FieldTest): Condition {
  return { bind: (resolver) => resolver.compile(test), tests: [test] };
}

/** A condition on the namespace. */
export function namespaceCondition(accepts: (namespace: string) => boolean): Condition {
  return { bind: (resolver) => (envelope) => accepts(resolver.namespace(envelope)), tests: [] };
}

/** A condition that holds when all of the given ones (at least one) hold; they are tried in order. */
export function allOf(conditions: readonly Condition[]): Condition {
  return joined(conditions, false);
}

/** A condition that holds when any of the given ones (at least one) holds; they are tried in order. */
export function anyOf(conditions: readonly Condition[]): Condition {
  return joined(conditions, true);
}

/** `decisive`: the result of one condition that settles the whole. */
function joined(conditions: readonly Condition[], decisive: boolean): Condition {
  if (conditions.length === 1) return conditions[0]!;
  return {
    bind: (resolver) => {
      const bound = conditions.map((condition) => condition.bind(resolver));
      return (envelope) => {
        for (const holds of bound) if (holds(envelope) === decisive) return decisive;
        return !decisive;
      };
    },
    tests: conditions.flatMap(({ tests }) => tests),
  };
}
