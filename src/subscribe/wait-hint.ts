/** What a wait says when the event does not come: what came instead, so that a wrong topic is seen. */
import { NothingSelectedError } from '../errors.js';
import { reportError } from '../host/report.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { SubscribingParts } from './subscribing-parts.js';

/** Below the time limit of a test in Jest and Vitest, 5 s. */
export const HINT_AFTER_MS = 3_000;
const SHOWN_TOPICS = 5;

export class WaitHint {
  readonly #parts: Pick<SubscribingParts, 'publisher' | 'topics'>;
  readonly #filter: CompiledFilter;
  readonly #publishedBefore: number;

  constructor(parts: Pick<SubscribingParts, 'publisher' | 'topics'>, filter: CompiledFilter) {
    this.#parts = parts;
    this.#filter = filter;
    this.#publishedBefore = parts.publisher.counts.accepted;
  }

  /** How many events came that the filter has not selected, and on which topics events come; empty where there were none. */
  get others(): string {
    const published = this.#parts.publisher.counts.accepted - this.#publishedBefore;
    if (published === 0) return '';
    const topics = this.#parts.topics.seen();
    const shown = topics.slice(-SHOWN_TOPICS).join(', ');
    return `other events meanwhile: ${published}; topics of this bus: ${shown}${topics.length > SHOWN_TOPICS ? ', …' : ''}`;
  }

  /** Warns of a filter that has selected nothing of what this bus is known to have carried, while other events come. */
  warn(): void {
    const { others } = this;
    if (others === '' || this.#selectsSeen()) return;
    reportError(new NothingSelectedError(this.#filter.source, HINT_AFTER_MS, others));
  }

  #selectsSeen(): boolean {
    return this.#parts.topics.seen().some((topic) => this.#filter.forTopic(topic) !== false);
  }
}
