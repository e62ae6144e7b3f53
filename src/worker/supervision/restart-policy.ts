/** When a subscriber thread that ended by itself is started again. */

/** Options of a module subscription; `'never'` ends the subscription with its thread. */
export interface RestartOptions {
  /** Restarts within a minute; 1 to 1,000, default 10. One more ends the subscription. */
  readonly maxRestarts?: number;
  /** Pause before the first restart in a minute, in ms; doubles with each. 0 to 60,000, default 100. */
  readonly backoffMs?: number;
  /** Longest pause, in ms; default 5,000. */
  readonly maxBackoffMs?: number;
}

export const DEFAULT_MAX_RESTARTS = 10;
export const DEFAULT_BACKOFF_MS = 100;
export const DEFAULT_MAX_BACKOFF_MS = 5_000;
const WINDOW_MS = 60_000;

export class RestartPolicy {
  readonly maxRestarts: number;
  readonly #backoffMs: number;
  readonly #maxBackoffMs: number;
  /** Times of the restarts within the last minute. */
  #recent: number[] = [];

  constructor(options: RestartOptions | 'never') {
    const given = options === 'never' ? { maxRestarts: 0 } : options;
    this.maxRestarts = given.maxRestarts ?? DEFAULT_MAX_RESTARTS;
    this.#backoffMs = given.backoffMs ?? DEFAULT_BACKOFF_MS;
    this.#maxBackoffMs = given.maxBackoffMs ?? DEFAULT_MAX_BACKOFF_MS;
  }

  /** Counts a restart. Returns the pause before it in ms, or undefined when there were too many. */
  next(nowMs: number): number | undefined {
    this.#recent = this.#recent.filter((timeMs) => nowMs - timeMs < WINDOW_MS);
    if (this.#recent.length >= this.maxRestarts) return undefined;
    const delayMs = Math.min(this.#backoffMs * 2 ** this.#recent.length, this.#maxBackoffMs);
    this.#recent.push(nowMs);
    return delayMs;
  }
}
