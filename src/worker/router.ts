/**
 * Which targets of one reader want a topic. The filters are asked once a topic, and again after the targets changed.
 */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import type { NameDirectory } from '../ring/name-registry.js';
import type { FieldResolver } from '../topic/condition.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterHandle, FilterIndex } from '../topic/filter-index.js';
import type { Target } from './target.js';

/** Topics without an id that are remembered; all are forgotten when there are more. */
const MAX_UNNAMED = 4096;

export interface RouteStep {
  readonly target: Target;
  /** What remains to be asked of each envelope; undefined: nothing, all of the topic is wanted. */
  readonly accepts: ((envelope: ReceivedEnvelope) => boolean) | undefined;
}

export interface Route {
  readonly topic: string;
  readonly steps: readonly RouteStep[];
  /** Version of the index that the steps follow from. */
  readonly version: number;
}

export class Router {
  readonly #index = new FilterIndex<Target>();
  readonly #topics: NameDirectory;
  readonly #resolver: FieldResolver<ReceivedEnvelope>;
  readonly #named: (Route | undefined)[] = [];
  readonly #unnamed = new Map<string, Route>();

  constructor(topics: NameDirectory, resolver: FieldResolver<ReceivedEnvelope>) {
    this.#topics = topics;
    this.#resolver = resolver;
  }

  add(filter: CompiledFilter, target: Target): FilterHandle {
    return this.#index.add(filter, target);
  }

  remove(handle: FilterHandle): void {
    this.#index.remove(handle);
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
    return { topic, steps, version };
  }
}
