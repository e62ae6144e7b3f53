/**
 * The writer's wait for room: it says what it needs, and the reader whose release crosses that wakes it.
 *
 * *Order.* Writer: store NEED, then WRITER_WAIT, then look at every RELEASED again, and only then wait. Reader: store
 * RELEASED, then look at WRITER_WAIT. So one of the two sees the other. The checked model is `test/models/park.pml`.
 */
import type { Cells } from '../memory/cells.js';
import { distance, narrow } from '../memory/position.js';
import { NEED, WRITER_AWAKE, WRITER_BLOCKED, WRITER_PARKED, WRITER_WAIT } from './control-descriptor.js';
import { UNIT_SHIFT } from './record-descriptor.js';

/** What the wait asks of the writer. */
export interface RoomSource {
  /** Wide position behind the last record. */
  readonly tail: number;
  /** Bytes of room that readers leave at this moment. */
  freeBytes(): number;
}

export class RoomWait {
  readonly #cells: Cells;
  readonly #capacityUnits: number;
  readonly #writer: RoomSource;

  constructor(cells: Cells, capacityUnits: number, writer: RoomSource) {
    this.#cells = cells;
    this.#capacityUnits = capacityUnits;
    this.#writer = writer;
  }

  /**
   * Asks the readers to say when `freeBytes` of room are left: a parked writer is told through its event loop.
   *
   * @returns false, and nothing is asked, when there is that much room already
   */
  park(freeBytes: number): boolean {
    return this.#announce(freeBytes, WRITER_PARKED);
  }

  /**
   * Blocks this thread until `freeBytes` of room are left, at most `timeoutMs`. May return early.
   *
   * Takes back what {@link park} asked for: whoever is parked has to look again, and to park again, afterwards.
   *
   * @throws {CannotBlockError} `BUS_CANNOT_BLOCK`
   */
  block(freeBytes: number, timeoutMs: number): void {
    if (!this.#announce(freeBytes, WRITER_BLOCKED)) return;
    try {
      this.#cells.wait(WRITER_WAIT, WRITER_BLOCKED, timeoutMs);
    } finally {
      this.unpark();
    }
  }

  /** Takes back what {@link park} asked for. */
  unpark(): void {
    this.#cells.store(WRITER_WAIT, WRITER_AWAKE);
  }

  /** Whether there cannot be `freeBytes` of room while a reader that gates has not released `position`. */
  isInTheWay(position: number, freeBytes: number): boolean {
    return distance(this.#need(freeBytes), position) > 0;
  }

  /** The position that every reader has to have released. */
  #need(freeBytes: number): number {
    return narrow(this.#writer.tail + (freeBytes >> UNIT_SHIFT) - this.#capacityUnits);
  }

  #announce(freeBytes: number, how: number): boolean {
    this.#cells.store(NEED, this.#need(freeBytes));
    this.#cells.store(WRITER_WAIT, how);
    if (this.#writer.freeBytes() < freeBytes) return true;
    this.unpark();
    return false;
  }
}
