/**
 * The bounds of a ring's writer: how far it has come, how far it has announced to overwrite, how far its readers let it go.
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
import type { RingMemory } from './ring-memory.js';
import { RoomWait } from './room-wait.js';
import { Waker } from './waker.js';

const MAX_INTENT_STEP_BYTES = 16 * 1024;
/** Flushes in each lap at least, where there are lossy readers: INTENT never comes near what they sleep on. */
const FLUSHES_PER_LAP = 4;

export abstract class WriterBounds {
  readonly memory: RingMemory;
  readonly gate: ReaderGate;
  readonly waker: Waker;
  readonly retained: RetainedRecords;
  readonly wait: RoomWait;
  readonly maxRecordBytes: number;
  protected readonly cells: Cells;
  protected readonly capacityUnits: number;
  /** Wide positions. Always position <= announced <= limit. */
  protected position: number;
  protected announced: number;
  #limit: number;
  #epoch: number;
  /** INTENT at which lossy sleepers are moved on at the latest, wide. */
  #moveOnAt: number;
  /** The sequence that the next record takes. */
  protected next = 0;
  readonly #stepUnits: number;

  /**
   * @param startPosition the position that the ring was allocated with
   * @param maxBytes of a record, header included
   */
  constructor(memory: RingMemory, notify: (reader: number) => void, startPosition: number, maxBytes: number) {
    this.memory = memory;
    this.cells = memory.cells;
    this.maxRecordBytes = maxBytes;
    this.capacityUnits = memory.capacityBytes >> record.UNIT_SHIFT;
    this.#stepUnits = Math.min(MAX_INTENT_STEP_BYTES, memory.capacityBytes / control.BOUNDARIES) >> record.UNIT_SHIFT;
    this.position = startPosition;
    this.announced = startPosition;
    this.#limit = startPosition + this.capacityUnits;
    this.#epoch = Math.floor(startPosition / control.EPOCH_UNITS);
    this.#moveOnAt = startPosition;
    this.gate = new ReaderGate(memory.cells, this.capacityUnits);
    this.waker = new Waker(memory.cells, startPosition, notify);
    this.retained = new RetainedRecords(memory, this.gate, this);
    this.wait = new RoomWait(memory.cells, this.capacityUnits, this);
  }

  /** Wide position behind the last record. */
  get tail(): number {
    return this.position;
  }

  /** Wide position up to which it may be overwriting. */
  get intent(): number {
    return this.announced;
  }

  /** The sequence that the next record takes. */
  get sequence(): number {
    return this.next;
  }

  /** Bytes that the slowest gating reader has not released, as of now. */
  get usedBytes(): number {
    return (this.position + this.capacityUnits - this.gate.limit(this.position)) * record.UNIT_BYTES;
  }

  /** The slowest gating reader that is behind, or -1. */
  get holder(): number {
    return this.gate.holder(this.position);
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
    if (gates) this.#limit = Math.min(this.#limit, at.position + this.capacityUnits);
    return reader;
  }

  /** Makes a gating reader one that can be overtaken: it no longer holds the writer back. */
  evict(reader: number): void {
    this.gate.evict(reader);
    this.#refreshLimit(this.position);
  }

  /** Removes a reader whose thread can no longer touch its slot. */
  leave(reader: number): void {
    this.waker.forget(reader);
    this.gate.free(reader);
  }

  /** Whether {@link flush} has anybody to wake. */
  get flushDue(): boolean {
    return this.waker.due(this.position, this.next);
  }

  /** Wakes the sleeping readers that want something written since the last call. */
  flush(): void {
    this.waker.flush(this.position, this.next);
    const { lossy } = this.gate;
    if (lossy.length === 0) return;
    // They must not be overtaken by what they sleep through: they want none of it, and would be told of it as missed.
    this.waker.skipSleepers(lossy);
    this.#moveOnAt = this.position + this.capacityUnits / FLUSHES_PER_LAP;
  }

  /** Bytes of room that readers leave at this moment, after everything that can be done about it. */
  freeBytes(): number {
    this.#refreshLimit(this.position + this.capacityUnits);
    return (this.#limit - this.position) * record.UNIT_BYTES;
  }

  /** Announces that bytes up to `wanted`, rounded up to a step, may be overwritten, as far as the readers allow. */
  protected raiseIntent(wanted: number): void {
    if (wanted > this.#limit) this.#refreshLimit(wanted);
    const rounded = Math.ceil(wanted / this.#stepUnits) * this.#stepUnits;
    const intent = Math.min(rounded, this.#limit);
    if (intent <= this.announced) return;
    if (intent > this.#moveOnAt && this.gate.lossy.length > 0) this.flush();
    const epoch = Math.floor(intent / control.EPOCH_UNITS);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      // Before INTENT: a reader loads INTENT first, so it never sees a wrapped INTENT with the old epoch.
      this.cells.store(control.EPOCH, epoch);
    }
    this.announced = intent;
    this.cells.store(control.INTENT, narrow(intent));
    // Keeps the bytes of records behind INTENT, see *Announcing*. Once a step; a compiler might remove a load.
    this.cells.add(control.INTENT, 0);
  }

  #refreshLimit(wanted: number): void {
    this.#limit = this.gate.limit(this.position);
    if (this.#limit >= wanted) return;
    // The ring looks full. Wake whoever has something to read, and move on whoever sleeps with nothing to read.
    this.flush();
    this.waker.skipSleepers(this.gate.gating);
    // Always: the flush, too, moves those on that it wakes.
    this.#limit = this.gate.limit(this.position);
  }
}
