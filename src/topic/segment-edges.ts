/**
 * The ways on from a trie node: segment patterns, each leading to a child.
 *
 * Literals and `*` cost a lookup. Other patterns are found by what they start with, or else end with, one lookup per
 * distinct length of those; only patterns that do neither are tried one by one.
 */
import type { SegmentPattern } from './segment-pattern.js';

export class SegmentEdges<N> {
  readonly #literals = new Map<string, N>();
  #all: N | undefined;
  // Made on first need: most nodes have literal edges only.
  #patterns: PatternEdges<N> | undefined;

  get isEmpty(): boolean {
    return this.#literals.size === 0 && this.#all === undefined && this.#patterns === undefined;
  }

  get(pattern: SegmentPattern): N | undefined {
    if (pattern.literal !== undefined) return this.#literals.get(pattern.literal);
    return pattern.matchesAll ? this.#all : this.#patterns?.get(pattern);
  }

  /** The child under a pattern, made when there is none. */
  obtain(pattern: SegmentPattern, make: () => N): N {
    const existing = this.get(pattern);
    if (existing !== undefined) return existing;
    const node = make();
    if (pattern.literal !== undefined) this.#literals.set(pattern.literal, node);
    else if (pattern.matchesAll) this.#all = node;
    else (this.#patterns ??= new PatternEdges()).set(pattern, node);
    return node;
  }

  delete(pattern: SegmentPattern): void {
    if (pattern.literal !== undefined) this.#literals.delete(pattern.literal);
    else if (pattern.matchesAll) this.#all = undefined;
    else if (this.#patterns?.delete(pattern)) this.#patterns = undefined;
  }

  /** Calls `visit` with the child of every pattern that the segment matches. */
  visit(segment: string, visit: (node: N) => void): void {
    const literal = this.#literals.get(segment);
    if (literal !== undefined) visit(literal);
    if (this.#all !== undefined) visit(this.#all);
    this.#patterns?.visit(segment, visit);
  }
}

interface Edge<N> {
  readonly pattern: SegmentPattern;
  readonly node: N;
}

/** Edges by the length of an anchor, then the anchor, then the pattern. */
type AnchoredEdges<N> = Map<number, Map<string, Map<string, Edge<N>>>>;

class PatternEdges<N> {
  readonly #byPrefix: AnchoredEdges<N> = new Map();
  readonly #bySuffix: AnchoredEdges<N> = new Map();

  get(pattern: SegmentPattern): N | undefined {
    const { edges, anchor } = this.#anchorOf(pattern);
    return edges.get(anchor.length)?.get(anchor)?.get(pattern.key)?.node;
  }

  set(pattern: SegmentPattern, node: N): void {
    const { edges, anchor } = this.#anchorOf(pattern);
    const ofLength = obtain(edges, anchor.length, () => new Map<string, Map<string, Edge<N>>>());
    obtain(ofLength, anchor, () => new Map<string, Edge<N>>()).set(pattern.key, { pattern, node });
  }

  /** @returns whether nothing is left */
  delete(pattern: SegmentPattern): boolean {
    const { edges, anchor } = this.#anchorOf(pattern);
    const ofLength = edges.get(anchor.length);
    const bucket = ofLength?.get(anchor);
    if (bucket?.delete(pattern.key) && bucket.size === 0) ofLength?.delete(anchor);
    if (ofLength?.size === 0) edges.delete(anchor.length);
    return this.#byPrefix.size === 0 && this.#bySuffix.size === 0;
  }

  visit(segment: string, visit: (node: N) => void): void {
    for (const [length, ofLength] of this.#byPrefix) {
      if (length <= segment.length) visitMatching(ofLength.get(segment.slice(0, length)), segment, visit);
    }
    for (const [length, ofLength] of this.#bySuffix) {
      if (length <= segment.length) visitMatching(ofLength.get(segment.slice(-length)), segment, visit);
    }
  }

  /** The longer anchor tells more. A pattern without any is filed under the empty prefix. */
  #anchorOf({ prefix, suffix }: SegmentPattern): { edges: AnchoredEdges<N>; anchor: string } {
    return suffix.length > prefix.length
      ? { edges: this.#bySuffix, anchor: suffix }
      : { edges: this.#byPrefix, anchor: prefix };
  }
}

function visitMatching<N>(bucket: Map<string, Edge<N>> | undefined, segment: string, visit: (node: N) => void): void {
  if (bucket === undefined) return;
  for (const { pattern, node } of bucket.values()) if (pattern.matches(segment)) visit(node);
}

function obtain<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
