/**
 * How many records may pass before the next look at the clock: few where handlers are slow, so that what has settled is
 * released in time, many where they are fast, so that looks cost nothing.
 */
import { monotonicMs } from '../../host/timing.js';

/** Records after which RELEASED moves at the latest. */
const MAX_STRIDE = 64;
/** Time after which RELEASED moves at the latest. */
const RELEASE_INTERVAL_MS = 10;

export class ReleasePace {
  readonly #maxStride: number;
  #stride = 1;
  #left = 1;
  #lastMs = monotonicMs();

  /** @param maxStride records after which there is a look in any case */
  constructor(maxStride = MAX_STRIDE) {
    this.#maxStride = maxStride;
  }

  /** The time before now is not to be counted. */
  startAt(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** Counts a record. Returns whether it is time for a look. */
  pass(): boolean {
    return --this.#left === 0;
  }

  /** Looks at the clock, and chooses when to look again. */
  look(): number {
    const nowMs = monotonicMs();
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    // Aims at a look every millisecond or so; one slow record puts it back to looking after each.
    if (elapsedMs < RELEASE_INTERVAL_MS / 10) this.#stride = Math.min(this.#stride * 2, this.#maxStride);
    else if (elapsedMs > RELEASE_INTERVAL_MS / 2) this.#stride = 1;
    this.#left = this.#stride;
    return nowMs;
  }
}
