/** What came in the place of an event that is waited for, so that a wrong topic is seen. */
import type { CompiledFilter } from '../topic/filter.js';
import type { Arrivals } from './arrivals.js';

/** Below the time limit of a test in Jest and Vitest, 5 s. */
export const HINT_AFTER_MS = 3_000;

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
