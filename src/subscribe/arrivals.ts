/** What is published on a bus, as its owner knows it: for a wait whose event does not come. */
import type { Publisher } from '../publish/publisher.js';
import type { TopicTable } from '../publish/topic-table.js';
import type { CompiledFilter } from '../topic/filter.js';

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
