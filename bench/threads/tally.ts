/**
 * What subscriber threads have received, in shared memory, so that the sender knows when a round is over and that all of it
 * arrived. The same for every subject.
 *
 *   cell 0        TARGET: events that each reader has to have received; set before they are sent
 *   cell 1        DONE: readers that have, over all rounds
 *   then, for each reader, two cells: RECEIVED (at most 64 events old), CHECKSUM (as of the last target)
 */
const TARGET = 0;
const DONE = 1;
const FIRST_READER = 2;
const CELLS_EACH = 2;
const REPORT_EVERY = 64;
const ROUND_TIMEOUT_MS = 60_000;

// Node has it; the library of types comes with a later ECMAScript than this project targets.
declare global {
  interface Atomics {
    waitAsync(
      cells: Int32Array,
      index: number,
      value: number,
    ): { async: false; value: string } | { async: true; value: Promise<string> };
  }
}

export class Tally {
  readonly buffer: SharedArrayBuffer;
  readonly readers: number;
  readonly #cells: Int32Array;
  #rounds = 0;

  constructor(readers: number) {
    this.buffer = new SharedArrayBuffer((FIRST_READER + readers * CELLS_EACH) * Int32Array.BYTES_PER_ELEMENT);
    this.#cells = new Int32Array(this.buffer);
    this.readers = readers;
  }

  /** Before sending: each reader shall have received `target` events in all. */
  expect(target: number): void {
    Atomics.store(this.#cells, TARGET, target);
    this.#rounds++;
  }

  /** Events that the slowest reader has reported. */
  received(): number {
    let least = Number.MAX_SAFE_INTEGER;
    for (let i = 0; i < this.readers; i++) {
      least = Math.min(least, Atomics.load(this.#cells, FIRST_READER + i * CELLS_EACH));
    }
    return least;
  }

  /** Resolves when all readers have received what was expected. Rejects after a minute. */
  async complete(): Promise<void> {
    const wanted = this.#rounds * this.readers;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`only ${this.received()} events arrived`)), ROUND_TIMEOUT_MS);
    });
    try {
      for (let done = Atomics.load(this.#cells, DONE); done < wanted; done = Atomics.load(this.#cells, DONE)) {
        const waiting = Atomics.waitAsync(this.#cells, DONE, done);
        if (waiting.async) await Promise.race([waiting.value, timeout]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Each reader's sum of what {@link ReaderTally.count} was given, modulo 2^32. */
  checksums(): readonly number[] {
    return Array.from({ length: this.readers }, (_, i) => Atomics.load(this.#cells, FIRST_READER + i * CELLS_EACH + 1));
  }
}

/** The reader's side. */
export class ReaderTally {
  readonly #cells: Int32Array;
  readonly #cell: number;
  #received = 0;
  #checksum = 0;

  constructor(buffer: SharedArrayBuffer, reader: number) {
    this.#cells = new Int32Array(buffer);
    this.#cell = FIRST_READER + reader * CELLS_EACH;
  }

  count(checksum: number): void {
    this.#checksum = (this.#checksum + checksum) | 0;
    const received = ++this.#received;
    if (received === Atomics.load(this.#cells, TARGET)) {
      Atomics.store(this.#cells, this.#cell + 1, this.#checksum);
      Atomics.store(this.#cells, this.#cell, received);
      Atomics.add(this.#cells, DONE, 1);
      Atomics.notify(this.#cells, DONE);
    } else if (received % REPORT_EVERY === 0) {
      Atomics.store(this.#cells, this.#cell, received);
    }
  }
}
