/**
 * The cells of an uplink that the thread which owns the bus stores: when it sleeps, and what counts of a closing bus. See
 * `uplink-writer.ts` for the order on either side.
 */
import type { Cells } from '../memory/cells.js';
import * as control from './control-descriptor.js';
import * as uplink from './uplink-descriptor.js';

export class UplinkOwner {
  readonly #cells: Cells;

  constructor(cells: Cells) {
    this.#cells = cells;
  }

  /** From now on, whoever writes rings. Look at the uplink once more after this. */
  fallAsleep(): void {
    this.#cells.or(uplink.OWNER, uplink.OWNER_ASLEEP);
  }

  wakeUp(): void {
    this.#cells.and(uplink.OWNER, ~uplink.OWNER_ASLEEP);
  }

  /** Whether the thread has said that it writes nothing more. What it wrote is found by whoever looks after that. */
  get hasLeft(): boolean {
    return this.#cells.load(uplink.LEAVING) !== 0;
  }

  /** Events that wait on the thread's heap. */
  get queued(): number {
    return this.#cells.load(uplink.QUEUED);
  }

  /** The bus is closing: the thread accepts nothing more. */
  close(): void {
    this.#cells.or(uplink.OWNER, uplink.OWNER_CLOSING);
  }

  /**
   * Settles what counts of a closing bus, unless events wait on the thread's heap.
   *
   * @param evenIfQueued those do not count
   * @returns the position before which records count; undefined: nothing is settled
   */
  seal(evenIfQueued: boolean): number | undefined {
    const cells = this.#cells;
    for (;;) {
      // This order and no other: whatever changes behind the first load, the thread has counted in SEAL.
      const seal = cells.load(uplink.SEAL);
      if (!evenIfQueued && this.queued > 0) return undefined;
      const bound = cells.load(control.TAIL);
      cells.store(uplink.BOUND, bound);
      if (cells.compareExchange(uplink.SEAL, seal, seal | uplink.SEALED) === seal) return bound;
    }
  }

  /** Nothing is taken over any more. */
  end(): void {
    this.#cells.or(uplink.OWNER, uplink.OWNER_ENDED);
  }

  get hasEnded(): boolean {
    return (this.#cells.load(uplink.OWNER) & uplink.OWNER_ENDED) !== 0;
  }
}
