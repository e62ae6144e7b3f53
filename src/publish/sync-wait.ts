/** How `publishSync` waits for room: it blocks the thread, in slices, and looks at what holds the ring between them. */
import { BusClosedError, PublishTimeoutError, WouldDeadlockError } from '../errors.js';
import { monotonicMs } from '../host/timing.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { PendingRecord } from './pending-queue.js';
import type { PendingWriter } from './pending-writer.js';
import type { PublishOrder } from './publish-order.js';
import type { Readers } from './readers.js';
import type { StallWatch } from './stall-watch.js';

/** Longest blocked wait between two looks at what holds the ring. */
const BLOCK_SLICE_MS = 50;

export class SyncWait {
  readonly #writer: RingWriter;
  readonly #order: PublishOrder;
  readonly #pending: PendingWriter;
  readonly #readers: Readers;
  readonly #stalls: StallWatch;
  readonly #onBlocked: () => void;

  /** @param onBlocked called after a blocked slice, which has taken the place of any other wait for room */
  constructor(
    writer: RingWriter,
    order: PublishOrder,
    pending: PendingWriter,
    readers: Readers,
    stalls: StallWatch,
    onBlocked: () => void,
  ) {
    this.#writer = writer;
    this.#order = order;
    this.#pending = pending;
    this.#readers = readers;
    this.#stalls = stalls;
    this.#onBlocked = onBlocked;
  }

  /**
   * Writes a record that found no room, once there is: `ahead` places of the queue before it.
   *
   * @throws {WouldDeadlockError} `BUS_WOULD_DEADLOCK` when only this thread could make room
   * @throws {PublishTimeoutError} `BUS_PUBLISH_TIMEOUT` when the time is over
   * @throws {BusClosedError} `BUS_CLOSED` when the bus was destroyed meanwhile
   */
  write(record: PendingRecord, ahead: number, timeoutMs: number): void {
    this.#order.insertTentative(record, ahead);
    const deadlineMs = monotonicMs() + timeoutMs;
    try {
      // Or whoever publishes when told of an eviction writes it.
      while (record.tentative === true) {
        if (this.#pending.isAbandoned) throw new BusClosedError('publishSync');
        if (!this.#pending.writeFirst()) this.#block(deadlineMs, timeoutMs);
      }
      this.#stalls.reset();
    } finally {
      if (record.tentative === true) this.#order.removeTentative(record);
      // What its getters published was accepted in any case.
      this.#pending.writeBehind();
    }
  }

  #block(deadlineMs: number, timeoutMs: number): void {
    const { holder } = this.#writer;
    const isStuck = holder >= 0 && (this.#readers.isLocal(holder) || !this.#readers.restartNow(holder));
    const heldBy = this.#readers.describe(holder);
    if (isStuck) {
      throw new WouldDeadlockError('publishSync', heldBy);
    }
    const leftMs = deadlineMs - monotonicMs();
    if (leftMs <= 0) throw new PublishTimeoutError(timeoutMs, heldBy);
    if (this.#stalls.look()) return;
    try {
      this.#writer.wait.block(this.#pending.roomBytes, Math.min(leftMs, BLOCK_SLICE_MS));
    } finally {
      this.#onBlocked();
    }
  }
}
