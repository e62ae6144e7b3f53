/**
 * What the thread of the bus counts, for other threads to see: doubles in shared memory, stored and loaded plainly.
 *
 * The one exception to "shared cells by atomic operations only". A store costs under a nanosecond in place of some 16, and a
 * torn or stale look at a statistic harms nobody: nothing is decided by it.
 */

/** Events accepted that somebody wanted, those included that wait in the queue. */
export const ACCEPTED = 0;
export const UNWANTED = 1;
export const REFUSED = 2;
export const WAKES = 3;
export const EVICTIONS = 4;
export const PENDING_EVENTS = 5;
export const PENDING_BYTES = 6;
const COUNTERS = 7;

export type OwnerCounters = Float64Array<SharedArrayBuffer>;

/** Not growable as other shared memory is: a view of that looks up its length with each access. */
export function allocateCounters(): OwnerCounters {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * Float64Array.BYTES_PER_ELEMENT));
}
