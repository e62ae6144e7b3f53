/**
 * The memory of one ring: control cells and the bytes of the records, allocated by one thread and attached by others.
 *
 * The writer and the readers take a {@link RingMemory} and nothing else, so that tests can run them, unchanged, on
 * memory in which each access waits for its turn.
 */
import { InvalidCapacityError, LayoutMismatchError } from '../errors.js';
import { isPowerOfTwo } from '../memory/alignment.js';
import { AtomicCells, type Cells } from '../memory/cells.js';
import { allocateShared } from '../memory/shared-buffer.js';
import * as control from './control-descriptor.js';
import { UNIT_BYTES, UNIT_SHIFT } from './record-descriptor.js';

export const MIN_CAPACITY_BYTES = 64 * 1024;
export const MAX_CAPACITY_BYTES = 2 ** 30;
/** A record takes at most this share of the ring. */
const RECORD_SHARE = 8;

/** What travels to other threads: shared buffers only. */
export interface RingBuffers {
  readonly control: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
}

export interface RingMemory {
  readonly cells: Cells;
  readonly capacityBytes: number;
  /** All record bytes; written by the writer alone, never handed to user code. */
  readonly bytes: Buffer;
  /** The same bytes as words. */
  readonly words: Int32Array;
  /** Copies `length` bytes, at least one, from `offset` to `target[at]` and on. */
  copyTo(target: Buffer, at: number, offset: number, length: number): void;
}

class SharedRingMemory implements RingMemory {
  readonly cells: Cells;
  readonly capacityBytes: number;
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly #records: SharedArrayBuffer;

  constructor(buffers: RingBuffers) {
    this.cells = new AtomicCells(buffers.control);
    this.capacityBytes = buffers.records.byteLength;
    this.bytes = Buffer.from(buffers.records, 0, this.capacityBytes);
    this.words = new Int32Array(buffers.records, 0, this.capacityBytes / Int32Array.BYTES_PER_ELEMENT);
    this.#records = buffers.records;
  }

  copyTo(target: Buffer, at: number, offset: number, length: number): void {
    // One memcpy. `set` from shared memory goes word by word, two and a half times as long for 64 KiB.
    target.fill(new Uint8Array(this.#records, offset, length), at, at + length);
  }
}

/**
 * Allocates the buffers of a ring that starts at `startPosition` units (tests start just below the counter's edges).
 *
 * @throws {InvalidCapacityError} `BUS_INVALID_CAPACITY` unless a power of two from 64 KiB to 1 GiB
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY`
 */
export function allocateRing(capacityBytes: number, startPosition = 0): RingBuffers {
  checkCapacity(capacityBytes);
  const buffers = {
    control: allocateShared(control.CONTROL_BYTES),
    records: allocateShared(capacityBytes),
  };
  initializeControl(new AtomicCells(buffers.control), capacityBytes, startPosition);
  return buffers;
}

/** @throws {InvalidCapacityError} `BUS_INVALID_CAPACITY` unless a power of two from 64 KiB to 1 GiB */
export function checkCapacity(capacityBytes: number): void {
  if (isPowerOfTwo(capacityBytes) && capacityBytes >= MIN_CAPACITY_BYTES && capacityBytes <= MAX_CAPACITY_BYTES) return;
  const expected = `must be a power of two from ${MIN_CAPACITY_BYTES} to ${MAX_CAPACITY_BYTES}`;
  throw new InvalidCapacityError(capacityBytes, expected);
}

/** Sets up the control cells of a new ring; nobody else sees them yet. */
export function initializeControl(cells: Cells, capacityBytes: number, startPosition: number): void {
  cells.store(control.MAGIC, control.MAGIC_VALUE);
  cells.store(control.LAYOUT, control.LAYOUT_VERSION);
  cells.store(control.CAPACITY_UNITS, capacityBytes >> UNIT_SHIFT);
  cells.store(control.READERS, control.MAX_READERS);
  for (const cell of [control.TAIL, control.INTENT, control.FLUSHED, control.NEED]) cells.store(cell, startPosition);
  cells.store(control.EPOCH, Math.floor(startPosition / control.EPOCH_UNITS));
  for (let i = 0; i < control.BOUNDARIES; i++) cells.store(control.BOUNDARY + i, startPosition);
}

/**
 * Opens views over a ring that another thread allocated.
 *
 * @throws {LayoutMismatchError} `BUS_LAYOUT_MISMATCH` when another version of the package allocated it
 */
export function attachRing(buffers: RingBuffers): RingMemory {
  const memory = new SharedRingMemory(buffers);
  const found = memory.cells.load(control.MAGIC) === control.MAGIC_VALUE ? memory.cells.load(control.LAYOUT) : -1;
  if (found !== control.LAYOUT_VERSION) throw new LayoutMismatchError(found, control.LAYOUT_VERSION);
  return memory;
}

export function maxRecordBytes(capacityBytes: number): number {
  return capacityBytes / RECORD_SHARE;
}

/** Byte offset in the ring of a position. */
export function offsetOf(position: number, capacityBytes: number): number {
  // Masked, not `%`: a position cell may be negative. The product stays exact: the mask leaves at most 2^25 units.
  return (position & ((capacityBytes >> UNIT_SHIFT) - 1)) * UNIT_BYTES;
}
