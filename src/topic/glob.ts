/**
 * Compiles a glob into topic patterns: braces are expanded, `**` becomes a part of its own, what no topic can match is
 * dropped, and refused when nothing is left.
 */
import { GlobTooComplexError, InvalidGlobError } from '../errors.js';
import { type GlobToken, MAX_GLOB_LENGTH, parseGlob } from './glob-parser.js';
import { checkWithPicomatch } from './picomatch-check.js';
import { identifierFault, SegmentPattern, STAR } from './segment-pattern.js';
import { topicFault } from './topic.js';
import { GLOBSTAR, literalPattern, type PatternPart, TopicPattern } from './topic-pattern.js';

/** Most topic patterns that one glob may expand to. */
const MAX_ALTERNATIVES = 1024;

type FlatToken = Exclude<GlobToken, { kind: 'group' }>;
/** `slashes` is "/" or "/…/": a segment boundary with any number of segments in it. */
type PlainToken = { readonly kind: 'one' | 'star' | 'slash' | 'slashes' | 'tail'; readonly token: FlatToken };

/**
 * Compiles a glob; a topic matches it when it matches one of the patterns.
 *
 * @throws {InvalidGlobError} `BUS_INVALID_GLOB` when it is malformed or can match no topic, with the place
 * @throws {GlobTooComplexError} `BUS_GLOB_TOO_COMPLEX` over 256 characters or 1,024 alternatives
 */
export function compileGlob(glob: string): readonly TopicPattern[] {
  if (glob.length <= MAX_GLOB_LENGTH && topicFault(glob) === undefined) return [literalPattern(glob)];
  const tokens = parseGlob(glob);
  if (countAlternatives(tokens) > MAX_ALTERNATIVES) refuseAsComplex(glob);
  const alternatives: PlainToken[][] = [];
  for (const expanded of expandGroups(tokens)) {
    expandGlobstars(expanded, 0, [], alternatives);
    if (alternatives.length > MAX_ALTERNATIVES) refuseAsComplex(glob);
  }
  const patterns = new Map<string, TopicPattern>();
  let firstFault: Fault | undefined;
  for (const alternative of alternatives) {
    const parts = splitParts(alternative);
    if (Array.isArray(parts)) {
      const pattern = new TopicPattern(parts);
      patterns.set(pattern.key, pattern);
    } else {
      firstFault ??= parts;
    }
  }
  if (patterns.size === 0) {
    const { reason, position } = firstFault!;
    throw new InvalidGlobError(glob, `${reason} (at ${position})`, position);
  }
  checkWithPicomatch(glob);
  return [...patterns.values()];
}

function refuseAsComplex(glob: string): never {
  throw new GlobTooComplexError(glob, `more than ${MAX_ALTERNATIVES} alternatives; use fewer braces or several globs`);
}

function countAlternatives(tokens: readonly GlobToken[]): number {
  let product = 1;
  for (const token of tokens) {
    if (token.kind !== 'group') continue;
    product *= token.alternatives.reduce((sum, alternative) => sum + countAlternatives(alternative), 0);
  }
  return product;
}

function expandGroups(tokens: readonly GlobToken[]): FlatToken[][] {
  let expanded: FlatToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind !== 'group') {
      for (const alternative of expanded) alternative.push(token);
    } else {
      const choices = token.alternatives.flatMap(expandGroups);
      expanded = expanded.flatMap((start) => choices.map((choice) => [...start, ...choice]));
    }
  }
  return expanded;
}

/** Writes what `**` may stand for as plain tokens, one alternative each. */
function expandGlobstars(tokens: readonly FlatToken[], from: number, start: PlainToken[], into: PlainToken[][]): void {
  const plain = [...start];
  for (let index = from; index < tokens.length; index++) {
    const token = tokens[index]!;
    const rest = index + 1;
    const next = tokens[rest];
    if (token.kind === 'between') {
      if (token.nullable && canBeEmpty(tokens, rest)) into.push([...plain]);
      plain.push({ kind: 'slashes', token });
    } else if (token.kind === 'leading') {
      // It may stand for nothing at all, which helps when what follows brings a "/".
      if (next !== undefined && next.kind !== 'one') expandGlobstars(tokens, rest, [], into);
      plain.push({ kind: 'slashes', token });
    } else if (token.kind !== 'across') {
      plain.push({ kind: token.kind, token });
    } else if (startsSegment(plain) && (next === undefined || next.kind === 'slash')) {
      // Alone in its segment: one segment and any number more.
      plain.push({ kind: 'star', token }, { kind: next === undefined ? 'tail' : 'slashes', token });
      if (next !== undefined) index++;
    } else {
      if (into.length > MAX_ALTERNATIVES) return;
      const star: PlainToken = { kind: 'star', token };
      expandGlobstars(tokens, rest, [...plain, star, { kind: 'slashes', token }, star], into);
      plain.push(star);
    }
  }
  into.push(plain);
}

function canBeEmpty(tokens: readonly FlatToken[], from: number): boolean {
  return tokens.slice(from).every((token) => {
    if (token.kind === 'star' || token.kind === 'between') return token.nullable;
    return token.kind === 'across' || token.kind === 'tail';
  });
}

function startsSegment(tokens: readonly PlainToken[]): boolean {
  const last = tokens.at(-1)?.kind;
  return last === undefined || last === 'slash' || last === 'slashes';
}

interface Fault {
  readonly reason: string;
  readonly position: number;
}

/** The parts of a pattern, or why no topic can match it. */
function splitParts(tokens: readonly PlainToken[]): PatternPart[] | Fault {
  // A topic starts with "/": what stands before the first one has to match nothing.
  const root = tokens.findIndex(({ kind }) => kind !== 'star');
  const first = tokens[root];
  if (first === undefined || first.kind === 'one') {
    return { reason: 'a topic starts with "/"', position: first?.token.position ?? 0 };
  }
  const parts: PatternPart[] = [];
  for (let index = root; index < tokens.length; index++) {
    const boundary = tokens[index]!;
    if (boundary.kind !== 'slash') parts.push(GLOBSTAR);
    if (boundary.kind === 'tail') break;
    const segment: PlainToken[] = [];
    while (tokens[index + 1]?.kind === 'one' || tokens[index + 1]?.kind === 'star') segment.push(tokens[++index]!);
    const atoms = segment.map(({ token }) => (token.kind === 'one' ? token.characters : STAR));
    const fault = identifierFault(atoms);
    if (fault !== undefined) {
      const position = (segment[fault.atom] ?? boundary).token.position;
      return { reason: fault.reason, position };
    }
    parts.push(new SegmentPattern(atoms));
  }
  return parts;
}
