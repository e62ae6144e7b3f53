/**
 * The control cells of an uplink: the ring of one connection, with one writer and one reader. Its first blocks are those of any
 * ring (`control-descriptor.ts`), with one reader slot: that of the thread that owns the bus. Behind them, blocks 128 bytes
 * apart as there:
 *
 *   owner block   OWNER  VERSION  BOUND  SEAL                      written by the owner; OWNER and SEAL by both, see below
 *   thread block  LEAVING  QUEUED  WAITING (2 cells)  WAITS        written by the connected thread
 *
 * OWNER         what the owner is at, bits. OWNER_ASLEEP: it looks at this uplink only when it is rung for; set by the owner,
 *               taken back by whoever rings, or by the owner. OWNER_CLOSING: the bus is closing. OWNER_ENDED: nothing is taken
 *               over any more, all that counts was. Both stay.
 * VERSION       counts what the owner has told the thread: filters, ids, the end. Stored behind the message that it counts.
 * BOUND         TAIL as the owner found it when it sealed the uplink.
 * SEAL          SEALED: of a closing bus, what lies before BOUND counts and nothing else. Above that bit, the thread counts the
 *               records that it has written since it saw the bus closing. Changed by compare-and-exchange alone.
 * LEAVING       the thread writes nothing more.
 * QUEUED        accepted events that wait on the thread's heap.
 * WAITING       readers of the thread that do not go on before there is room in the uplink, one bit each.
 * WAITS         counts changes of WAITING. Stored behind them.
 */
import { CACHE_LINE_BYTES } from '../memory/alignment.js';
import { slotOf } from './control-descriptor.js';

const BLOCK = CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** The reader's slot of the owner. */
export const OWNER_SLOT = 0;

const OWNER_BLOCK = slotOf(OWNER_SLOT + 1);
export const OWNER = OWNER_BLOCK;
export const VERSION = OWNER + 1;
export const BOUND = VERSION + 1;
export const SEAL = BOUND + 1;

const THREAD_BLOCK = OWNER_BLOCK + BLOCK;
export const LEAVING = THREAD_BLOCK;
export const QUEUED = LEAVING + 1;
export const WAITING = QUEUED + 1;
export const WAITS = WAITING + 2;

export const UPLINK_CONTROL_BYTES = (THREAD_BLOCK + BLOCK) * Int32Array.BYTES_PER_ELEMENT;

/** Bits of OWNER. */
export const OWNER_ASLEEP = 1;
export const OWNER_CLOSING = 2;
export const OWNER_ENDED = 4;

/** In SEAL: the owner's bit, and what the thread counts by. */
export const SEALED = 1;
export const CLAIM = 2;
