/** Wall-clock time with sub-millisecond steps, that never strays more than a millisecond from the system's. */

/** How far the monotonic clock may stray from the system clock before it is set again. */
const MAX_DRIFT_MS = 1;

/**
 * Milliseconds since the Unix epoch, with fractions (about 0.25 µs apart).
 *
 * The monotonic clock gives the steps; the system clock, which may be set, is looked at once in {@link CHECK_INTERVAL_MS}.
 */
export class WallClock {
  #offsetMs = performance.timeOrigin;
  #nextCheckMs = 0;

  now(): number {
    const monotonicMs = performance.now();
    if (monotonicMs >= this.#nextCheckMs) this.#check(monotonicMs);
    return monotonicMs + this.#offsetMs;
  }

  #check(monotonicMs: number): void {
    this.#nextCheckMs = monotonicMs + CHECK_INTERVAL_MS;
    const driftMs = Date.now() - (monotonicMs + this.#offsetMs);
    // Date.now() is cut to whole milliseconds: it may lag by just under one.
    if (driftMs > MAX_DRIFT_MS || driftMs < -1 - MAX_DRIFT_MS) this.#offsetMs += driftMs;
  }
}

const CHECK_INTERVAL_MS = 1_000;
