/**
 * The reader's side of sleeping: how it falls asleep without missing a record, waits, and wakes by itself.
 *
 * The protocol, with who is in charge of the cursor of a sleeping reader, is told at the writer's side, the Waker.
 */
import type { Cells } from '../memory/cells.js';
import { distance } from '../memory/position.js';
import * as control from './control-descriptor.js';

/** What the sleep asks of the reader. */
export interface RecordSource {
  /** True when records lie behind what was taken. */
  readonly hasMore: boolean;
}

export class ReaderSleep {
  readonly #cells: Cells;
  readonly #slot: number;
  readonly #sleeperWord: number;
  readonly #sleeperBit: number;
  readonly #reader: RecordSource;

  constructor(cells: Cells, reader: number, source: RecordSource) {
    this.#cells = cells;
    this.#slot = control.slotOf(reader);
    this.#sleeperWord = control.SLEEPERS + (reader >> 5);
    this.#sleeperBit = 1 << (reader & 31);
    this.#reader = source;
  }

  /**
   * Goes to sleep, unless there is something to read. Everything taken must have been released.
   *
   * @returns whether the reader sleeps; it then waits until {@link awake}, and calls `resume` of its reader
   */
  fallAsleep(): boolean {
    // This order, and no other (see Waker): the wake word, the bit, TAIL again, and only then really asleep.
    this.#cells.store(this.#slot + control.WAKE, control.DROWSY);
    this.#cells.or(this.#sleeperWord, this.#sleeperBit);
    if (this.#reader.hasMore) return !this.wakeSelf();
    // Fails only when the writer has already woken us.
    this.#cells.compareExchange(this.#slot + control.WAKE, control.DROWSY, control.ASLEEP);
    return true;
  }

  /** True once the writer has woken a sleeping reader. */
  get awake(): boolean {
    return this.#cells.load(this.#slot + control.WAKE) === control.AWAKE;
  }

  /** The position of the writer's last flush, if the reader sleeps, unwoken, on records before it. */
  get flushedUnread(): number | undefined {
    const flushed = this.#cells.load(control.FLUSHED);
    // Not `taken`: the writer may have moved the cursor on.
    const cursor = this.#cells.load(this.#slot + control.RELEASED);
    return distance(flushed, cursor) > 0 && !this.awake ? flushed : undefined;
  }

  /** How long a reader may wait awake, as of now: 0 when there are more busy threads than cores. */
  get spinBudgetMs(): number {
    return this.#cells.load(control.SPIN_BUDGET_US) / 1000;
  }

  /** Blocks this thread until the writer wakes the reader, at most `timeoutMs`. */
  waitAwake(timeoutMs: number): void {
    const seen = this.#cells.load(this.#slot + control.WAKE);
    if (seen !== control.AWAKE) this.#cells.wait(this.#slot + control.WAKE, seen, timeoutMs);
  }

  /** Ends the sleep without the writer. False when the writer is just waking or moving the reader: sleep on. */
  wakeSelf(): boolean {
    // Taking the bit back is taking charge of the cursor back.
    if ((this.#cells.and(this.#sleeperWord, ~this.#sleeperBit) & this.#sleeperBit) === 0) return false;
    this.#cells.store(this.#slot + control.WAKE, control.AWAKE);
    return true;
  }
}
