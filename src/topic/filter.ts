/**
 * Filters: what a subscription wants.
 *
 *     filter := string | list | structured
 *
 * A string that starts with "/" or "**" is a glob over topics (`glob-parser.ts`), any other a containerd filter expression
 * (`expression-parser.ts`); the empty string is the empty expression and selects everything, as in containerd. A list
 * selects what any of its strings selects. The structured form selects what all of its keys select, each key what any of
 * its values selects. A list without strings, or an omitted key, restricts nothing: no filters mean everything, as in
 * containerd.
 *
 * Filters are checked whole when they are compiled; nothing about them can fail later.
 */
import { InvalidFilterError, InvalidOptionError, UnknownOptionError } from '../errors.js';
import { showThrown } from '../shown.js';
import { type Condition, namespaceCondition } from './condition.js';
import { compileExpression } from './expression.js';
import { compileGlob } from './glob.js';
import {
  conditionSelector,
  everySelector,
  matchesAny,
  predicateSelector,
  type Selector,
  someSelector,
  topicSelector,
} from './selector.js';
import { namespaceFault } from './topic.js';
import type { TopicPattern } from './topic-pattern.js';

/** A filter in its structured form: AND across keys, OR within one. Values may be one string or a list. */
export interface FilterSpec {
  /** Globs; the topic matches one of them. */
  readonly topics?: string | readonly string[] | undefined;
  /** Globs; the topic matches none of them. */
  readonly exclude?: string | readonly string[] | undefined;
  /** Namespaces, exactly as published. */
  readonly namespaces?: string | readonly string[] | undefined;
  /** Filter expressions; the envelope meets one of them. */
  readonly where?: string | readonly string[] | undefined;
}

export type FilterInput = string | readonly string[] | FilterSpec;

/** A filter ready to use. */
export interface CompiledFilter {
  /** What it was compiled from, as a frozen plain copy: cloned to other threads it compiles to the same filter. */
  readonly source: FilterInput;
  /**
   * What the filter wants of a valid topic. `false`: nothing; `true`: every envelope; a condition: decided per envelope.
   *
   * Cost grows with the number of globs; remember the answer per topic.
   */
  forTopic(topic: string): boolean | Condition;
  /** Only topics that match one of these can be wanted; undefined: any topic may be. For the index. */
  readonly patterns: readonly TopicPattern[] | undefined;
  /** Whether every topic that matches one of `patterns` is wanted with no condition. For the index. */
  readonly exact: boolean;
}

const SPEC_KEYS = ['topics', 'exclude', 'namespaces', 'where'] as const;
type SpecKey = (typeof SPEC_KEYS)[number];

/**
 * Compiles a filter.
 *
 * Threads: any. Waits: never. Costs microseconds per string.
 *
 * @throws {InvalidGlobError} `BUS_INVALID_GLOB` for a glob that is malformed or matches no topic
 * @throws {GlobTooComplexError} `BUS_GLOB_TOO_COMPLEX` for one too long or with too many alternatives
 * @throws {InvalidFilterError} `BUS_INVALID_FILTER` for an expression that does not parse, or what is no filter at all
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION` for an unknown key of the structured form
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` for a value of the wrong kind in it
 */
export function compileFilter(input: FilterInput): CompiledFilter {
  const { source, selector } = compileSource(input);
  return {
    source,
    forTopic: (topic) => selector.forTopic(topic),
    patterns: selector.patterns,
    exact: selector.exact,
  };
}

function compileSource(input: unknown): { source: FilterInput; selector: Selector } {
  if (typeof input === 'string') return { source: input, selector: compileString(input) };
  const copy = copyInput(input);
  if (copy === undefined) {
    throw new InvalidFilterError(input, `must be a string, a list of strings or an object of ${SPEC_KEYS.join(', ')}`);
  }
  if (copy.list !== undefined) return { source: copy.list, selector: anyOfStrings(copy.list.map(compileString)) };
  const source = specOf(copy.entries);
  return { source: Object.freeze(source), selector: compileSpec(source) };
}

/** A list, or the entries of the structured form. */
type InputCopy =
  | { readonly list: readonly string[] }
  | { readonly list?: undefined; readonly entries: readonly (readonly [key: string, value: unknown])[] };

/** A private copy, each value read once; undefined for what is no filter. Nothing of the user's runs after it. */
function copyInput(input: unknown): InputCopy | undefined {
  try {
    if (Array.isArray(input)) return { list: copyList(input) as readonly string[] };
    if (!isPlainObject(input)) return undefined;
    const entries: [string, unknown][] = Object.entries(input);
    return { entries: entries.map(([key, value]) => [key, Array.isArray(value) ? copyList(value) : value]) };
  } catch (error) {
    throw new InvalidFilterError(input, `cannot be read: ${showThrown(error)}`, undefined, { cause: error });
  }
}

function copyList(list: readonly unknown[]): readonly unknown[] {
  return Object.freeze([...list]);
}

function compileString(filter: unknown): Selector {
  if (typeof filter !== 'string') throw new InvalidFilterError(filter, 'must be a string');
  return isGlob(filter) ? topicSelector(compileGlob(filter)) : compileExpression(filter);
}

/** Whether a filter string is a glob; any other is an expression. */
export function isGlob(filter: string): boolean {
  return filter.startsWith('/') || filter.startsWith('**');
}

function compileSpec(spec: FilterSpec): Selector {
  const selectors: Selector[] = [];
  const topics = listOf(spec.topics);
  if (topics.length > 0) selectors.push(topicSelector(topics.flatMap(compileGlob)));
  const excluded = listOf(spec.exclude).flatMap(compileGlob);
  if (excluded.length > 0) selectors.push(predicateSelector((topic) => !matchesAny(excluded, topic)));
  const namespaces = new Set(listOf(spec.namespaces));
  for (const namespace of namespaces) {
    const fault = namespaceFault(namespace);
    if (fault !== undefined) throw new InvalidOptionError('namespaces', namespace, `a namespace (${fault})`);
  }
  if (namespaces.size > 0) {
    selectors.push(conditionSelector(namespaceCondition((namespace) => namespaces.has(namespace))));
  }
  const where = listOf(spec.where);
  if (where.length > 0) selectors.push(anyOfStrings(where.map(compileWhere)));
  return everySelector(selectors);
}

function compileWhere(expression: string): Selector {
  if (isGlob(expression)) throw new InvalidFilterError(expression, 'is a glob; give it in "topics"');
  return compileExpression(expression);
}

function anyOfStrings(selectors: readonly Selector[]): Selector {
  return selectors.length === 0 ? everySelector([]) : someSelector(selectors);
}

/** The structured form of checked entries; keys without a value are omitted. */
function specOf(entries: readonly (readonly [key: string, value: unknown])[]): FilterSpec {
  const copy: { -readonly [K in SpecKey]?: string | readonly string[] } = {};
  for (const [key, value] of entries) {
    if (!isSpecKey(key)) throw new UnknownOptionError(key, SPEC_KEYS);
    if (value === undefined) continue;
    if (!isStrings(value)) throw new InvalidOptionError(key, value, 'a string or a list of strings');
    copy[key] = value;
  }
  return copy;
}

function isSpecKey(key: string): key is SpecKey {
  return (SPEC_KEYS as readonly string[]).includes(key);
}

function isStrings(value: unknown): value is string | readonly string[] {
  return typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
}

/** A value of the structured form as a list. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Instances of classes are refused: a `URL` given by mistake has no keys and would select everything. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
