/**
 * One reader of a ring: takes runs of records out in private copies, and releases what has settled.
 *
 * Three positions, in order: RELEASED (settled; the writer may overwrite), TAKEN (copied out, in hands), TAIL (written).
 * A reader that dies leaves RELEASED where it was; whoever continues takes the events between the two again.
 */
import { CorruptRecordError } from '../errors.js';
import { type Cells, loadCount } from '../memory/cells.js';
import { distance } from '../memory/position.js';
import * as control from './control-descriptor.js';
import * as record from './record-descriptor.js';
import { offsetOf, type RingMemory } from './ring-memory.js';

/** How much is copied out at a time, unless one record is longer. */
export const MAX_BATCH_BYTES = 64 * 1024;

/** A run of whole records in private memory that nobody writes again. */
export interface Batch {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Int32Array;
  /** Where the last whole record ends. */
  readonly length: number;
  /** Position of the first record. */
  readonly position: number;
}

export class RingReader {
  readonly reader: number;
  readonly #memory: RingMemory;
  readonly #cells: Cells;
  readonly #slot: number;
  readonly #sleeperWord: number;
  readonly #sleeperBit: number;
  readonly #onRoom: () => void;
  #taken: number;
  #released: number;
  #progress = 0;

  /**
   * @param reader the slot, which the writer's thread has set up
   * @param onRoom called when a release makes the room that a writer parked in its event loop waits for
   */
  constructor(memory: RingMemory, reader: number, onRoom: () => void) {
    this.reader = reader;
    this.#memory = memory;
    this.#cells = memory.cells;
    this.#slot = control.slotOf(reader);
    this.#sleeperWord = control.SLEEPERS + (reader >> 5);
    this.#sleeperBit = 1 << (reader & 31);
    this.#onRoom = onRoom;
    this.#released = this.#cells.load(this.#slot + control.RELEASED);
    this.#taken = this.#released;
  }

  /** Position up to which records were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes the next run of records, or undefined when there is none. Allocates one buffer of the run's size. */
  take(maxBytes = MAX_BATCH_BYTES): Batch | undefined {
    // Pairs with the writer's store: the bytes before TAIL are written.
    const unread = distance(this.#cells.load(control.TAIL), this.#taken) * record.UNIT_BYTES;
    if (unread <= 0) return undefined;
    const position = this.#taken;
    const offset = offsetOf(position, this.#memory.capacityBytes);
    const contiguous = Math.min(unread, this.#memory.capacityBytes - offset);
    let bytes = this.#memory.copyOut(offset, Math.min(contiguous, maxBytes));
    let words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
    let length = bytes.length;
    if (length < contiguous) {
      length = wholeRecords(words, offset);
      if (length === 0) {
        length = record.unitsOf(words[record.LENGTH_WORD]!) * record.UNIT_BYTES;
        bytes = this.#memory.copyOut(offset, length);
        words = new Int32Array(bytes.buffer, 0, length >> 2);
      }
    }
    this.#taken = (position + (length >> record.UNIT_SHIFT)) | 0;
    // Before any handler runs: a successor must know what may have been handled.
    this.#cells.store(this.#slot + control.TAKEN, this.#taken);
    return { bytes, words, length, position };
  }

  /** True when records lie behind what was taken. */
  get hasMore(): boolean {
    return this.#cells.load(control.TAIL) !== this.#taken;
  }

  /** Lets the writer overwrite everything before `position`, and wakes it if that is what it waits for. */
  release(position: number): void {
    const before = this.#released;
    if (position === before) return;
    this.#released = position;
    this.#cells.store(this.#slot + control.PROGRESS, ++this.#progress);
    // Orders our copies of the records before the permission to overwrite them.
    this.#cells.store(this.#slot + control.RELEASED, position);
    // After the store: the writer announces its wait, then looks at RELEASED again, so one of us sees the other.
    const how = this.#cells.load(control.WRITER_WAIT);
    if (how === control.WRITER_AWAKE) return;
    const need = this.#cells.load(control.NEED);
    const crosses = distance(position, need) >= 0 && distance(before, need) < 0;
    // Several readers may cross; one of them wakes the writer.
    if (!crosses || this.#cells.compareExchange(control.WRITER_WAIT, how, control.WRITER_AWAKE) !== how) return;
    if (how === control.WRITER_BLOCKED) this.#cells.notify(control.WRITER_WAIT);
    else this.#onRoom();
  }

  /**
   * Goes to sleep, unless there is something to read. Everything taken must have been released.
   *
   * @returns whether the reader sleeps; it then waits until {@link awake}, and calls {@link resume}
   */
  fallAsleep(): boolean {
    // This order, and no other (see Waker): the wake word, the bit, TAIL again, and only then really asleep.
    this.#cells.store(this.#slot + control.WAKE, control.DROWSY);
    this.#cells.or(this.#sleeperWord, this.#sleeperBit);
    if (this.hasMore) return !this.wakeSelf();
    // Fails only when the writer has already woken us.
    this.#cells.compareExchange(this.#slot + control.WAKE, control.DROWSY, control.ASLEEP);
    return true;
  }

  /** True once the writer has woken a sleeping reader. */
  get awake(): boolean {
    return this.#cells.load(this.#slot + control.WAKE) === control.AWAKE;
  }

  /** The position of the writer's last flush, if the reader sleeps, unwoken, on records before it. */
  get flushedUnread(): number | undefined {
    const flushed = this.#cells.load(control.FLUSHED);
    return distance(flushed, this.#taken) > 0 && !this.awake ? flushed : undefined;
  }

  /** Blocks this thread until the writer wakes the reader, at most `timeoutMs`. */
  waitAwake(timeoutMs: number): void {
    const seen = this.#cells.load(this.#slot + control.WAKE);
    if (seen !== control.AWAKE) this.#cells.wait(this.#slot + control.WAKE, seen, timeoutMs);
  }

  /** Ends the sleep without the writer. False when the writer is just waking or moving the reader: sleep on. */
  wakeSelf(): boolean {
    // Taking the bit back is taking charge of the cursor back.
    if ((this.#cells.and(this.#sleeperWord, ~this.#sleeperBit) & this.#sleeperBit) === 0) return false;
    this.#cells.store(this.#slot + control.WAKE, control.AWAKE);
    return true;
  }

  /**
   * Follows the cursor that the writer may have moved during sleep.
   *
   * @returns the next sequence there, or -1 when it was not moved
   */
  resume(): number {
    const position = this.#cells.load(this.#slot + control.RELEASED);
    if (position === this.#taken) return -1;
    this.#taken = position;
    this.#released = position;
    return loadCount(this.#cells, this.#slot + control.SKIPPED_TO);
  }
}

/** Length of the whole records in a run that may end inside one. */
function wholeRecords(words: Int32Array, offset: number): number {
  let end = 0;
  while (end + record.HEADER_BYTES <= words.length * 4) {
    const length = words[(end >> 2) + record.LENGTH_WORD]!;
    if (length < record.HEADER_BYTES) throw new CorruptRecordError(offset + end, `length ${length}`);
    const next = end + record.unitsOf(length) * record.UNIT_BYTES;
    if (next > words.length * 4) break;
    end = next;
  }
  return end;
}
