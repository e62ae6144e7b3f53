/** What a connected thread asks about its waits for a single event, and what it is asked about those of others. */
import { queueMicrotask } from '../../host/timing.js';
import type { TopicTable } from '../../publish/topic-table.js';
import { type CameInstead, NOTHING_CAME, seenIn } from '../../subscribe/wait-hint.js';
import { compileFilter } from '../../topic/filter.js';
import { Questions } from './questions.js';
import type { WaitAnswer, WaitMessage, WaitQuestion } from './wait-messages.js';

/** How long the owner may take to say what came instead. */
const PATIENCE_MS = 100;

export class AskedWaits {
  readonly #topics: TopicTable;
  readonly #say: (message: WaitMessage) => void;
  readonly #questions = new Questions<CameInstead>();

  /** @param say says something to the owner */
  constructor(topics: TopicTable, say: (message: WaitMessage) => void) {
    this.#topics = topics;
    this.#say = say;
  }

  /** What came instead of what the subscription with that key waits for, as far as the owner says so in time. */
  async cameInstead(key: number): Promise<CameInstead> {
    const send = (question: number): void => this.#say({ kind: 'instead?', question, key });
    return (await this.#questions.ask(send, PATIENCE_MS)) ?? NOTHING_CAME;
  }

  hear(message: WaitAnswer | WaitQuestion): void {
    if (message.kind === 'instead') this.#questions.answer(message.question, message.instead);
    // Not in the publish that may be what hears of it.
    else queueMicrotask(() => this.#answer(message));
  }

  #answer({ question, filter }: WaitQuestion): void {
    this.#say({ kind: 'topics', question, topics: seenIn(this.#topics, compileFilter(filter)) });
  }
}
