/** What came in the place of an event that is waited for, so that a wrong topic is seen. */
import type { Publisher } from '../publish/publisher.js';
import type { TopicTable } from '../publish/topic-table.js';
import type { CompiledFilter } from '../topic/filter.js';

/** Below the time limit of a test in Jest and Vitest, 5 s. */
export const HINT_AFTER_MS = 3_000;

const SHOWN_TOPICS = 5;

/** Topics that events came on. */
export interface SeenTopics {
  /** The most recent ones, a few. */
  readonly last: readonly string[];
  readonly areMore: boolean;
  /** Whether the filter in question selects one of all. */
  readonly areSelected: boolean;
}

/** What threads drop that publish by way of the owner, because nobody wants it. */
export interface DroppedElsewhere {
  /** Events so far. */
  count(): number;
  topics(filter: CompiledFilter): Promise<readonly SeenTopics[]>;
}

/** What is published on a bus, as its owner knows it. */
export class Arrivals {
  readonly #publisher: Publisher;
  readonly #topics: TopicTable;
  /** Where the bus has connections. */
  elsewhere: DroppedElsewhere | undefined;

  constructor(publisher: Publisher, topics: TopicTable) {
    this.#publisher = publisher;
    this.#topics = topics;
  }

  /** Events so far, wanted or not. */
  get count(): number {
    return this.#publisher.counts.accepted + (this.elsewhere?.count() ?? 0);
  }

  async topics(filter: CompiledFilter): Promise<SeenTopics> {
    const others = (await this.elsewhere?.topics(filter)) ?? [];
    return together([...others, seenIn(this.#topics, filter)]);
  }
}

/** The topics that a thread has published on. */
export function seenIn(topics: TopicTable, filter: CompiledFilter): SeenTopics {
  const seen = topics.seen();
  const areSelected = seen.some((topic) => filter.forTopic(topic) !== false);
  return { last: seen.slice(-SHOWN_TOPICS), areMore: seen.length > SHOWN_TOPICS, areSelected };
}

function together(parts: readonly SeenTopics[]): SeenTopics {
  const topics = [...new Set(parts.flatMap(({ last }) => last))];
  return {
    last: topics.slice(-SHOWN_TOPICS),
    areMore: topics.length > SHOWN_TOPICS || parts.some(({ areMore }) => areMore),
    areSelected: parts.some(({ areSelected }) => areSelected),
  };
}

export interface CameInstead {
  /** How many events came since the wait began, and on which topics events come; empty where there were none. */
  readonly others: string;
  /** Whether the filter selects something of what the bus is known to have carried. */
  readonly isSelected: boolean;
}

export const NOTHING_CAME: CameInstead = { others: '', isSelected: false };

/** Of one wait. */
export class WaitHint {
  readonly #arrivals: Arrivals;
  readonly #filter: CompiledFilter;
  readonly #before: number;

  constructor(arrivals: Arrivals, filter: CompiledFilter) {
    this.#arrivals = arrivals;
    this.#filter = filter;
    this.#before = arrivals.count;
  }

  async cameInstead(): Promise<CameInstead> {
    const events = this.#arrivals.count - this.#before;
    if (events <= 0) return NOTHING_CAME;
    const { last, areMore, areSelected } = await this.#arrivals.topics(this.#filter);
    // None where those threads are busy that have published.
    const topics = last.length === 0 ? '' : `; topics of this bus: ${last.join(', ')}${areMore ? ', …' : ''}`;
    return { others: `other events meanwhile: ${events}${topics}`, isSelected: areSelected };
  }
}
