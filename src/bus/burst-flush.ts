/**
 * When sleeping readers are woken: once at the end of the burst, which is when the running callback and the promise
 * reactions behind it are done, earlier when a good part of the ring waits, or at each publish. A wake costs the publisher
 * microseconds, a record some hundred nanoseconds.
 */
import { UNIT_BYTES } from '../ring/record-descriptor.js';
import type { RingWriter } from '../ring/ring-writer.js';

/**
 * Unflushed bytes at which a burst is interrupted, and the share of the ring that this is at most. A reader drains faster
 * than the publisher writes: woken for less it sleeps again at once, and the publisher pays for wakes and not for records.
 */
const EAGER_FLUSH_BYTES = 256 * 1024;
const EAGER_FLUSH_SHARE = 8;

export class BurstFlush {
  readonly #writer: RingWriter;
  readonly #each: boolean;
  readonly #eagerBytes: number;
  readonly #endBurst = (): void => this.flush();
  #scheduled = false;
  #flushedTail = 0;

  constructor(writer: RingWriter, each: boolean) {
    this.#writer = writer;
    this.#each = each;
    this.#eagerBytes = Math.min(EAGER_FLUSH_BYTES, writer.memory.capacityBytes / EAGER_FLUSH_SHARE);
  }

  /** Told of each record written. */
  written(): void {
    if (this.#each) {
      this.#writer.flush();
    } else if (this.#scheduled) {
      if ((this.#writer.tail - this.#flushedTail) * UNIT_BYTES >= this.#eagerBytes) this.#wake();
    } else if (this.#writer.flushDue) {
      this.#scheduled = true;
      this.#flushedTail = this.#writer.tail;
      // Not a promise reaction: a wake in the middle of a chain of them is a delay for all that follow, and an async
      // loop that awaits nothing slow would pay for one each time round.
      process.nextTick(this.#endBurst);
    }
  }

  flush(): void {
    this.#scheduled = false;
    this.#wake();
  }

  #wake(): void {
    this.#flushedTail = this.#writer.tail;
    this.#writer.flush();
  }
}
