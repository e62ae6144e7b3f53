/**
 * Selectors: the parts a compiled filter is built from. Each answers for a topic, and says which topic patterns it is
 * limited to so that an index can find it.
 */
import { allOf, anyOf, type Condition } from './condition.js';
import { splitTopic, type TopicPattern } from './topic-pattern.js';

export interface Selector {
  /** For a valid topic. `false`: no envelope; `true`: every envelope; a condition: decided per envelope. */
  forTopic(topic: string): boolean | Condition;
  /** Only topics that match one of these can be selected; undefined: any topic may be. */
  readonly patterns: readonly TopicPattern[] | undefined;
  /** Whether every topic that matches one of `patterns` is selected with no condition. */
  readonly exact: boolean;
}

/** Selects the topics that match one of the patterns. */
export function topicSelector(patterns: readonly TopicPattern[]): Selector {
  return { forTopic: (topic) => matchesAny(patterns, topic), patterns, exact: true };
}

/** Selects the topics that a predicate accepts. */
export function predicateSelector(accepts: (topic: string) => boolean): Selector {
  return { forTopic: accepts, patterns: undefined, exact: false };
}

/** Selects, on every topic, the envelopes that meet a condition. */
export function conditionSelector(condition: Condition): Selector {
  return { forTopic: () => condition, patterns: undefined, exact: false };
}

/** Selects what all of the selectors select; of none: everything. */
export function everySelector(selectors: readonly Selector[]): Selector {
  if (selectors.length === 1) return selectors[0]!;
  return {
    forTopic(topic) {
      const conditions: Condition[] = [];
      for (const selector of selectors) {
        const answer = selector.forTopic(topic);
        if (answer === false) return false;
        if (answer !== true) conditions.push(answer);
      }
      return conditions.length === 0 || allOf(conditions);
    },
    // Any one that is limited limits the whole; the one with the fewest patterns costs an index least.
    patterns: selectors
      .map(({ patterns }) => patterns)
      .filter((patterns) => patterns !== undefined)
      .sort((a, b) => a.length - b.length)[0],
    exact: false,
  };
}

/** Selects what any of the selectors (at least one) selects. */
export function someSelector(selectors: readonly Selector[]): Selector {
  if (selectors.length === 1) return selectors[0]!;
  const limited = selectors.every(({ patterns }) => patterns !== undefined);
  return {
    forTopic(topic) {
      const conditions: Condition[] = [];
      for (const selector of selectors) {
        const answer = selector.forTopic(topic);
        if (answer === true) return true;
        if (answer !== false) conditions.push(answer);
      }
      return conditions.length > 0 && anyOf(conditions);
    },
    patterns: limited ? selectors.flatMap(({ patterns }) => patterns!) : undefined,
    exact: selectors.every(({ exact }) => exact),
  };
}

export function matchesAny(patterns: readonly TopicPattern[], topic: string): boolean {
  const segments = splitTopic(topic);
  return patterns.some((pattern) => pattern.matches(segments));
}
