/**
 * Finds what is valid in a filter and surely not meant: fields that no envelope has, topics and namespaces that none can
 * have. containerd's language allows them all, so they are worth a warning and never an error.
 */
import { SuspiciousFilterError } from '../errors.js';
import { reportError } from '../host/report.js';
import { type ParsedSelector, parseExpression } from './expression-parser.js';
import { type FilterInput, isGlob, listOf } from './filter.js';
import { namespaceFault, topicFault } from './topic.js';

type NamedValue = Pick<ParsedSelector, 'path' | 'operator' | 'operand'>;

const FIELDS = ['topic', 'namespace', 'timestamp', 'event'];

/** Warns the process of the first slip in a filter, if there is one. */
export function warnOfSlip(filter: FilterInput): void {
  const slip = findSlip(filter);
  if (slip !== undefined) reportError(slip);
}

/** The first slip in a filter. What does not parse is refused elsewhere. */
export function findSlip(filter: FilterInput): SuspiciousFilterError | undefined {
  const strings = typeof filter === 'object' && 'where' in filter ? filter.where : filter;
  if (typeof strings !== 'string' && !Array.isArray(strings)) return undefined;
  for (const expression of listOf(strings)) {
    // Most are, and there is nothing to look for.
    if (isGlob(expression)) continue;
    const reason = slipIn(expression);
    if (reason !== undefined) return new SuspiciousFilterError(expression, reason);
  }
  return undefined;
}

/** Whether no envelope has the field. What follows `topic` and `namespace` in a path is ignored, as in containerd. */
export function isAbsentField([field, ...rest]: readonly string[]): boolean {
  if (field === 'timestamp') return rest.length > 0;
  if (field === 'event') return rest.length === 0;
  return field !== 'topic' && field !== 'namespace';
}

/** Whether a test for equality names a topic or a namespace that no envelope can have. */
export function isImpossibleValue({ path, operator, operand }: NamedValue): boolean {
  if (operator !== '==' && operator !== '!=') return false;
  if (path[0] === 'topic') return topicFault(operand) !== undefined;
  return path[0] === 'namespace' && namespaceFault(operand) !== undefined;
}

/** What is wrong with a valid expression, and how to write what was probably meant. */
function slipIn(expression: string): string | undefined {
  const equal = new Map<string, string>();
  for (const selector of selectorsOf(expression)) {
    const { path, operator, operand } = selector;
    const field = path[0]!;
    const effect = operator === '!=' ? 'the condition always holds' : 'the condition never holds';
    if (isAbsentField(path)) {
      const known = operator === '~=' ? '' : `, so ${effect}`;
      return `no envelope has the field ${shownPath(path)}${known}; ${fieldMend(selector)}`;
    }
    if (isImpossibleValue(selector)) {
      return `no ${field} is ${JSON.stringify(operand)}, so ${effect}; ${valueMend(selector)}`;
    }
    if (operator !== '==' || (field !== 'topic' && field !== 'namespace')) continue;
    const other = equal.get(field) ?? operand;
    if (other !== operand) return `"," means "and", and no event has two values of ${field}; give a list of filters`;
    equal.set(field, operand);
  }
  return undefined;
}

function selectorsOf(expression: string): readonly ParsedSelector[] {
  try {
    return parseExpression(expression);
  } catch {
    return [];
  }
}

function fieldMend({ path, operator }: NamedValue): string {
  const names = path.length === 1 ? path[0]!.split('.') : path;
  const [first, ...rest] = names[0] === 'envelope' && names.length > 1 ? names.slice(1) : names;
  const meant = FIELDS.find((field) => first!.toLowerCase() === field || first!.toLowerCase() === `${field}s`);
  if (meant === 'event') return `write ${shownPath(['event', ...(rest.length > 0 ? rest : ['…'])])}`;
  if (meant !== undefined) return `write ${meant}`;
  const ofEvent = `a field of an event is written ${shownPath(['event', ...path])}`;
  const topic = path.length === 1 && path[0]!.startsWith('/') ? path[0]! : `/${path.join('/')}`;
  return operator === 'present' ? `a topic is written ${JSON.stringify(topic)}, ${ofEvent}` : ofEvent;
}

function valueMend({ path: [field], operator, operand }: NamedValue): string {
  const bare = operand.trim().replace(/^\/+|\/+$/g, '');
  if (field === 'namespace') {
    return namespaceFault(bare) === undefined ? `write ${JSON.stringify(bare)}` : namespaceFault(operand)!;
  }
  const topic = `/${bare}`;
  if (topicFault(topic) === undefined) return `write topic${operator}${JSON.stringify(topic)}`;
  if (!/[*?[{]/.test(operand)) return topicFault(operand)!;
  return operator === '=='
    ? `a glob is a filter of its own: ${JSON.stringify(topic)}`
    : `to exclude what a glob matches: { exclude: ${JSON.stringify(topic)} }`;
}

function shownPath(path: readonly string[]): string {
  return path.map((part) => (/^[\w…]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}
