/**
 * The one writer of a ring: claims room, frames records, publishes TAIL.
 *
 * *Claiming.* `open` gives a window at the tail into which a record of unknown length can be encoded in place; it ends at
 * or before the gate limit, the announced INTENT and the end of the ring, so nothing unread can be touched. `claim`
 * makes room for a record of known length, padding over the end of the ring where it does not fit before it.
 *
 * *Committing.* The header is written last, then TAIL. An open window may be left alone; a claim must be committed.
 *
 * *Announcing.* INTENT is raised before bytes are overwritten, in steps, so that a reader that does not gate can tell
 * after copying whether its copy is whole (the broadcast protocol of Agrona,
 * https://github.com/aeron-io/agrona, made cheaper by the steps).
 *
 * Bytes of a record are plain stores, and on arm64 nothing that stores an atomic keeps those behind it back: neither
 * `Atomics.store`, which is STLR, nor, without LSE, a read-modify-write, which is LDAXR and STLXR with no DMB behind them (V8).
 * But a LDAXR waits until an earlier STLR is seen, whatever their addresses, and nothing behind it is performed before it
 * (Arm ARM B2.3, release consistency). So INTENT is stored first, and a read-modify-write follows that stores nothing new:
 * it keeps the record behind INTENT by its load. LSE's LDADDAL does the same; on x64 either is a full barrier. The
 * reader's side is turned round: the read-modify-write keeps its copy before the load of INTENT by its store.
 */
import type { Cells } from '../memory/cells.js';
import { narrow } from '../memory/position.js';
import * as control from './control-descriptor.js';
import { ReaderGate } from './reader-gate.js';
import * as record from './record-descriptor.js';
import { type Place, RetainedRecords } from './retained-records.js';
import { maxRecordBytes, offsetOf, type RingMemory } from './ring-memory.js';
import { RoomWait } from './room-wait.js';
import { Waker } from './waker.js';

const MAX_INTENT_STEP_BYTES = 16 * 1024;
/** Flushes in each lap at least, where there are lossy readers: INTENT never comes near what they sleep on. */
const FLUSHES_PER_LAP = 4;

export class RingWriter {
  readonly memory: RingMemory;
  readonly gate: ReaderGate;
  readonly waker: Waker;
  readonly retained: RetainedRecords;
  readonly wait: RoomWait;
  readonly maxRecordBytes: number;
  readonly #cells: Cells;
  readonly #words: Int32Array;
  readonly #capacityUnits: number;
  readonly #stepUnits: number;
  /** Wide positions. Always tail <= intent <= limit. */
  #tail: number;
  #intent: number;
  #limit: number;
  #epoch: number;
  /** INTENT at which lossy sleepers are moved on at the latest, wide. */
  #moveOnAt: number;
  #sequence = 0;

  /** Byte range of the open window; a record's header goes to `windowStart`. */
  windowStart = 0;
  windowEnd = 0;

  /** @param startPosition the position that the ring was allocated with */
  constructor(memory: RingMemory, notify: (reader: number) => void, startPosition = 0) {
    this.memory = memory;
    this.#cells = memory.cells;
    this.#words = memory.words;
    this.maxRecordBytes = maxRecordBytes(memory.capacityBytes);
    this.#capacityUnits = memory.capacityBytes >> record.UNIT_SHIFT;
    this.#stepUnits = Math.min(MAX_INTENT_STEP_BYTES, memory.capacityBytes / control.BOUNDARIES) >> record.UNIT_SHIFT;
    this.#tail = startPosition;
    this.#intent = startPosition;
    this.#limit = startPosition + this.#capacityUnits;
    this.#epoch = Math.floor(startPosition / control.EPOCH_UNITS);
    this.#moveOnAt = startPosition;
    this.gate = new ReaderGate(memory.cells, this.#capacityUnits);
    this.waker = new Waker(memory.cells, startPosition, notify);
    this.retained = new RetainedRecords(memory, this.gate, this);
    this.wait = new RoomWait(memory.cells, this.#capacityUnits, this);
  }

  /** Wide position behind the last record. */
  get tail(): number {
    return this.#tail;
  }

  /** Wide position up to which it may be overwriting. */
  get intent(): number {
    return this.#intent;
  }

  /** The sequence that the next record takes. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Bytes that the slowest gating reader has not released, as of now. */
  get usedBytes(): number {
    return (this.#tail + this.#capacityUnits - this.gate.limit(this.#tail)) * record.UNIT_BYTES;
  }

  /** The slowest gating reader that is behind, or -1. */
  get holder(): number {
    return this.gate.holder(this.#tail);
  }

  /**
   * Adds a reader.
   *
   * @param gates whether it holds the writer back
   * @param at where it starts: the tail, or a place that `retained` gave just now
   * @returns its slot, or -1 when all are taken
   */
  join(gates: boolean, at: Place = this.retained.end): number {
    const reader = this.gate.findFree();
    if (reader < 0) return -1;
    this.waker.forget(reader);
    this.gate.join(reader, at.position, at.sequence, gates);
    // A retained place is at most a lap behind INTENT, so the limit that it lowers stays ahead of what was announced.
    if (gates) this.#limit = Math.min(this.#limit, at.position + this.#capacityUnits);
    return reader;
  }

  /** Makes a gating reader one that can be overtaken: it no longer holds the writer back. */
  evict(reader: number): void {
    this.gate.evict(reader);
    this.#refreshLimit(this.#tail);
  }

  /** Removes a reader whose thread can no longer touch its slot. */
  leave(reader: number): void {
    this.waker.forget(reader);
    this.gate.free(reader);
  }

  /**
   * Opens the window at the tail, at least `expectedBytes` long where the ring's end and the readers allow.
   *
   * Sets `windowStart` and `windowEnd`; the window is empty when the ring is full. Nothing is taken.
   */
  open(expectedBytes: number): void {
    const tail = this.#tail;
    const wanted = record.unitsOf(expectedBytes);
    if (this.#intent - tail < wanted) this.#raiseIntent(tail + wanted);
    const start = offsetOf(tail, this.memory.capacityBytes);
    this.windowStart = start;
    this.windowEnd = Math.min(start + (this.#intent - tail) * record.UNIT_BYTES, this.memory.capacityBytes);
  }

  /**
   * Makes room for a record of `recordBytes`, header included, at most {@link maxRecordBytes}.
   *
   * @returns the byte offset to write it to, or -1 when readers still hold the room it needs
   */
  claim(recordBytes: number): number {
    const units = record.unitsOf(recordBytes);
    const toEnd = this.#capacityUnits - this.#tailInRing();
    const needed = units <= toEnd ? units : toEnd + units;
    if (this.#intent - this.#tail < needed) {
      this.#raiseIntent(this.#tail + needed);
      if (this.#intent - this.#tail < needed) return -1;
    }
    if (units > toEnd) this.#pad(toEnd);
    return offsetOf(this.#tail, this.memory.capacityBytes);
  }

  /**
   * Commits the record at the tail, whose body has been written behind the room for its header.
   *
   * @param wantedLow,wantedHigh the readers that want it, one bit each
   * @returns its sequence
   */
  commit(
    recordBytes: number,
    topicId: number,
    payloadOffset: number,
    typeId: number,
    seconds: number,
    nanos: number,
    wantedLow: number,
    wantedHigh: number,
  ): number {
    const words = this.#words;
    const sequence = this.#sequence++;
    const word = offsetOf(this.#tail, this.memory.capacityBytes) >> 2;
    words[word + record.LENGTH_WORD] = recordBytes;
    words[word + record.KIND_WORD] = record.EVENT_RECORD;
    words[word + record.TOPIC_WORD] = topicId;
    words[word + record.SEQUENCE_LOW_WORD] = sequence | 0;
    words[word + record.SEQUENCE_HIGH_WORD] = sequence < 2 ** 32 ? 0 : Math.floor(sequence / 2 ** 32);
    words[word + record.PAYLOAD_WORD] = payloadOffset | (typeId << record.TYPE_ID_SHIFT);
    words[word + record.SECONDS_WORD] = seconds | 0;
    words[word + record.NANOS_WORD] = nanos;
    this.#advance(record.unitsOf(recordBytes), sequence);
    // Orders the record's plain bytes before the position that lets readers at them.
    this.#cells.store(control.TAIL, narrow(this.#tail));
    this.waker.want(wantedLow, wantedHigh);
    return sequence;
  }

  /** Whether {@link flush} has anybody to wake. */
  get flushDue(): boolean {
    return this.waker.due(this.#tail, this.#sequence);
  }

  /** Wakes the sleeping readers that want something written since the last call. */
  flush(): void {
    this.waker.flush(this.#tail, this.#sequence);
    const { lossy } = this.gate;
    if (lossy.length === 0) return;
    // They must not be overtaken by what they sleep through: they want none of it, and would be told of it as missed.
    this.waker.skipSleepers(lossy);
    this.#moveOnAt = this.#tail + this.#capacityUnits / FLUSHES_PER_LAP;
  }

  /** Bytes of room that readers leave at this moment, after everything that can be done about it. */
  freeBytes(): number {
    this.#refreshLimit(this.#tail + this.#capacityUnits);
    return (this.#limit - this.#tail) * record.UNIT_BYTES;
  }

  /** Says how long dedicated readers may wait awake. */
  setSpinBudget(budgetUs: number): void {
    this.#cells.store(control.SPIN_BUDGET_US, budgetUs);
  }

  setState(state: number): void {
    this.#cells.store(control.WRITER_STATE, state);
  }

  /** Fills the ring up to its end, invisibly: the padding shows with the record behind it. */
  #pad(units: number): void {
    const word = offsetOf(this.#tail, this.memory.capacityBytes) >> 2;
    this.#words[word + record.LENGTH_WORD] = units * record.UNIT_BYTES;
    this.#words[word + record.KIND_WORD] = record.PADDING_RECORD;
    this.#advance(units, this.#sequence);
  }

  /** Units from the start of the ring to the tail. */
  #tailInRing(): number {
    // Masked, not `%`: a remainder of doubles is a call into the C library.
    return this.#tail & (this.#capacityUnits - 1);
  }

  #advance(units: number, sequence: number): void {
    this.retained.index(this.#tail, sequence);
    this.#tail += units;
  }

  /** Announces that bytes up to `wanted`, rounded up to a step, may be overwritten, as far as the readers allow. */
  #raiseIntent(wanted: number): void {
    if (wanted > this.#limit) this.#refreshLimit(wanted);
    const rounded = Math.ceil(wanted / this.#stepUnits) * this.#stepUnits;
    const intent = Math.min(rounded, this.#limit);
    if (intent <= this.#intent) return;
    if (intent > this.#moveOnAt && this.gate.lossy.length > 0) this.flush();
    const epoch = Math.floor(intent / control.EPOCH_UNITS);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      // Before INTENT: a reader loads INTENT first, so it never sees a wrapped INTENT with the old epoch.
      this.#cells.store(control.EPOCH, epoch);
    }
    this.#intent = intent;
    this.#cells.store(control.INTENT, narrow(intent));
    // Keeps the bytes of records behind INTENT, see *Announcing*. Once a step; a load might be left out by a compiler.
    this.#cells.add(control.INTENT, 0);
  }

  #refreshLimit(wanted: number): void {
    this.#limit = this.gate.limit(this.#tail);
    if (this.#limit >= wanted) return;
    // The ring looks full. Wake whoever has something to read, and move on whoever sleeps with nothing to read.
    this.flush();
    this.waker.skipSleepers(this.gate.gating);
    // Always: the flush, too, moves those on that it wakes.
    this.#limit = this.gate.limit(this.#tail);
  }
}
