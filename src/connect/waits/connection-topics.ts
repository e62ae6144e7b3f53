/** What the connections of a bus have published that nobody wanted, and that the owner has not heard of therefore. */
import { UNWANTED } from '../../publish/owner-counters.js';
import type { DroppedElsewhere, SeenTopics } from '../../subscribe/wait-hint.js';
import type { CompiledFilter } from '../../topic/filter.js';
import type { ConnectedThread } from '../connected-thread.js';

export class ConnectionTopics implements DroppedElsewhere {
  readonly #all: () => Iterable<ConnectedThread>;

  constructor(all: () => Iterable<ConnectedThread>) {
    this.#all = all;
  }

  count(): number {
    let events = 0;
    for (const { counters } of this.#all()) events += counters.at(UNWANTED);
    return events;
  }

  async topics(filter: CompiledFilter): Promise<readonly SeenTopics[]> {
    const dropping = [...this.#all()].filter(({ counters, isMet }) => isMet && counters.at(UNWANTED) > 0);
    const answers = await Promise.all(dropping.map(({ subscriptions }) => subscriptions.waits.topics(filter)));
    return answers.filter((answer) => answer !== undefined);
  }
}
