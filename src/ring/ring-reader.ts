/**
 * One reader of a ring: takes runs of records out in private copies, and releases what has settled.
 *
 * Three positions, in order: RELEASED (settled; the writer may overwrite), TAKEN (copied out, in hands), TAIL (written).
 * A reader that dies leaves RELEASED where it was; whoever continues takes the events between the two again.
 *
 * *Lapping.* A lossy reader holds nobody back, so the writer may overwrite what it is just copying. It copies first, then
 * looks at INTENT and EPOCH, and parses only what was not announced for overwriting before that: one look covers a run,
 * because its first byte is the first to go. (Agrona's broadcast buffer with its INTENT, read as Boehm describes for
 * seqlocks: https://dl.acm.org/doi/10.1145/2247684.2247688.) Overtaken, it resumes at the oldest indexed record that is
 * an eighth of the ring away from the writer.
 *
 * *Eviction.* A gating reader may be made lossy at any time. It looks at its STATE after each copy: as long as that says
 * GATING, nothing it copied was overwritten; rounded INTENT alone would make it look overtaken when it is not.
 */
import { CorruptRecordError } from '../errors.js';
import { type Cells, loadCount, storeCount } from '../memory/cells.js';
import { distance, narrow, widen } from '../memory/position.js';
import { BATCH_MEMORY_BYTES, type Batch, BatchMemory } from './batch-memory.js';
import * as control from './control-descriptor.js';
import { ReaderSleep } from './reader-sleep.js';
import * as record from './record-descriptor.js';
import { offsetOf, type RingMemory } from './ring-memory.js';

/** A lossy reader takes at most this share of the ring at a time. */
const LOSSY_BATCH_SHARE = 8;
/** How far ahead of the writer an overtaken reader resumes, as a share of the ring. */
const GUARD_SHARE = 8;

export class RingReader {
  readonly reader: number;
  readonly sleep: ReaderSleep;
  /** True from being overtaken until somebody sets it back: records were missed before the next batch. */
  overtaken = false;
  readonly #memory: RingMemory;
  readonly #cells: Cells;
  readonly #slot: number;
  readonly #capacityUnits: number;
  readonly #onRoom: () => void;
  readonly #copies = new BatchMemory();
  #gates: boolean;
  /** Wide. */
  #taken: number;
  /** The highest that this life or one before it has taken, wide: TAKEN, which never goes back. */
  #handedOut: number;
  #released: number;

  /**
   * @param reader the slot, which the writer's thread has set up
   * @param position its cursor, wide
   * @param onRoom called when a release makes the room that a writer parked in its event loop waits for
   */
  constructor(memory: RingMemory, reader: number, position: number, onRoom: () => void) {
    this.reader = reader;
    this.#memory = memory;
    this.#cells = memory.cells;
    this.#slot = control.slotOf(reader);
    this.#capacityUnits = memory.capacityBytes >> record.UNIT_SHIFT;
    this.#onRoom = onRoom;
    this.#gates = this.#cells.load(this.#slot + control.STATE) === control.GATING;
    this.#taken = position;
    this.#handedOut = widen(position, this.#cells.load(this.#slot + control.TAKEN));
    this.#released = narrow(position);
    this.sleep = new ReaderSleep(this.#cells, reader, this);
  }

  /** Position up to which records were taken. */
  get taken(): number {
    return narrow(this.#taken);
  }

  /** Where the writer has moved the cursor to during a sleep that the reader has not resumed from; undefined: it has not. */
  get movedTo(): number | undefined {
    const position = this.#cells.load(this.#slot + control.RELEASED);
    return position === this.#released ? undefined : position;
  }

  /** False for a lossy reader, and for one that has noticed its eviction. */
  get gates(): boolean {
    return this.#gates;
  }

  /**
   * Takes the next run of records, or undefined when there is none.
   *
   * @param maxBytes how much is copied out at a time, unless one record is longer
   */
  take(maxBytes = BATCH_MEMORY_BYTES): Batch | undefined {
    for (;;) {
      // Pairs with the writer's store: the bytes before TAIL are written.
      const tail = this.#cells.load(control.TAIL);
      if (tail === narrow(this.#taken)) return undefined;
      const batch = this.#gates || !this.#isOvertaken() ? this.#copyRun(tail, maxBytes) : undefined;
      if (batch !== undefined) {
        this.#taken += (batch.end - batch.start) >> record.UNIT_SHIFT;
        this.#tellTaken();
        return batch;
      }
      this.#resumeAhead();
    }
  }

  /** Goes back to a position that was taken and not released: what lies behind it is taken again, into other memory. */
  goBack(position: number): void {
    this.#taken = widen(this.#taken, position);
    this.#copies.leave();
  }

  /** Copies whole records from the cursor on; undefined when they were overwritten meanwhile. */
  #copyRun(tail: number, maxBytes: number): Batch | undefined {
    const position = narrow(this.#taken);
    const offset = offsetOf(position, this.#memory.capacityBytes);
    const unread = distance(tail, position) * record.UNIT_BYTES;
    // Evicted so long ago that the distance has wrapped.
    if (unread < 0) return undefined;
    const contiguous = Math.min(unread, this.#memory.capacityBytes - offset);
    // A lossy reader takes less at a time: the longer the copy, the sooner it is overtaken.
    const most = this.#gates ? maxBytes : Math.min(maxBytes, this.#memory.capacityBytes / LOSSY_BATCH_SHARE);
    // At least a header: it says how long the record is.
    let length = Math.min(contiguous, Math.max(most, record.HEADER_BYTES));
    if (!this.#copyOut(offset, length)) return undefined;
    const copies = this.#copies;
    if (length < contiguous) {
      length = wholeRecords(copies, length, offset);
      if (length === 0) {
        const recordBytes = copies.words[(copies.start >> 2) + record.LENGTH_WORD]!;
        if (recordBytes > contiguous) throw new CorruptRecordError(offset, `length ${recordBytes}`);
        length = record.unitsOf(recordBytes) * record.UNIT_BYTES;
        if (!this.#copyOut(offset, length)) return undefined;
      }
    }
    return copies.handOut(length, position);
  }

  /** Copies bytes behind the last batch. False when the copy may not be whole. */
  #copyOut(offset: number, length: number): boolean {
    this.#copies.reserve(length);
    this.#memory.copyTo(this.#copies.bytes, this.#copies.start, offset, length);
    // A read-modify-write on a private cell: on arm64 loads alone would let the look below pass the copy above. Its store is
    // performed after the copy, and the loads below after its store, with LSE or without (see WriterBounds, *Announcing*).
    this.#cells.add(this.#slot + control.SCRATCH, 0);
    if (this.#gates) {
      if (this.#cells.load(this.#slot + control.STATE) === control.GATING) return true;
      this.#gates = false;
    }
    return !this.#isOvertaken();
  }

  /** Whether what lies at the cursor may be overwritten already. */
  #isOvertaken(): boolean {
    // INTENT first: the writer stores EPOCH before it, so a wrapped INTENT is never seen with an old EPOCH.
    const intent = this.#cells.load(control.INTENT);
    const epoch = this.#cells.load(control.EPOCH);
    const own = Math.floor(this.#taken / control.EPOCH_UNITS);
    return ((epoch - own) | 0) >= 2 || distance(intent, narrow(this.#taken)) > this.#capacityUnits;
  }

  /** Moves an overtaken reader to the oldest indexed record that it can hope to read, or to the tail. */
  #resumeAhead(): void {
    this.overtaken = true;
    const intent = this.#cells.load(control.INTENT);
    const epoch = this.#cells.load(control.EPOCH);
    const tail = this.#cells.load(control.TAIL);
    const oldest = intent - this.#capacityUnits + this.#capacityUnits / GUARD_SHARE;
    let resume = tail;
    for (let i = 0; i < control.BOUNDARIES; i++) {
      const position = this.#cells.load(control.BOUNDARY + i);
      if (distance(position, oldest) >= 0 && distance(tail, position) > distance(tail, resume)) resume = position;
    }
    this.#taken = widen(epoch * control.EPOCH_UNITS, resume);
    this.#released = resume;
    this.#tellTaken();
    this.#cells.store(this.#slot + control.RELEASED, resume);
  }

  /** Before any handler runs: a successor must know what may have been handled, by the lives before this one too. */
  #tellTaken(): void {
    if (this.#taken <= this.#handedOut) return;
    this.#handedOut = this.#taken;
    this.#cells.store(this.#slot + control.TAKEN, narrow(this.#taken));
  }

  /** Sequence of the first record at the cursor, as it was last released. */
  get nextSequence(): number {
    return loadCount(this.#cells, this.#slot + control.NEXT_SEQUENCE);
  }

  /** Says which event is being handled; -1: none. */
  setInHand(sequence: number): void {
    storeCount(this.#cells, this.#slot + control.IN_HAND, sequence + 1);
  }

  /** True when records lie behind what was taken. */
  get hasMore(): boolean {
    return this.#cells.load(control.TAIL) !== narrow(this.#taken);
  }

  /**
   * Lets the writer overwrite everything before `position`, and wakes it if that is what it waits for. Nothing happens where
   * that was allowed before.
   *
   * @param sequence of the first record from there on
   */
  release(position: number, sequence: number): void {
    const before = this.#released;
    if (distance(position, before) <= 0) return;
    this.#released = position;
    storeCount(this.#cells, this.#slot + control.NEXT_SEQUENCE, sequence);
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
   * Follows the cursor that the writer may have moved during sleep.
   *
   * @returns the next sequence there, or -1 when it was not moved
   */
  resume(): number {
    const position = this.#cells.load(this.#slot + control.RELEASED);
    if (position === narrow(this.#taken)) return -1;
    // Near EPOCH, not near where it fell asleep: that may be more than 2^31 units away.
    this.#taken = widen(this.#cells.load(control.EPOCH) * control.EPOCH_UNITS, position);
    this.#handedOut = this.#taken;
    this.#released = position;
    return this.nextSequence;
  }
}

/** Length of the whole records in `length` copied bytes that may end inside one; they were at `offset` in the ring. */
function wholeRecords({ words, start }: BatchMemory, length: number, offset: number): number {
  let whole = 0;
  while (whole + record.HEADER_BYTES <= length) {
    const recordBytes = words[((start + whole) >> 2) + record.LENGTH_WORD]!;
    if (recordBytes < record.HEADER_BYTES) throw new CorruptRecordError(offset + whole, `length ${recordBytes}`);
    const next = whole + record.unitsOf(recordBytes) * record.UNIT_BYTES;
    if (next > length) break;
    whole = next;
  }
  return whole;
}
