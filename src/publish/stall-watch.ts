/**
 * Ends a stall: a lossless reader that holds up a waiting publisher without moving for too long is made lossy.
 *
 * The clock runs only while somebody waits for room, only for the reader that holds it, and starts again whenever that
 * reader moves. It is the publisher's own clock, and what that missed (a blocked loop, a debugger's stop) does not count; nor
 * does the time in which the reader's thread is started again.
 */
import { SubscriptionEvictedError } from '../errors.js';
import { monotonicMs } from '../host/timing.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { Readers } from './readers.js';

/** Time between two looks. A gap longer than two of them is the publisher's own fault. */
export const STALL_LOOK_MS = 100;
/** Time that a thread which is started again has before it counts as standing still. */
const RESTART_ALLOWANCE_MS = 10_000;

export class StallWatch {
  readonly #writer: RingWriter;
  readonly #readers: Readers;
  readonly #stallTimeoutMs: number;
  readonly #onRoom: () => void;
  readonly #onEvicted: (error: Error) => void;
  #holder = -1;
  #released = 0;
  #lastLookMs = 0;
  #stalledMs = 0;
  #restartingMs = 0;
  /** Readers evicted so far. */
  evictions = 0;

  /**
   * @param onRoom told of the room that an eviction made, before anybody hears of the eviction
   * @param onEvicted told after the reader was; must not throw
   */
  constructor(
    writer: RingWriter,
    readers: Readers,
    stallTimeoutMs: number,
    onRoom: () => void,
    onEvicted: (error: Error) => void,
  ) {
    this.#writer = writer;
    this.#readers = readers;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onRoom = onRoom;
    this.#onEvicted = onEvicted;
  }

  /** How long the reader that holds the ring has held up somebody, without moving. */
  get stalledMs(): number {
    return this.#hasMoved() ? 0 : this.#stalledMs;
  }

  /** Somebody waits for room. Called at least every {@link STALL_LOOK_MS} meanwhile. Returns whether it made some. */
  look(): boolean {
    const nowMs = monotonicMs();
    const { holder } = this.#writer;
    if (this.#hasMoved()) {
      this.#holder = holder;
      this.#released = this.#releasedBy(holder);
      this.#stalledMs = 0;
      this.#restartingMs = 0;
    } else {
      const elapsedMs = Math.min(nowMs - this.#lastLookMs, 2 * STALL_LOOK_MS);
      if (this.#restartingMs < RESTART_ALLOWANCE_MS && this.#readers.isComingBack(holder))
        this.#restartingMs += elapsedMs;
      else this.#stalledMs += elapsedMs;
    }
    this.#lastLookMs = nowMs;
    if (holder < 0 || this.#stalledMs < this.#stallTimeoutMs) return false;
    this.#writer.evict(holder);
    this.evictions++;
    // Whoever looked: those that are parked wait for a release that does not count any more.
    this.#onRoom();
    const error = new SubscriptionEvictedError(this.#readers.describe(holder), this.#stallTimeoutMs);
    this.#readers.evict(holder, error);
    this.#onEvicted(error);
    this.reset();
    return true;
  }

  /** Whether another reader holds the ring than at the last look, or the same one elsewhere. */
  #hasMoved(): boolean {
    const { holder } = this.#writer;
    return holder !== this.#holder || this.#releasedBy(holder) !== this.#released;
  }

  #releasedBy(holder: number): number {
    return holder < 0 ? 0 : this.#writer.gate.released(holder, this.#writer.tail);
  }

  /** Nobody waits any more. */
  reset(): void {
    this.#holder = -1;
    this.#stalledMs = 0;
  }
}
