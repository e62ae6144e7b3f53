/** Looks now and then for threads whose ports have not come: whether they are gone, nothing else says. */
import { clearInterval, setInterval } from '../host/timing.js';
import type { ConnectedThread } from './connected-thread.js';

/** Between two looks. */
const LOOK_MS = 100;

export class UnmetWatch {
  readonly #all: () => Iterable<ConnectedThread>;
  readonly #onGone: (connection: ConnectedThread) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onGone told of each that is known to be gone; must not throw */
  constructor(all: () => Iterable<ConnectedThread>, onGone: (connection: ConnectedThread) => void) {
    this.#all = all;
    this.#onGone = onGone;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const unmet = [...this.#all()].filter(({ isMet, isGone }) => !isMet && !isGone);
    for (const connection of unmet) {
      connection.lookFor(() => this.#onGone(connection));
    }
    if (unmet.length === 0) this.stop();
  }
}
