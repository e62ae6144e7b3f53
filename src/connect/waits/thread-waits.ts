/** The waits of one connected thread for a single event, on the thread that owns the bus: what came in the place of the event. */
import { type Arrivals, type SeenTopics, WaitHint } from '../../subscribe/wait-hint.js';
import type { CompiledFilter } from '../../topic/filter.js';
import { Questions } from './questions.js';
import type { WaitAnswer, WaitMessage, WaitQuestion } from './wait-messages.js';

/** How long a thread may take to say which topics it has published on: less than who has asked waits for all of them. */
const PATIENCE_MS = 50;

export class ThreadWaits {
  readonly #arrivals: Arrivals;
  readonly #tell: (message: WaitAnswer | WaitQuestion) => void;
  readonly #hints = new Map<number, WaitHint>();
  readonly #questions = new Questions<SeenTopics>();

  /** @param tell says something to the thread */
  constructor(arrivals: Arrivals, tell: (message: WaitAnswer | WaitQuestion) => void) {
    this.#arrivals = arrivals;
    this.#tell = tell;
  }

  begin(key: number, filter: CompiledFilter): void {
    this.#hints.set(key, new WaitHint(this.#arrivals, filter));
  }

  end(key: number): void {
    this.#hints.delete(key);
  }

  /** Asks the thread which topics it has published on. */
  topics({ source }: CompiledFilter): Promise<SeenTopics | undefined> {
    return this.#questions.ask((question) => this.#tell({ kind: 'topics?', question, filter: source }), PATIENCE_MS);
  }

  /** Takes what the thread asks or answers. */
  receive(message: WaitMessage): void {
    if (message.kind === 'topics') this.#questions.answer(message.question, message.topics);
    else void this.#answer(message);
  }

  async #answer({ key, question }: Extract<WaitMessage, { kind: 'instead?' }>): Promise<void> {
    const hint = this.#hints.get(key);
    if (hint !== undefined) this.#tell({ kind: 'instead', question, instead: await hint.cameInstead() });
  }
}
