/** A clock that is turned by hand, for the bus option `clock`. */

/** Returns the time that it shows, in ms since the Unix epoch. */
export interface ManualClock {
  (): number;
  /** Lets time pass; a negative number turns the clock back. */
  advance(ms: number): void;
  /** Shows another time: ms since the epoch, or what `new Date` takes. */
  set(time: number | string | Date): void;
}

/**
 * @param start the time that the clock shows until it is turned; default 2000-01-01T00:00:00Z
 * @example
 * const clock = manualClock('2026-01-01T12:00:00Z');
 * const bus = createTestBus({ clock });
 * clock.advance(500);
 */
export function manualClock(start: number | string | Date = '2000-01-01T00:00:00Z'): ManualClock {
  let nowMs = msOf(start);
  const clock = (): number => nowMs;
  return Object.assign(clock, {
    advance(ms: number): void {
      nowMs = msOf(nowMs + ms);
    },
    set(time: number | string | Date): void {
      nowMs = msOf(time);
    },
  });
}

function msOf(time: number | string | Date): number {
  const ms = typeof time === 'number' ? time : new Date(time).getTime();
  if (!Number.isFinite(ms)) throw new RangeError(`a time is a number of ms or a date, got ${String(time)}`);
  return ms;
}
