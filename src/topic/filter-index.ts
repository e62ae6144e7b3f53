/**
 * The index of filters: who wants a topic.
 *
 * Filters limited to topic patterns are filed in a trie, under each of them; the others (conditions on any topic, regular
 * expressions, exclusions alone) are asked one by one. A filter that its patterns do not decide is asked too, but only
 * when one of them matches.
 */
import type { Condition } from './condition.js';
import type { CompiledFilter } from './filter.js';
import { TopicTrie } from './topic-trie.js';

/** One filter that wants a topic. */
export interface Match<S> {
  readonly subscriber: S;
  /** What an envelope has to meet; undefined: every envelope on the topic is wanted. */
  readonly condition: Condition | undefined;
}

/** What `remove` takes back. */
export interface FilterHandle {
  readonly filter: CompiledFilter;
}

interface Entry<S> extends FilterHandle {
  readonly subscriber: S;
  /** Position in the order of `add`. */
  readonly order: number;
  readonly match: Match<S>;
  /** The last match() that met it. */
  mark: number;
}

export class FilterIndex<S> {
  readonly #trie = new TopicTrie<Entry<S>>();
  readonly #unlimited = new Set<Entry<S>>();
  readonly #handles = new Set<FilterHandle>();
  #version = 0;
  #added = 0;
  #mark = 0;

  /** Grows with every `add` and `remove`: what `match` answered stays right while it stands. */
  get version(): number {
    return this.#version;
  }

  /** How many filters are in. */
  get size(): number {
    return this.#handles.size;
  }

  /** Files a filter. The same subscriber may be added with several filters and comes once for each. */
  add(filter: CompiledFilter, subscriber: S): FilterHandle {
    const match = { subscriber, condition: undefined };
    const entry: Entry<S> = { filter, subscriber, order: this.#added++, match, mark: 0 };
    if (filter.patterns === undefined) this.#unlimited.add(entry);
    else for (const pattern of filter.patterns) this.#trie.add(pattern, entry);
    this.#handles.add(entry);
    this.#version++;
    return entry;
  }

  /** Takes a filter out. Does nothing when it is out already, or was added to another index. */
  remove(handle: FilterHandle): void {
    if (!this.#handles.delete(handle)) return;
    const entry = handle as Entry<S>;
    if (entry.filter.patterns === undefined) this.#unlimited.delete(entry);
    else for (const pattern of entry.filter.patterns) this.#trie.remove(pattern, entry);
    this.#version++;
  }

  /**
   * Who wants a valid topic, in the order of `add`.
   *
   * Costs about the length of the topic plus the number of matches, whatever the number of filters, as long as they are
   * limited to topics. The result belongs to the caller.
   */
  match(topic: string): readonly Match<S>[] {
    const mark = ++this.#mark;
    const met: Entry<S>[] = [];
    let sorted = true;
    this.#trie.visit(topic, (entry) => {
      if (entry.mark === mark) return;
      entry.mark = mark;
      if (met.length > 0 && entry.order < met.at(-1)!.order) sorted = false;
      met.push(entry);
    });
    if (this.#unlimited.size > 0) {
      for (const entry of this.#unlimited) met.push(entry);
      sorted = false;
    }
    if (!sorted) met.sort((a, b) => a.order - b.order);

    const matches: Match<S>[] = [];
    for (const { filter, subscriber, match } of met) {
      const answer = filter.exact || filter.forTopic(topic);
      if (answer === true) matches.push(match);
      else if (answer !== false) matches.push({ subscriber, condition: answer });
    }
    return matches;
  }
}
