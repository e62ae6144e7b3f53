/**
 * The readers that hold a writer back: how far it may go before it would overwrite something unread.
 *
 * Owned by the writer's thread. The lowest RELEASED is looked up only when the cached limit says the ring is full, the
 * cached minimum of the LMAX Disruptor (https://lmax-exchange.github.io/disruptor/disruptor.html): readers only move on,
 * so an old minimum is always safe.
 */
import { type Cells, loadCount, storeCount } from '../memory/cells.js';
import { narrow, widen } from '../memory/position.js';
import {
  ASLEEP,
  AWAKE,
  FREE,
  GATING,
  GENERATION,
  IN_HAND,
  LOSSY,
  MAX_READERS,
  NEXT_SEQUENCE,
  RELEASED,
  STATE,
  slotOf,
  TAKEN,
  WAKE,
} from './control-descriptor.js';

export class ReaderGate {
  readonly #cells: Cells;
  readonly #capacityUnits: number;
  readonly #used: boolean[] = new Array(MAX_READERS).fill(false);
  /** Slots that gate, in no order. */
  readonly #gating: number[] = [];
  /** The others, evicted ones included, in no order. */
  readonly #lossy: number[] = [];

  constructor(cells: Cells, capacityUnits: number) {
    this.#cells = cells;
    this.#capacityUnits = capacityUnits;
  }

  /** A free slot, or -1 when all are taken. */
  findFree(): number {
    return this.#used.indexOf(false);
  }

  /**
   * Gives a slot to a reader that, unless it is lossy, holds the writer back from now on.
   *
   * @param position where it starts, and `sequence` the sequence of the first record there
   */
  join(reader: number, position: number, sequence: number, gates: boolean): void {
    const slot = slotOf(reader);
    this.#used[reader] = true;
    this.#cells.add(slot + GENERATION, 1);
    storeCount(this.#cells, slot + NEXT_SEQUENCE, sequence);
    this.#cells.store(slot + RELEASED, narrow(position));
    this.#cells.store(slot + TAKEN, narrow(position));
    this.revive(reader);
    // Last: whoever sees the state sees the cursor too.
    this.#cells.store(slot + STATE, gates ? GATING : LOSSY);
    (gates ? this.#gating : this.#lossy).push(reader);
  }

  /** Stops counting the reader; its slot stays taken until {@link free}. */
  stopGating(reader: number): void {
    remove(this.#gating, reader);
  }

  /** Turns a gating reader into a lossy one; one that is lossy stays so. */
  evict(reader: number): void {
    if (!this.gates(reader)) return;
    this.stopGating(reader);
    this.#lossy.push(reader);
    // Before anything that it holds is overwritten: a reader that still sees GATING after copying has a whole copy.
    this.#cells.store(slotOf(reader) + STATE, LOSSY);
  }

  /** Gives a slot back. Only when its thread can no longer touch it. */
  free(reader: number): void {
    this.stopGating(reader);
    remove(this.#lossy, reader);
    this.#cells.store(slotOf(reader) + STATE, FREE);
    this.#used[reader] = false;
  }

  gates(reader: number): boolean {
    return this.#gating.includes(reader);
  }

  /** The position that the writer may reach, given its own `tail`: a lap ahead of the slowest gating reader. */
  limit(tail: number): number {
    let lowest = tail;
    for (let i = 0; i < this.#gating.length; i++) {
      const released = this.released(this.#gating[i]!, tail);
      if (released < lowest) lowest = released;
    }
    return lowest + this.#capacityUnits;
  }

  /** The slowest gating reader, or -1 when none is behind `tail`. */
  holder(tail: number): number {
    let lowest = tail;
    let holder = -1;
    for (const reader of this.#gating) {
      const released = this.released(reader, tail);
      if (released < lowest) {
        lowest = released;
        holder = reader;
      }
    }
    return holder;
  }

  /** The wide position up to which `reader` has released; `near` is a wide position less than 2^31 units away. */
  released(reader: number, near: number): number {
    // Pairs with the reader's store: what the reader copied out before it is no longer needed in the ring.
    return widen(near, this.#cells.load(slotOf(reader) + RELEASED));
  }

  /** Sequence of the first record at the cursor, as the reader last said. */
  nextSequence(reader: number): number {
    return loadCount(this.#cells, slotOf(reader) + NEXT_SEQUENCE);
  }

  /** Position up to which `reader` has taken records out. */
  taken(reader: number): number {
    return this.#cells.load(slotOf(reader) + TAKEN);
  }

  /** Whether `reader` sleeps: it has looked again after announcing it, and nobody has woken it since. */
  isAsleep(reader: number): boolean {
    return this.#cells.load(slotOf(reader) + WAKE) === ASLEEP;
  }

  /** Sequence of the event that a reader was handling when it last said; -1: none. */
  inHand(reader: number): number {
    return loadCount(this.#cells, slotOf(reader) + IN_HAND) - 1;
  }

  /** Makes a slot whose thread has exited ready for the next one: nobody is in it, and nothing is in hand. */
  revive(reader: number): void {
    storeCount(this.#cells, slotOf(reader) + IN_HAND, 0);
    this.#cells.store(slotOf(reader) + WAKE, AWAKE);
  }

  /** The gating readers, for the writer's own use. */
  get gating(): readonly number[] {
    return this.#gating;
  }

  /** The readers that can be overtaken, for the same. */
  get lossy(): readonly number[] {
    return this.#lossy;
  }
}

function remove(readers: number[], reader: number): void {
  const index = readers.indexOf(reader);
  if (index >= 0) readers.splice(index, 1);
}
