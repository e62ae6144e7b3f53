/** A log of numbers in shared memory: what a subscriber thread did, for the test's thread to see. */
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 1;
const COUNT = 0;
const GATE = 1;
const FIRST = 2;

export class SharedLog {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** A new log with room for `capacity` numbers, or, with a buffer, the same log on another thread. */
  constructor(source: number | SharedArrayBuffer) {
    this.buffer = typeof source === 'number' ? new SharedArrayBuffer((FIRST + source) * 4) : source;
    this.#cells = new Int32Array(this.buffer);
  }

  /** One thread at a time. */
  append(value: number): void {
    const count = Atomics.load(this.#cells, COUNT);
    if (FIRST + count < this.#cells.length) this.#cells[FIRST + count] = value;
    Atomics.store(this.#cells, COUNT, count + 1);
  }

  get count(): number {
    return Atomics.load(this.#cells, COUNT);
  }

  get values(): number[] {
    return [...this.#cells.subarray(FIRST, FIRST + this.count)];
  }

  /** Resolves when the log holds `count` numbers. */
  async reaches(count: number): Promise<void> {
    await this.#sees(() => this.count >= count);
  }

  /** Lets everybody pass who waits at the gate, now or later. */
  open(): void {
    Atomics.store(this.#cells, GATE, 1);
    Atomics.notify(this.#cells, GATE);
  }

  /** Resolves when the gate is open. */
  async opened(): Promise<void> {
    await this.#sees(() => Atomics.load(this.#cells, GATE) === 1);
  }

  /** Blocks this thread until the gate is open. */
  waitOpened(): void {
    Atomics.wait(this.#cells, GATE, 0);
  }

  async #sees(holds: () => boolean): Promise<void> {
    while (!holds()) await setTimeout(POLL_MS);
  }
}
