/** Says in words what a filter selects: for people who wonder why an event comes, or does not. */
import type { FieldOperator } from './condition.js';
import { type ParsedSelector, parseExpression } from './expression-parser.js';
import { compileFilter, type FilterInput, isGlob, listOf } from './filter.js';
import { isAbsentField, isImpossibleValue } from './filter-slip.js';
import { compileGlob } from './glob.js';
import { GLOBSTAR, type TopicPattern } from './topic-pattern.js';

/** Globs with more alternatives than this are shown as written. */
const MAX_PATTERNS_IN_WORDS = 8;

const OPERATOR_WORDS: Readonly<Record<FieldOperator, string>> = {
  present: 'is present',
  '==': 'is',
  '!=': 'is not',
  '~=': 'matches the regular expression',
  '<': 'is less than',
  '<=': 'is at most',
  '>': 'is greater than',
  '>=': 'is at least',
};

/**
 * Explains a filter in one line of English.
 *
 * @throws {InvalidFilterError} `BUS_INVALID_FILTER`, and the other errors of a filter that `subscribe` refuses
 * @example
 * explain('/tasks/*'); // => 'events where topic is one level below "/tasks"'
 */
export function explain(filter: FilterInput): string {
  const { source } = compileFilter(filter);
  const words = typeof source === 'object' && !isList(source) ? explainSpec(source) : explainStrings(listOf(source));
  return words === '' ? 'every event' : `events where ${words}`;
}

// What follows answers '' for what restricts nothing.

function explainSpec(spec: Exclude<FilterInput, string | readonly string[]>): string {
  const excluded = explainStrings(listOf(spec.exclude));
  const namespaces = listOf(spec.namespaces).map((namespace) => `namespace is ${JSON.stringify(namespace)}`);
  return join(' and ', [
    explainStrings(listOf(spec.topics)),
    excluded === '' ? '' : `not (${excluded})`,
    join(' or ', namespaces),
    explainStrings(listOf(spec.where)),
  ]);
}

function explainStrings(filters: readonly string[]): string {
  const words = filters.map((filter) => (isGlob(filter) ? explainGlob(filter) : explainExpression(filter)));
  return words.includes('') ? '' : join(' or ', words);
}

function explainGlob(glob: string): string {
  const patterns = compileGlob(glob);
  const words = patterns.map(explainPattern).filter((pattern) => pattern !== undefined);
  const inWords = words.length === patterns.length && words.length <= MAX_PATTERNS_IN_WORDS;
  return inWords ? join(' or ', words) : `topic matches ${JSON.stringify(glob)}`;
}

/** Literals, and literals with whole wildcard segments behind them; undefined for other patterns. */
function explainPattern({ literal, key, parts }: TopicPattern): string | undefined {
  if (literal !== undefined) return `topic is ${JSON.stringify(literal)}`;
  const fixed = parts.findIndex((part) => part === GLOBSTAR || part.literal === undefined);
  const open = parts.at(-1) === GLOBSTAR;
  const levels = parts.slice(fixed, open ? -1 : undefined);
  if (!levels.every((part) => part !== GLOBSTAR && part.matchesAll)) return undefined;

  if (fixed === 0 && open && levels.length < 2) return 'topic is any';
  const count = `${open ? 'at least ' : ''}${levels.length}`;
  if (fixed === 0) return `topic has ${count} segment${levels.length === 1 ? '' : 's'}`;
  const parent = JSON.stringify(key.split('/', fixed + 1).join('/'));
  if (levels.length === 0) return `topic is ${parent} or below it`;
  if (levels.length === 1) return open ? `topic is below ${parent}` : `topic is one level below ${parent}`;
  return `topic is ${count} levels below ${parent}`;
}

function explainExpression(expression: string): string {
  return join(' and ', parseExpression(expression).map(explainSelector));
}

function explainSelector(selector: ParsedSelector): string {
  const { path, operator, operand } = selector;
  const field = path.map((part) => (/^\w+$/.test(part) ? part : JSON.stringify(part))).join('.');
  const words = `${field} ${OPERATOR_WORDS[operator]}${operator === 'present' ? '' : ` ${JSON.stringify(operand)}`}`;
  if (isImpossibleValue(selector)) return `${words} (which no ${path[0]} is)`;
  if (isAbsentField(path)) return `${words} (a field that no envelope has)`;
  return operator === '!=' && path[0] === 'event' ? `${words} or is absent` : words;
}

/** Joins with a conjunction, with parentheses around parts that hold another one. */
function join(conjunction: string, parts: readonly string[]): string {
  const said = parts.filter((part) => part !== '');
  if (said.length < 2) return said.join('');
  return said.map((part) => (/ (and|or) /.test(part) ? `(${part})` : part)).join(conjunction);
}

function isList(source: FilterInput): source is readonly string[] {
  return Array.isArray(source);
}
