/** Puts events on a bus that may be full, and waits for room a while. */

import { unwatched } from '../host/report.js';
import { clearTimeout, monotonicMs, setTimeout } from '../host/timing.js';
import { QueueFullError } from '../index.js';
import type { BridgedBus } from './bridge-life.js';

export class RoomOnBus {
  readonly #bus: Pick<BridgedBus, 'writable'>;
  readonly #waitMs: number;
  #room: Promise<void> | undefined;

  constructor(bus: Pick<BridgedBus, 'writable'>, waitMs: number) {
    this.#bus = bus;
    this.#waitMs = waitMs;
  }

  /**
   * Calls `put`, which returns what `publish` does, when there is room; while there is none, callers wait in their order.
   *
   * @returns whether it was accepted in time
   */
  async put(put: () => boolean): Promise<boolean> {
    const deadlineMs = monotonicMs() + this.#waitMs;
    for (;;) {
      if (this.#room !== undefined && !(await inTime(this.#room, deadlineMs))) return false;
      try {
        if (!put()) this.#awaitRoom();
        return true;
      } catch (error) {
        if (!(error instanceof QueueFullError)) throw error;
        this.#awaitRoom();
      }
    }
  }

  #awaitRoom(): void {
    this.#room ??= unwatched(
      this.#bus.writable().finally(() => {
        this.#room = undefined;
      }),
    );
  }
}

/** Whether `promise` resolves before the deadline. */
function inTime(promise: Promise<void>, deadlineMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), Math.max(0, deadlineMs - monotonicMs()));
    promise.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
