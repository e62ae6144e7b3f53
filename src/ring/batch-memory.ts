/**
 * The private memory that a reader copies runs of records into.
 *
 * An ArrayBuffer of its own costs microseconds, as much as ten events, so small runs lie one behind the other in a large
 * one. What was handed out is never written again: it may be kept for as long as anybody likes.
 */

/** What one piece of memory holds, unless one run is longer. */
export const BATCH_MEMORY_BYTES = 64 * 1024;

/** A run of whole records in private memory that nobody writes again. */
export interface Batch {
  /** The records are in [start, end); other batches may be in the rest. */
  readonly bytes: Buffer<ArrayBuffer>;
  /** All of `bytes`. */
  readonly words: Int32Array;
  readonly start: number;
  readonly end: number;
  /** Position of the first record. */
  readonly position: number;
}

export class BatchMemory {
  /** Empty until the first {@link reserve}. */
  bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
  words = new Int32Array(0);
  /** Where the next run goes. */
  start = 0;

  /** Makes room for `length` bytes at `start`. May begin a new piece of memory, and allocates nothing otherwise. */
  reserve(length: number): void {
    if (this.start + length <= this.bytes.length) return;
    // Not zero-filled: nothing is read that was not written. Not from Node's pool, which others write.
    this.bytes = Buffer.allocUnsafeSlow(Math.max(length, BATCH_MEMORY_BYTES));
    this.words = new Int32Array(this.bytes.buffer);
    this.start = 0;
  }

  /** Lets the next run begin a new piece of memory. */
  leave(): void {
    this.start = this.bytes.length;
  }

  /** Hands out the `length` bytes that were written at `start`. */
  handOut(length: number, position: number): Batch {
    const { bytes, words, start } = this;
    this.start = start + length;
    return { bytes, words, start, end: this.start, position };
  }
}
