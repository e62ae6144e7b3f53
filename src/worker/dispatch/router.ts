/**
 * Which targets of one reader want a topic. The filters are asked once per topic, and again after the targets changed.
 *
 * *Changes.* A target's filter changes at a sequence: records before it are routed by the old filter, whenever the reader
 * gets to them. Records come in the order of their sequences, so the change is made when the first one behind it comes.
 */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import type { NameDirectory } from '../../ring/name-registry.js';
import type { FieldResolver } from '../../topic/condition.js';
import type { CompiledFilter } from '../../topic/filter.js';
import { type FilterHandle, FilterIndex, type Match } from '../../topic/filter-index.js';
import type { Target } from './target.js';

/** Topics without an id that are remembered, and characters in all of them; all are forgotten when there are more. */
const MAX_UNNAMED = 4096;
const MAX_UNNAMED_CHARACTERS = 256 * 1024;

interface RouteStep {
  readonly target: Target;
  /** What remains to be asked of each envelope; undefined: nothing, all of the topic is wanted. */
  readonly accepts: ((envelope: ReceivedEnvelope) => boolean) | undefined;
}

/** Who wants a topic. Topics that the same targets want whole share one, and so do those that nobody wants. */
export interface Route {
  readonly steps: readonly RouteStep[];
  /** Whether a condition behind the first step has to be decided before the first handler runs. */
  readonly decidesFirst: boolean;
}

const NOBODY: Route = { steps: [], decidesFirst: false };

/** Routes by the matches that they are made of, one after another. */
interface SharedRoute {
  route?: Route;
  readonly next: Map<Match<Target>, SharedRoute>;
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
  /** Version of the index that all routes follow from. */
  #version = 0;
  /** Routes by topic id: a word for each topic that is written, wanted or not. */
  readonly #named: (Route | undefined)[] = [];
  readonly #unnamed = new Map<string, Route>();
  #unnamedCharacters = 0;
  #shared: SharedRoute = { next: new Map() };

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

  /**
   * The same from a sequence on, which must not be below that of an earlier change.
   *
   * @param goneBefore no record with a sequence below it is routed any more
   */
  change(target: Target, fromSequence: number, filter: CompiledFilter, goneBefore = 0): void {
    // Those that would decide nothing: so a reader that gets nowhere keeps a change for each unread record at most.
    const before = this.#changes.filter((change) => change.target === target);
    const inForce = before.findLast((change) => change.fromSequence <= goneBefore)?.fromSequence ?? 0;
    this.#keepChanges(
      (change) => change.target !== target || (change.fromSequence >= inForce && change.fromSequence < fromSequence),
    );
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
    if (this.#version !== this.#index.version) this.#forget();
    return this.#named[topicId] ?? this.#nameRoute(topicId);
  }

  /** The topic with an id, which is not 0. */
  topicOf(topicId: number): string {
    return this.#topics.name(topicId);
  }

  /** The route of a topic that has no id. */
  byTopic(topic: string): Route {
    if (this.#version !== this.#index.version) this.#forget();
    const known = this.#unnamed.get(topic);
    if (known !== undefined) return known;
    this.#unnamedCharacters += topic.length;
    if (this.#unnamed.size >= MAX_UNNAMED || this.#unnamedCharacters > MAX_UNNAMED_CHARACTERS) {
      this.#unnamed.clear();
      this.#unnamedCharacters = topic.length;
    }
    const route = this.#find(topic);
    this.#unnamed.set(topic, route);
    return route;
  }

  #nameRoute(topicId: number): Route {
    // No holes: a reader that joins late begins with high ids, and an array with gaps becomes a slow one.
    while (this.#named.length < topicId) this.#named.push(undefined);
    const route = this.#find(this.#topics.glance(topicId));
    this.#named[topicId] = route;
    return route;
  }

  /** Forgets all routes: they hold on to targets, which may be gone. */
  #forget(): void {
    this.#version = this.#index.version;
    this.#named.fill(undefined);
    this.#unnamed.clear();
    this.#unnamedCharacters = 0;
    this.#shared = { next: new Map() };
  }

  #find(topic: string): Route {
    const matches = this.#index.match(topic);
    if (matches.length === 0) return NOBODY;
    const steps = matches.map(({ subscriber, condition }) => ({
      target: subscriber,
      accepts: condition?.bind(this.#resolver),
    }));
    // A condition may be one for this topic alone.
    if (matches.some(({ condition }) => condition !== undefined)) {
      return { steps, decidesFirst: steps.some(({ accepts }, i) => i > 0 && accepts !== undefined) };
    }
    let shared = this.#shared;
    for (const match of matches) {
      let next = shared.next.get(match);
      if (next === undefined) shared.next.set(match, (next = { next: new Map() }));
      shared = next;
    }
    return (shared.route ??= { steps, decidesFirst: false });
  }
}
