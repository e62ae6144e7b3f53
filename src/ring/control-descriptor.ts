/**
 * The control cells of one ring: Int32, reached by atomic operations only. Blocks are 128 bytes apart, so that a word
 * of one writer never shares a cache line with a word of another.
 *
 *   block 0       MAGIC  LAYOUT  CAPACITY_UNITS  READERS                          written once, before sharing
 *   block 1       TAIL  INTENT  EPOCH  FLUSHED  WRITER_STATE  SPIN_BUDGET_US      written by the writer
 *   block 2       NEED  WRITER_WAIT                                              the writer's sleep: writer and readers
 *   block 3       SLEEPERS (2 cells, one bit a reader)                           writer and readers
 *   blocks 4-5    BOUNDARY (64 cells)                                            written by the writer
 *   then, for each of the 64 reader slots, three blocks:
 *   reader block  TAKEN  IN_HAND*  SCANNED*  DELIVERED*  FAILED*  LAGGED*         written by the reader
 *                 RESCUED  HEARTBEAT  SCRATCH
 *   cursor block  RELEASED  NEXT_SEQUENCE*                                       by the reader; by the writer while it
 *                                                                                holds the reader's sleeper bit
 *   shared block  WAKE  STATE  GENERATION  FILTER_VERSION                        writer and reader
 *                                                                                (* = a count, 5 cells)
 *
 * TAIL         position behind the last record that readers may read.
 * INTENT       position up to which the writer may be overwriting; raised before it writes, never lowered.
 * EPOCH        INTENT in steps of 2^30 units, stored before INTENT: tells a reader that fell 2^31 units behind.
 * FLUSHED      TAIL as of the last time sleepers were woken.
 * SPIN_BUDGET_US how long a dedicated reader may wait awake, in µs.
 * NEED         position that the lowest RELEASED has to reach before the writer can go on.
 * WRITER_WAIT  how the writer waits for NEED, see {@link WRITER_AWAKE} and its neighbours.
 * SLEEPERS     the readers that sleep or are about to; taking a bit by one atomic AND is taking charge of that reader.
 * BOUNDARY     for each 64th of the ring, the position of the first record that starts there or behind it.
 * RELEASED     position up to which the writer may overwrite: everything before it has settled.
 * TAKEN        position up to which records were copied out and may be in handlers' hands, by any life of the reader's thread.
 * IN_HAND      sequence of the event being handled, plus one; 0: none.
 * HEARTBEAT    counts turns of the thread's event loop, where somebody watches it.
 * SCRATCH      private to the reader: the target of its ordering read-modify-writes.
 * NEXT_SEQUENCE  sequence of the first record at or behind RELEASED; moves with it.
 * WAKE         AWAKE, DROWSY (announced) or ASLEEP (has looked again and found nothing).
 */

import { CACHE_LINE_BYTES } from '../memory/alignment.js';
import { COUNT_CELLS } from '../memory/cells.js';

/** Reader slots; two sleeper words of 32 bits. */
export const MAX_READERS = 64;
export const BOUNDARIES = 64;

const BLOCK = CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;

const CONSTANT_BLOCK = 0;
export const MAGIC = CONSTANT_BLOCK;
export const LAYOUT = MAGIC + 1;
export const CAPACITY_UNITS = LAYOUT + 1;
export const READERS = CAPACITY_UNITS + 1;

const WRITER_BLOCK = CONSTANT_BLOCK + BLOCK;
export const TAIL = WRITER_BLOCK;
export const INTENT = TAIL + 1;
export const EPOCH = INTENT + 1;
export const FLUSHED = EPOCH + 1;
export const WRITER_STATE = FLUSHED + 1;
export const SPIN_BUDGET_US = WRITER_STATE + 1;

const WAIT_BLOCK = WRITER_BLOCK + BLOCK;
export const NEED = WAIT_BLOCK;
export const WRITER_WAIT = NEED + 1;

const SLEEPER_BLOCK = WAIT_BLOCK + BLOCK;
export const SLEEPERS = SLEEPER_BLOCK;

const BOUNDARY_BLOCK = SLEEPER_BLOCK + BLOCK;
export const BOUNDARY = BOUNDARY_BLOCK;

const SLOT_BLOCK = BOUNDARY_BLOCK + BOUNDARIES;
const SLOT_CELLS = 3 * BLOCK;
export const CONTROL_BYTES = (SLOT_BLOCK + MAX_READERS * SLOT_CELLS) * Int32Array.BYTES_PER_ELEMENT;

/** First cell of a reader's slot; the offsets below are added to it. */
export function slotOf(reader: number): number {
  return SLOT_BLOCK + reader * SLOT_CELLS;
}

const READER_BLOCK = 0;
export const TAKEN = READER_BLOCK;
export const IN_HAND = TAKEN + 1;
export const SCANNED = IN_HAND + COUNT_CELLS;
export const DELIVERED = SCANNED + COUNT_CELLS;
export const FAILED = DELIVERED + COUNT_CELLS;
export const LAGGED = FAILED + COUNT_CELLS;
export const RESCUED = LAGGED + COUNT_CELLS;
export const HEARTBEAT = RESCUED + 1;
export const SCRATCH = HEARTBEAT + 1;

const CURSOR_BLOCK = READER_BLOCK + BLOCK;
export const RELEASED = CURSOR_BLOCK;
export const NEXT_SEQUENCE = RELEASED + 1;

const SHARED_BLOCK = CURSOR_BLOCK + BLOCK;
export const WAKE = SHARED_BLOCK;
export const STATE = WAKE + 1;
export const GENERATION = STATE + 1;
export const FILTER_VERSION = GENERATION + 1;

/**
 * MAGIC spells "ring"; LAYOUT changes with every change of what copies of the package share: this file, the descriptors of records and
 * uplinks, tables of names, counters, and what threads say to each other. `test/layout/layout-version.test.ts` lists the files.
 */
export const MAGIC_VALUE = 0x72696e67;
export const LAYOUT_VERSION = 8;

/** Values of WAKE. */
export const AWAKE = 0;
export const DROWSY = 1;
export const ASLEEP = 2;

/** Values of WRITER_WAIT: not waiting, waiting in its event loop, blocked. */
export const WRITER_AWAKE = 0;
export const WRITER_PARKED = 1;
export const WRITER_BLOCKED = 2;

/** Values of WRITER_STATE. Close is a state, not a record. */
export const OPEN = 0;
export const CLOSING = 1;
export const CLOSED = 2;

/** Values of STATE, a reader slot's life. */
export const FREE = 0;
export const GATING = 1;
export const LOSSY = 2;

/** EPOCH counts INTENT in steps of 2^30 units. */
export const EPOCH_UNITS = 2 ** 30;
