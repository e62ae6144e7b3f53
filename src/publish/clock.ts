/**
 * The time that events are stamped with, in whole seconds and nanoseconds, as envelopes carry it.
 *
 * `read` looks at the time and leaves it in the fields: nothing is made for it, and no double is taken apart.
 */
import { InvalidOptionError } from '../errors.js';
import { monotonicTime, systemMs } from '../host/timing.js';

export interface Clock {
  /** Since 1970, an integer, negative before. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanos: number;
  read(): void;
}

const NANOS_PER_SECOND = 1_000_000_000;
/** How far the monotonic clock may stray from the system clock before it is set again. */
const MAX_DRIFT_MS = 1;
/** As far as a Date goes, either way. */
const MAX_TIME_MS = 8.64e15;

/**
 * Wall-clock time in steps of nanoseconds that never strays more than a millisecond from the system's.
 *
 * The monotonic clock gives the steps; the system clock, which may be set, is looked at once a second.
 */
export class WallClock implements Clock {
  seconds = 0;
  nanos = 0;
  /** What the wall clock is ahead of the monotonic one; the nanoseconds are from 0 on. */
  #aheadSeconds = 0;
  #aheadNanos = 0;
  #nextCheckSeconds: number;

  constructor() {
    const [seconds, nanos] = monotonicTime();
    this.#setAhead(systemMs() - (seconds * 1e3 + nanos / 1e6));
    this.#nextCheckSeconds = seconds + 1;
  }

  read(): void {
    const monotonic = monotonicTime();
    if (monotonic[0] >= this.#nextCheckSeconds) this.#check(monotonic[0], monotonic[1]);
    const nanos = monotonic[1] + this.#aheadNanos;
    const carry = nanos < NANOS_PER_SECOND ? 0 : 1;
    this.seconds = monotonic[0] + this.#aheadSeconds + carry;
    this.nanos = nanos - carry * NANOS_PER_SECOND;
  }

  #check(seconds: number, nanos: number): void {
    this.#nextCheckSeconds = seconds + 1;
    const aheadMs = this.#aheadSeconds * 1e3 + this.#aheadNanos / 1e6;
    const driftMs = systemMs() - (seconds * 1e3 + nanos / 1e6 + aheadMs);
    // The system's time may be cut to whole milliseconds: it may lag by just under one.
    if (driftMs > MAX_DRIFT_MS || driftMs < -1 - MAX_DRIFT_MS) this.#setAhead(aheadMs + driftMs);
  }

  #setAhead(milliseconds: number): void {
    this.#aheadSeconds = Math.floor(milliseconds / 1e3);
    this.#aheadNanos = Math.floor((milliseconds - this.#aheadSeconds * 1e3) * 1e6);
  }
}

const EXPECTED = 'a function that returns milliseconds since the Unix epoch';

/** The time that a function of the user's tells, in milliseconds since the Unix epoch. */
export class GivenClock implements Clock {
  seconds = 0;
  nanos = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws {InvalidOptionError} `BUS_INVALID_OPTION` when the function returns no time, or throws (`cause`) */
  read(): void {
    const now = this.#look();
    if (typeof now !== 'number' || !(Math.abs(now) <= MAX_TIME_MS))
      throw new InvalidOptionError('clock', now, EXPECTED);
    this.seconds = Math.floor(now / 1000);
    // Less than a nanosecond before a full second is rounded to it.
    this.nanos = Math.min(Math.floor((now - this.seconds * 1000) * 1e6), NANOS_PER_SECOND - 1);
  }

  #look(): unknown {
    try {
      return this.#now();
    } catch (error) {
      // A class, for one, which cannot be called.
      throw new InvalidOptionError('clock', this.#now, EXPECTED, { cause: error });
    }
  }
}
