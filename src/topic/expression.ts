/**
 * Compiles a filter expression to a selector: tests of the topic are settled per topic, the rest becomes a condition.
 *
 * The fields of an envelope are `topic`, `namespace`, `timestamp` and `event.…`. What follows `topic` and `namespace` in a
 * path is ignored, as in containerd. Any other field, and `event` alone, is absent in every envelope: it is not present,
 * differs from everything, and matches what matches the empty text.
 */
import { InvalidFilterError } from '../errors.js';
import { type FieldTest, fieldCondition, namespaceCondition } from './condition.js';
import { type ParsedSelector, parseExpression } from './expression-parser.js';
import { compareString, holdsForAbsent } from './field-comparison.js';
import { parseInstant } from './instant.js';
import { compileRegularExpression } from './regular-expression.js';
import { conditionSelector, everySelector, predicateSelector, type Selector, topicSelector } from './selector.js';
import { topicFault } from './topic.js';
import { literalPattern } from './topic-pattern.js';

const EVERYTHING = everySelector([]);
const NOTHING = topicSelector([]);

/** @throws {InvalidFilterError} `BUS_INVALID_FILTER` when it does not parse, or compares with what can be no value */
export function compileExpression(expression: string): Selector {
  return everySelector(parseExpression(expression).map((selector) => compileSelector(expression, selector)));
}

function compileSelector(expression: string, parsed: ParsedSelector): Selector {
  const test = fieldTest(expression, parsed);
  const [field, ...rest] = test.path;
  if (field === 'topic') return compileTopicTest(test);
  if (field === 'namespace') {
    if (test.operator === 'present') return EVERYTHING;
    const compare = compareString(test);
    return conditionSelector(namespaceCondition((namespace) => compare(namespace, true)));
  }
  if (field === 'timestamp' && rest.length === 0) {
    if (test.operator === 'present') return EVERYTHING;
    checkInstant(expression, parsed);
    return conditionSelector(fieldCondition(test));
  }
  if (field === 'event' && rest.length > 0) return conditionSelector(fieldCondition(test));
  return holdsForAbsent(test) || test.matches?.('') === true ? EVERYTHING : NOTHING;
}

function compileTopicTest(test: FieldTest): Selector {
  const { operator, operand } = test;
  if (operator === 'present') return EVERYTHING;
  if (operator === '==') {
    return topicFault(operand) === undefined ? topicSelector([literalPattern(operand)]) : NOTHING;
  }
  const compare = compareString(test);
  return predicateSelector((topic) => compare(topic, true));
}

function fieldTest(expression: string, { path, operator, operand, operandPosition }: ParsedSelector): FieldTest {
  if (operator !== '~=') return { path, operator, operand };
  try {
    return { path, operator, operand, matches: compileRegularExpression(operand) };
  } catch (error) {
    const mend =
      path[0] === 'topic' && /^(\/.*)?\*\*/.test(operand)
        ? `; that is a glob: give ${JSON.stringify(operand)} as a filter of its own, or in the key "topics" beside "where"`
        : '';
    const reason = `regular expression: ${(error as SyntaxError).message} (at ${operandPosition})${mend}`;
    throw new InvalidFilterError(expression, reason, operandPosition);
  }
}

function checkInstant(expression: string, { operator, operand, operandPosition }: ParsedSelector): void {
  if (operator === '~=' || parseInstant(operand) !== undefined) return;
  const reason = `timestamp compares with RFC 3339 (2026-11-23T17:40:00Z) or seconds since the Unix epoch, not ${JSON.stringify(operand)} (at ${operandPosition})`;
  throw new InvalidFilterError(expression, reason, operandPosition);
}
