/** Shared Int32 cells, and counts kept in several of them. */
import { CannotBlockError } from '../errors.js';

/**
 * Shared Int32 cells, reached by atomic operations only. All of them are sequentially consistent.
 *
 * The ring takes its cells as a parameter: production passes {@link AtomicCells}, tests pass cells in which each
 * access waits for its turn under a scheduler.
 */
export interface Cells {
  load(index: number): number;
  store(index: number, value: number): void;
  /** Each read-modify-write returns the value before it. */
  compareExchange(index: number, expected: number, value: number): number;
  add(index: number, value: number): number;
  and(index: number, value: number): number;
  or(index: number, value: number): number;
  /**
   * Blocks the thread while the cell holds `value`, at most `timeoutMs`.
   *
   * @throws {CannotBlockError} `BUS_CANNOT_BLOCK` where the host lets the thread not block
   */
  wait(index: number, value: number, timeoutMs: number): void;
  /** Wakes every thread that waits on the cell. */
  notify(index: number): void;
}

/** Cells over a SharedArrayBuffer. Any thread; never allocates. A call costs 5-12 ns (Node 20-24). */
export class AtomicCells implements Cells {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, buffer.byteLength / Int32Array.BYTES_PER_ELEMENT);
  }

  load(index: number): number {
    return Atomics.load(this.#words, index);
  }
  store(index: number, value: number): void {
    Atomics.store(this.#words, index, value);
  }
  compareExchange(index: number, expected: number, value: number): number {
    return Atomics.compareExchange(this.#words, index, expected, value);
  }
  add(index: number, value: number): number {
    return Atomics.add(this.#words, index, value);
  }
  and(index: number, value: number): number {
    return Atomics.and(this.#words, index, value);
  }
  or(index: number, value: number): number {
    return Atomics.or(this.#words, index, value);
  }
  wait(index: number, value: number, timeoutMs: number): void {
    try {
      Atomics.wait(this.#words, index, value, timeoutMs);
    } catch (cause) {
      throw new CannotBlockError(cause);
    }
  }
  notify(index: number): void {
    Atomics.notify(this.#words, index);
  }
}

/** Cells that one count takes. */
export const COUNT_CELLS = 5;

// In the cells of a count: which copy counts, in its lowest bit; then the two copies, the low half of each first.
const TURN = 0;
const COPIES = 1;
const COPY_CELLS = 2;
const LOW = 0;
const HIGH = 1;

/**
 * A count of up to 2^53, low 32 bits and high 21, in two copies of which one counts. One thread stores, any loads.
 *
 * The high half of the copy that counts never changes: where it has to, the other copy is written whole and TURN moved on
 * to it. So there is one store that makes a count the new one, and a thread that dies at any step leaves the old count or
 * the new one. It changes once in 2^32; all other stores are one store. The checked model is `test/models/count.pml`.
 */
export function storeCount(cells: Cells, index: number, value: number): void {
  const high = Math.floor(value / 2 ** 32);
  const turn = cells.load(index + TURN);
  const copy = copyOf(index, turn);
  if (cells.load(copy + HIGH) === high) {
    cells.store(copy + LOW, value | 0);
    return;
  }
  const other = copyOf(index, turn + 1);
  cells.store(other + LOW, value | 0);
  cells.store(other + HIGH, high);
  // Orders the copy before the turn that makes it count.
  cells.store(index + TURN, (turn + 1) | 0);
}

/** Waits for nobody: it looks again only when the turn has moved on meanwhile, and a dead thread moves nothing. */
export function loadCount(cells: Cells, index: number): number {
  for (;;) {
    const turn = cells.load(index + TURN);
    const copy = copyOf(index, turn);
    const high = cells.load(copy + HIGH);
    const low = cells.load(copy + LOW) >>> 0;
    // While its turn lasts, nobody writes the copy but for its low half.
    if (cells.load(index + TURN) === turn) return high * 2 ** 32 + low;
  }
}

function copyOf(index: number, turn: number): number {
  return index + COPIES + (turn & 1) * COPY_CELLS;
}
