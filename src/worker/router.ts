/**
 * Which targets of one reader want a topic. The filters are asked once a topic, and again after the targets changed.
 *
 * *Changes.* A target's filter changes at a sequence: records before it are routed by the old filter, whenever the reader
 * gets to them. Records come in the order of their sequences, so the change is made when the first one behind it comes.
 */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import type { NameDirectory } from '../ring/name-registry.js';
import type { FieldResolver } from '../topic/condition.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterHandle, FilterIndex } from '../topic/filter-index.js';
import type { Target } from './target.js';

/** Topics without an id that are remembered; all are forgotten when there are more. */
const MAX_UNNAMED = 4096;

interface RouteStep {
  readonly target: Target;
  /** What remains to be asked of each envelope; undefined: nothing, all of the topic is wanted. */
  readonly accepts: ((envelope: ReceivedEnvelope) => boolean) | undefined;
}

export interface Route {
  readonly topic: string;
  readonly steps: readonly RouteStep[];
  /** Whether a condition behind the first step has to be decided before the first handler runs. */
  readonly decidesFirst: boolean;
  /** Version of the index that the steps follow from. */
  readonly version: number;
}

interface FilterChange {
  readonly target: Target;
  readonly fromSequence: number;
  readonly filter: CompiledFilter;
}

export class Router {
  readonly #index = new FilterIndex<Target>();
  readonly #handles = new Map<Target, FilterHandle>();
  /** In the order of their sequences. */
  #changes: FilterChange[] = [];
  /** Sequence of the first. */
  #changesAt = Number.POSITIVE_INFINITY;
  readonly #topics: NameDirectory;
  readonly #resolver: FieldResolver<ReceivedEnvelope>;
  readonly #named: (Route | undefined)[] = [];
  readonly #unnamed = new Map<string, Route>();

  constructor(topics: NameDirectory, resolver: FieldResolver<ReceivedEnvelope>) {
    this.#topics = topics;
    this.#resolver = resolver;
  }

  /** Routes to `target` what `filter` selects, and nothing else. */
  set(target: Target, filter: CompiledFilter): void {
    const before = this.#handles.get(target);
    if (before !== undefined) this.#index.remove(before);
    this.#handles.set(target, this.#index.add(filter, target));
  }

  /** The same from a sequence on, which must not be below that of an earlier change. */
  change(target: Target, fromSequence: number, filter: CompiledFilter): void {
    // One that would decide nothing: so a reader that gets nowhere keeps a change for each unread record at most.
    this.#keepChanges((change) => change.target !== target || change.fromSequence < fromSequence);
    this.#changes.push({ target, fromSequence, filter });
    this.#changesAt = this.#changes[0]!.fromSequence;
  }

  get targets(): Iterable<Target> {
    return this.#handles.keys();
  }

  remove(target: Target): void {
    const handle = this.#handles.get(target);
    if (handle === undefined) return;
    this.#handles.delete(target);
    this.#index.remove(handle);
    this.#keepChanges((change) => change.target !== target);
  }

  /** Makes the changes that count for the record with `sequence` and all that come after it. */
  reach(sequence: number): void {
    if (sequence < this.#changesAt) return;
    for (const { target, fromSequence, filter } of this.#changes)
      if (fromSequence <= sequence) this.set(target, filter);
    this.#keepChanges((change) => change.fromSequence > sequence);
  }

  #keepChanges(keep: (change: FilterChange) => boolean): void {
    this.#changes = this.#changes.filter(keep);
    this.#changesAt = this.#changes[0]?.fromSequence ?? Number.POSITIVE_INFINITY;
  }

  /** The route of a topic id, which is not 0. */
  byId(topicId: number): Route {
    const known = this.#named[topicId];
    if (known !== undefined && known.version === this.#index.version) return known;
    const route = this.#find(known?.topic ?? this.#topics.name(topicId));
    // Ids are given out one by one, so the array stays dense.
    this.#named[topicId] = route;
    return route;
  }

  /** The route of a topic that has no id. */
  byTopic(topic: string): Route {
    const known = this.#unnamed.get(topic);
    if (known !== undefined && known.version === this.#index.version) return known;
    const route = this.#find(topic);
    if (this.#unnamed.size >= MAX_UNNAMED) this.#unnamed.clear();
    this.#unnamed.set(topic, route);
    return route;
  }

  #find(topic: string): Route {
    const version = this.#index.version;
    const steps = this.#index.match(topic).map(({ subscriber, condition }) => ({
      target: subscriber,
      accepts: condition?.bind(this.#resolver),
    }));
    const decidesFirst = steps.some(({ accepts }, i) => i > 0 && accepts !== undefined);
    return { topic, steps, decidesFirst, version };
  }
}
