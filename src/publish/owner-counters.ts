/**
 * What a publishing thread counts, for other threads to see: doubles in shared memory, stored and loaded plainly.
 *
 * The one exception to "shared cells by atomic operations only". A store costs under a nanosecond in place of some 16, and a
 * torn or stale look at a statistic harms nobody: nothing is decided by it.
 *
 * A publish that goes straight into the ring changes one of them. What goes through the queue changes several, and counts
 * CHANGE up before and after: whoever looks meanwhile looks again, so that the counts of one look agree.
 */

import { processMs } from '../host/timing.js';

/** Events accepted that somebody wanted, those included that wait in the queue. */
export const ACCEPTED = 0;
export const UNWANTED = 1;
export const REFUSED = 2;
export const WAKES = 3;
export const EVICTIONS = 4;
/** Events in the queue, those included that a `publishSync` waits with. */
export const PENDING_EVENTS = 5;
export const PENDING_BYTES = 6;
/** Events in the queue that a `publishSync` waits with: they are not accepted yet. */
export const TENTATIVE = 7;
/** Since when the first of the queue has been the first, by {@link processMs}. */
export const PENDING_SINCE = 8;
const COUNTERS = 9;
/** A cell of four bytes behind the doubles, reached by atomic operations. */
const CHANGE = COUNTERS * 2;

/** Whoever finds the counts changing so often, as when that thread was stopped amid a change, takes those of the last moment. */
const MAX_LOOKS = 64;
/** Where there is no last moment yet. A thread that changes them all the time is caught between two changes long before. */
const MAX_FIRST_LOOKS = 10_000;

export type OwnerCounters = Float64Array<SharedArrayBuffer>;

/** What a thread has published so far, as another thread sees it. */
export interface PublishedCounts {
  readonly published: number;
  readonly unwanted: number;
  /** Records written to the ring, or to the uplink. */
  readonly written: number;
  readonly refused: number;
  readonly pending: { readonly events: number; readonly bytes: number };
  /** For how long the first of what is pending has waited; 0 when nothing is. */
  readonly pendingMs: number;
}

/** Not growable as other shared memory is: a view of that looks up its length with each access. */
export function allocateCounters(): OwnerCounters {
  const bytes = (COUNTERS + 1) * Float64Array.BYTES_PER_ELEMENT;
  return new Float64Array(new SharedArrayBuffer(bytes), 0, COUNTERS);
}

/** The cells of {@link countChange}. */
export function changesOf(counters: OwnerCounters): Int32Array {
  return new Int32Array(counters.buffer);
}

/** Called before several counts change together, and again after. */
export function countChange(changes: Int32Array): void {
  Atomics.add(changes, CHANGE, 1);
}

/**
 * The counts of one moment, or of the last one in which they agreed. Any thread; waits for nobody.
 *
 * Only where the publishing thread stands still amid a change as the view is used for the first time are they as they stand:
 * the pending bytes may be those of one event more or less.
 */
export class CountersView {
  readonly #counters: Float64Array;
  readonly #changes: Int32Array;
  #last: PublishedCounts | undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.#counters = new Float64Array(buffer, 0, COUNTERS);
    this.#changes = new Int32Array(buffer);
  }

  at(index: number): number {
    return this.#counters[index]!;
  }

  take(): PublishedCounts {
    const maxLooks = this.#last === undefined ? MAX_FIRST_LOOKS : MAX_LOOKS;
    for (let looks = 0; looks < maxLooks; looks++) {
      const change = Atomics.load(this.#changes, CHANGE);
      const counts = this.#look();
      // Orders the look before it. An odd number: a change is on its way.
      if (change % 2 !== 0 || Atomics.load(this.#changes, CHANGE) !== change) continue;
      this.#last = counts;
      return counts;
    }
    return this.#last ?? this.#look();
  }

  #look(): PublishedCounts {
    const unwanted = this.at(UNWANTED);
    const accepted = this.at(ACCEPTED);
    const events = this.at(PENDING_EVENTS);
    const bytes = this.at(PENDING_BYTES);
    return {
      published: accepted + unwanted,
      unwanted,
      written: accepted - events + this.at(TENTATIVE),
      refused: this.at(REFUSED),
      pending: { events, bytes },
      pendingMs: events === 0 ? 0 : Math.max(0, processMs() - this.at(PENDING_SINCE)),
    };
  }
}
