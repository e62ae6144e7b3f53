/**
 * A trie over topic segments: finds the values stored under the patterns that match a topic.
 *
 * All places the topic can have reached are followed side by side, segment by segment, so the cost is bounded by nodes
 * times segments whatever the patterns are. A place is reached again at the same segment only through `**`; a mark on
 * the node drops the repetition.
 */
import { SegmentEdges } from './segment-edges.js';
import { GLOBSTAR, type TopicPattern } from './topic-pattern.js';

export class TopicTrie<V> {
  readonly #root = new TrieNode<V>();
  #mark = 0;

  add(pattern: TopicPattern, value: V): void {
    let node = this.#root;
    for (const part of pattern.parts) {
      node = part === GLOBSTAR ? (node.globstar ??= new TrieNode(true)) : node.edges.obtain(part, () => new TrieNode());
    }
    node.values.add(value);
  }

  /** Takes a value out from under a pattern, and the nodes that only it needed. */
  remove(pattern: TopicPattern, value: V): void {
    const path = [this.#root];
    for (const part of pattern.parts) {
      const node = path.at(-1)!;
      const next = part === GLOBSTAR ? node.globstar : node.edges.get(part);
      if (next === undefined) return;
      path.push(next);
    }
    path.at(-1)!.values.delete(value);
    for (let depth = pattern.parts.length; depth > 0 && path[depth]!.isBare; depth--) {
      const part = pattern.parts[depth - 1]!;
      if (part === GLOBSTAR) path[depth - 1]!.globstar = undefined;
      else path[depth - 1]!.edges.delete(part);
    }
  }

  /** Calls `visit` with every value under a pattern that matches; a value under several of them comes several times. */
  visit(topic: string, visit: (value: V) => void): void {
    let places: TrieNode<V>[] = [];
    this.#enter(this.#root, ++this.#mark, places);
    let start = 1;
    while (start <= topic.length && places.length > 0) {
      const slash = topic.indexOf('/', start);
      const end = slash < 0 ? topic.length : slash;
      const segment = topic.slice(start, end);
      const mark = ++this.#mark;
      const next: TrieNode<V>[] = [];
      for (const place of places) {
        if (place.isGlobstar) this.#enter(place, mark, next);
        place.edges.visit(segment, (node) => this.#enter(node, mark, next));
      }
      places = next;
      start = end + 1;
    }
    for (const place of places) for (const value of place.values) visit(value);
  }

  /** A place reached, and with it the `**` below, which may stand for nothing. */
  #enter(node: TrieNode<V>, mark: number, into: TrieNode<V>[]): void {
    if (node.mark === mark) return;
    node.mark = mark;
    into.push(node);
    if (node.globstar !== undefined) this.#enter(node.globstar, mark, into);
  }
}

class TrieNode<V> {
  readonly values = new Set<V>();
  readonly edges = new SegmentEdges<TrieNode<V>>();
  globstar: TrieNode<V> | undefined = undefined;
  /** The last step at which it was reached. */
  mark = 0;

  constructor(readonly isGlobstar = false) {}

  get isBare(): boolean {
    return this.values.size === 0 && this.globstar === undefined && this.edges.isEmpty;
  }
}
