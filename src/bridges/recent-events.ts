/** What is remembered of events that passed a little while ago: bounded by age and by number. */
import { monotonicMs } from '../host/timing.js';

interface Remembered<T> {
  readonly value: T;
  readonly sinceMs: number;
}

export class RecentEvents<T> {
  readonly #maxAgeMs: number;
  readonly #maxEvents: number;
  // In the order of their age.
  readonly #events = new Map<string, Remembered<T>>();

  constructor(maxAgeMs: number, maxEvents: number) {
    this.#maxAgeMs = maxAgeMs;
    this.#maxEvents = maxEvents;
  }

  get size(): number {
    return this.#events.size;
  }

  get(key: string): T | undefined {
    const found = this.#events.get(key);
    return found !== undefined && this.#isFresh(found) ? found.value : undefined;
  }

  /** Remembers a key from now on, and forgets what is too old or too much. */
  set(key: string, value: T): void {
    this.#events.delete(key);
    this.#events.set(key, { value, sinceMs: monotonicMs() });
    for (const [oldest, remembered] of this.#events) {
      if (this.#events.size <= this.#maxEvents && this.#isFresh(remembered)) return;
      this.#events.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#events.delete(key);
  }

  #isFresh({ sinceMs }: Remembered<T>): boolean {
    return monotonicMs() - sinceMs < this.#maxAgeMs;
  }
}
