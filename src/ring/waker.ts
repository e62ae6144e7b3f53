/**
 * The writer's side of sleeping: who has to be woken for what was written, and who can sleep on.
 *
 * *Taking charge.* A sleeping reader's bit in SLEEPERS is the right to touch that reader's cursor and wake word. Whoever
 * clears the bit by an atomic AND has it, until it sets WAKE = AWAKE or sets the bit again. So the writer may move a
 * sleeping reader on, and a reader that finds its bit gone waits for AWAKE.
 *
 * *Order.* Writer: store TAIL, then load SLEEPERS, take bits, then WAKE = AWAKE, then notify. Reader: WAKE = DROWSY, then
 * its bit, then look at TAIL again, then WAKE = ASLEEP. The checked model, with the orders that lose a wake-up, is
 * `test/models/sleep.pml`.
 *
 * *Skipping.* A reader that is ASLEEP has seen everything up to its cursor, and every flush since has woken it if it
 * wanted any of it. So whatever lies between its cursor and the last flush is of no use to it: the writer moves it on
 * there when it wakes it, when its cursor holds the ring, and, where it is lossy, with each flush. A subscriber to a rare
 * topic sleeps through any flood, and has missed nothing.
 */
import { type Cells, storeCount } from '../memory/cells.js';
import { distance, narrow } from '../memory/position.js';
import {
  ASLEEP,
  AWAKE,
  FLUSHED,
  NEXT_SEQUENCE,
  RELEASED,
  SLEEPERS,
  slotOf,
  TAKEN,
  WAKE,
} from './control-descriptor.js';

export class Waker {
  readonly #cells: Cells;
  readonly #notify: (reader: number) => void;
  /** Readers that want something written since the last flush, one bit each. */
  #wantedLow = 0;
  #wantedHigh = 0;
  /** TAIL and the next sequence as of the last flush. */
  #flushedTail: number;
  #flushedSequence = 0;
  /** Notifications sent. */
  wakes = 0;

  /** @param notify called for each reader whose WAKE has just become AWAKE; must not throw */
  constructor(cells: Cells, tail: number, notify: (reader: number) => void) {
    this.#cells = cells;
    this.#flushedTail = narrow(tail);
    this.#notify = notify;
  }

  /** Notes who wants the record just written. */
  want(low: number, high: number): void {
    this.#wantedLow |= low;
    this.#wantedHigh |= high;
  }

  /**
   * Whether a reader that wants something written since the last flush sleeps, or is about to. If none does, everything up
   * to `tail` counts as flushed.
   */
  due(tail: number, sequence: number): boolean {
    // After the store of TAIL: a reader that sets its bit after this load looks at TAIL after it, too.
    if (this.#wantedLow !== 0 && (this.#cells.load(SLEEPERS) & this.#wantedLow) !== 0) return true;
    if (this.#wantedHigh !== 0 && (this.#cells.load(SLEEPERS + 1) & this.#wantedHigh) !== 0) return true;
    this.#wantedLow = 0;
    this.#wantedHigh = 0;
    this.#flushedTail = narrow(tail);
    this.#flushedSequence = sequence;
    return false;
  }

  /** Wakes each sleeping reader that wants something written since the last flush, once. `tail` is published. */
  flush(tail: number, sequence: number): void {
    if (this.#wantedLow !== 0) this.#wakeWord(0, this.#wantedLow);
    if (this.#wantedHigh !== 0) this.#wakeWord(1, this.#wantedHigh);
    this.#wantedLow = 0;
    this.#wantedHigh = 0;
    this.#flushedTail = narrow(tail);
    this.#flushedSequence = sequence;
    this.#cells.store(FLUSHED, this.#flushedTail);
  }

  /** Moves the sleeping ones of `readers` on to the last flush. Call it after {@link flush}. */
  skipSleepers(readers: readonly number[]): void {
    for (const reader of readers) {
      const word = SLEEPERS + (reader >> 5);
      const bit = 1 << (reader & 31);
      if ((this.#cells.load(word) & bit) === 0 || (this.#cells.and(word, ~bit) & bit) === 0) continue;
      // Gives the reader back to itself; orders the cursor before the bit.
      if (this.#moveOn(reader)) this.#cells.or(word, bit);
      // Still drowsy: it may have found its bit gone and now waits to be told.
      else this.#wake(reader);
    }
  }

  /** Wakes a reader for another reason than a record: to stop it, to change its filter. */
  wakeNow(reader: number): void {
    this.#wakeWord(reader >> 5, 1 << (reader & 31));
  }

  /** Forgets a reader that is gone. */
  forget(reader: number): void {
    const bit = 1 << (reader & 31);
    if (reader < 32) this.#wantedLow &= ~bit;
    else this.#wantedHigh &= ~bit;
    this.#cells.and(SLEEPERS + (reader >> 5), ~bit);
  }

  #wakeWord(word: number, wanted: number): void {
    const sleeping = this.#cells.load(SLEEPERS + word) & wanted;
    if (sleeping === 0) return;
    let taken = this.#cells.and(SLEEPERS + word, ~sleeping) & sleeping;
    while (taken !== 0) {
      const bit = 31 - Math.clz32(taken);
      taken &= ~(1 << bit);
      const reader = word * 32 + bit;
      this.#moveOn(reader);
      this.#wake(reader);
    }
  }

  /** Moves a reader in our charge to the last flush, if it is surely asleep. Returns whether it is. */
  #moveOn(reader: number): boolean {
    const slot = slotOf(reader);
    if (this.#cells.load(slot + WAKE) !== ASLEEP) return false;
    // A reader that fell asleep after the flush is already further on.
    if (distance(this.#flushedTail, this.#cells.load(slot + RELEASED)) > 0) {
      storeCount(this.#cells, slot + NEXT_SEQUENCE, this.#flushedSequence);
      this.#cells.store(slot + TAKEN, this.#flushedTail);
      this.#cells.store(slot + RELEASED, this.#flushedTail);
    }
    return true;
  }

  #wake(reader: number): void {
    // After the cursor: the reader reads it once it sees AWAKE.
    this.#cells.store(slotOf(reader) + WAKE, AWAKE);
    this.wakes++;
    this.#notify(reader);
  }
}
