/**
 * When sleeping readers are woken: once at the end of the burst, earlier when a good part of the ring waits or the burst goes
 * on for long, or at each publish. A wake costs the publisher microseconds, a record some hundred nanoseconds.
 *
 * A burst ends a few rounds of promise reactions after the running callback. A wake at the first round would hold up
 * whoever awaits the operation that the event tells of, and an async loop that awaits nothing slow would pay for one each
 * time round. The end of all reactions would be too late: they may go on for as long as the thread likes.
 */
import { monotonicMs } from '../host/timing.js';
import { UNIT_BYTES } from '../ring/record-descriptor.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { type OwnerCounters, WAKES } from './owner-counters.js';

/**
 * Unflushed bytes at which a burst is interrupted, and the share of the ring that this is at most. A reader drains faster
 * than the publisher writes: woken for less it sleeps again at once, and the publisher pays for wakes and not for records.
 */
const EAGER_FLUSH_BYTES = 256 * 1024;
const EAGER_FLUSH_SHARE = 8;
/**
 * Age at which a burst is interrupted too, and the records between two looks at the clock. While its code is interpreted,
 * publishing is twenty times as slow: those bytes take 40 ms then, in which readers on other cores have nothing to do.
 */
const EAGER_FLUSH_MS = 2;
const RECORDS_PER_LOOK = 16;
/** Rounds of promise reactions that a burst lasts: an `await` takes one, an async function that returns another's up to three. */
const BURST_ROUNDS = 16;
const RESOLVED = Promise.resolve();

/** When sleeping subscribers are woken: at the end of the burst, or at each publish. */
export type Flush = 'burst' | 'each';

export class BurstFlush {
  readonly #writer: RingWriter;
  readonly #each: boolean;
  readonly #counters: OwnerCounters;
  readonly #eagerBytes: number;
  readonly #round = (): void => this.#countRound();
  /** Until the end of the burst; 0: there is none. */
  #roundsLeft = 0;
  /** True while a round is awaited. */
  #counting = false;
  #flushedTail = 0;
  #untilLook = RECORDS_PER_LOOK;
  /** When the clock was first looked at since the burst began, or since the last wake in it; 0: not yet. */
  #sinceMs = 0;

  /** @param counters show how often readers were woken */
  constructor(writer: RingWriter, each: boolean, counters: OwnerCounters) {
    this.#counters = counters;
    this.#writer = writer;
    this.#each = each;
    this.#eagerBytes = Math.min(EAGER_FLUSH_BYTES, writer.memory.capacityBytes / EAGER_FLUSH_SHARE);
  }

  /** Told of each record written. */
  written(): void {
    if (this.#each) {
      this.#wake();
    } else if (this.#roundsLeft > 0) {
      if ((this.#writer.tail - this.#flushedTail) * UNIT_BYTES >= this.#eagerBytes || this.#isOld()) this.#wake();
    } else if (this.#writer.flushDue) {
      this.#flushedTail = this.#writer.tail;
      this.#untilLook = RECORDS_PER_LOOK;
      this.#sinceMs = 0;
      this.#roundsLeft = BURST_ROUNDS;
      if (!this.#counting) this.#awaitRound();
    }
  }

  #isOld(): boolean {
    if (--this.#untilLook > 0) return false;
    this.#untilLook = RECORDS_PER_LOOK;
    const nowMs = monotonicMs();
    if (this.#sinceMs === 0) this.#sinceMs = nowMs;
    return nowMs - this.#sinceMs >= EAGER_FLUSH_MS;
  }

  flush(): void {
    this.#roundsLeft = 0;
    this.#wake();
  }

  #awaitRound(): void {
    this.#counting = true;
    // A resolved promise: cheaper than queueMicrotask, which makes an async resource.
    void RESOLVED.then(this.#round);
  }

  #countRound(): void {
    this.#counting = false;
    if (this.#roundsLeft === 0) return;
    if (--this.#roundsLeft > 0) this.#awaitRound();
    else this.flush();
  }

  #wake(): void {
    this.#sinceMs = 0;
    this.#flushedTail = this.#writer.tail;
    this.#writer.flush();
    this.#counters[WAKES] = this.#writer.waker.wakes;
  }
}
