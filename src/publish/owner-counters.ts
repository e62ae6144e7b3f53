/**
 * What a publishing thread counts, for other threads to see: doubles in shared memory, stored and loaded plainly.
 *
 * The one exception to "shared cells by atomic operations only". A store costs under a nanosecond in place of some 16, and a
 * torn or stale look at a statistic harms nobody: nothing is decided by it.
 *
 * A publish that goes straight into the ring changes one of them. What goes through the queue changes several. These are copied
 * before, and whoever looks meanwhile takes the copy, so that the counts of one look agree also where the thread is stopped
 * amid a change. (Linux calls that a latch: https://docs.kernel.org/locking/seqlock.html#latch-sequence-counters-seqcount-latch-t.)
 * On arm64, where plain stores may pass the one before them that is atomic, a look may be an event apart.
 */

import { processMs } from '../host/timing.js';

/** Events accepted that somebody wanted, those included that wait in the queue. */
export const ACCEPTED = 0;
/** Events in the queue, those included that a `publishSync` waits with. */
export const PENDING_EVENTS = 1;
export const PENDING_BYTES = 2;
/** Events in the queue that a `publishSync` waits with: they are not accepted yet. */
export const TENTATIVE = 3;
/** Since when the first of the queue has been the first, by {@link processMs}. */
export const PENDING_SINCE = 4;
/** Those above change together. */
const TOGETHER = 5;
export const UNWANTED = 5;
export const REFUSED = 6;
export const WAKES = 7;
export const EVICTIONS = 8;
/** Where the copies begin of those that change together. */
const COPIES = 9;
const COUNTERS = COPIES + TOGETHER;
/** A cell of four bytes behind the doubles, reached by atomic operations: odd while the copies are to be looked at. */
const CHANGE = COUNTERS * 2;

/** A thread that changes them all the time is caught between two changes long before. */
const MAX_LOOKS = 10_000;

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

/** The cells of {@link beginChange}. */
export function changesOf(counters: OwnerCounters): Int32Array {
  return new Int32Array(counters.buffer);
}

/** Called before several counts change together: whoever looks from now on sees them as they are. */
export function beginChange(counters: OwnerCounters, changes: Int32Array): void {
  for (let index = 0; index < TOGETHER; index++) counters[COPIES + index] = counters[index]!;
  // Orders the copies before it.
  Atomics.add(changes, CHANGE, 1);
}

/** Called when all of them have changed: whoever looks from now on sees that. */
export function endChange(changes: Int32Array): void {
  // Orders the change before it.
  Atomics.add(changes, CHANGE, 1);
}

/** The counts of one moment, or of the last one in which they were seen to agree. Any thread; waits for nobody. */
export class CountersView {
  readonly #counters: Float64Array;
  readonly #changes: Int32Array;
  readonly #fence = new Int32Array(1);
  #last: PublishedCounts | undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.#counters = new Float64Array(buffer, 0, COUNTERS);
    this.#changes = new Int32Array(buffer);
  }

  at(index: number): number {
    return this.#counters[index]!;
  }

  take(): PublishedCounts {
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const change = Atomics.load(this.#changes, CHANGE);
      const counts = this.#look(change % 2 === 0 ? 0 : COPIES);
      // Orders the look before the next load, as that of an overtaken reader: see `ring-reader.ts`.
      Atomics.add(this.#fence, 0, 1);
      if (Atomics.load(this.#changes, CHANGE) !== change) continue;
      this.#last = counts;
      return counts;
    }
    return this.#last ?? this.#look(0);
  }

  /** @param from where those begin that change together: 0 or COPIES */
  #look(from: number): PublishedCounts {
    const unwanted = this.at(UNWANTED);
    const accepted = this.at(from + ACCEPTED);
    const events = this.at(from + PENDING_EVENTS);
    const bytes = this.at(from + PENDING_BYTES);
    return {
      published: accepted + unwanted,
      unwanted,
      written: accepted - events + this.at(from + TENTATIVE),
      refused: this.at(REFUSED),
      pending: { events, bytes },
      pendingMs: events === 0 ? 0 : Math.max(0, processMs() - this.at(from + PENDING_SINCE)),
    };
  }
}
