/**
 * What one thread did with a bus and what it got, in the order in which that happened; in shared memory, as the thread may die.
 * Entries of all threads of a round are stamped from one counter.
 */

/** What an entry says, and what its numbers are. */
export const Kind = {
  /** A publishing begins: id, and what the event is, see `packTerms`. */
  Begun: 1,
  /** It returned true, or nothing: id. */
  Written: 2,
  /** It returned false, accepted and waiting on the heap: id. */
  Queued: 3,
  /** It threw, or `tryPublish` returned false: id. */
  Refused: 4,
  /** All that was queued has left the heap. */
  Drained: 5,
  /** key, and the index of its terms in the script of the thread. */
  Subscribed: 6,
  /** key, join sequence. From here on it is owed also what other threads publish. */
  Ready: 7,
  /** key, sequence, id. */
  Got: 8,
  /** key, 1 where it drains. */
  Stopped: 9,
  /** key, filter. */
  Refiltered: 10,
  /** key, first, until. */
  Lagged: 11,
  /** key. */
  Evicted: 12,
  /** key. */
  Ended: 13,
  /** The connection is being closed. */
  Closing: 14,
  /** How many events that has left. */
  Closed: 15,
  Destroyed: 16,
  /** The thread has done all that it was to do. */
  Done: 17,
  /** A life of a module begins: how many there were before. */
  Life: 18,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export interface LogEntry {
  readonly kind: Kind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Larger than those of all entries, of any thread, that were made before. */
  readonly stamp: number;
}

const COUNT = 0;
const FIRST = 1;
const CELLS = 5;

export class ThreadLog {
  readonly buffer: SharedArrayBuffer;
  readonly stamps: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #stamps: Int32Array;

  /** A new one with room for `capacity` entries, or, with a buffer, the same one on another thread. */
  constructor(source: number | SharedArrayBuffer, stamps: SharedArrayBuffer) {
    this.buffer = typeof source === 'number' ? new SharedArrayBuffer((FIRST + source * CELLS) * 4) : source;
    this.stamps = stamps;
    this.#cells = new Int32Array(this.buffer);
    this.#stamps = new Int32Array(stamps);
  }

  get count(): number {
    return Atomics.load(this.#cells, COUNT);
  }

  get capacity(): number {
    return (this.#cells.length - FIRST) / CELLS;
  }

  /** The count last: a thread that dies in between has added nothing. */
  add(kind: Kind, a = 0, b = 0, c = 0): void {
    const { count } = this;
    if (count >= this.capacity) throw new Error('no room in the log of the thread');
    this.#cells.set([kind, a, b, c, Atomics.add(this.#stamps, 0, 1)], FIRST + count * CELLS);
    Atomics.store(this.#cells, COUNT, count + 1);
  }

  read(): LogEntry[] {
    return Array.from({ length: this.count }, (_, i) => {
      const at = FIRST + i * CELLS;
      const [kind, a, b, c, stamp] = this.#cells.subarray(at, at + CELLS);
      return { kind: kind! as Kind, a: a!, b: b!, c: c!, stamp: stamp! };
    });
  }
}
