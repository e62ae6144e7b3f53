/**
 * What a thread and the bus count for each other during one life of the thread: messages heard. Each side may be long in
 * hearing, and the other one sends again and again: of every kind a few messages wait at most.
 *
 * None of the cells orders anything, unless it says so: a count that is seen late only keeps a message back a little longer.
 */
import { KEPT_LAG_BYTES } from './kept-lag.js';

/** Counted by the bus. */
export const FAILURES_HEARD = 0;
export const LAGS_HEARD = 1;
export const ROOMS_HEARD = 2;
/** Counted by the thread. */
export const WAKES_HEARD = 3;
export const FILTERS_HEARD = 4;
/** Stored by the bus: messages about filters that the thread has to have heard before it routes what was written since. */
export const FILTERS_DUE = 5;
/** Stored by the thread: 1 when its module is set up and it reads. */
export const READY = 6;

/** A multiple of eight bytes: the gaps that were not told lie behind. */
const SIGNAL_CELLS = 8;

export function allocateSignals(): SharedArrayBuffer {
  return new SharedArrayBuffer(SIGNAL_CELLS * Int32Array.BYTES_PER_ELEMENT + KEPT_LAG_BYTES);
}

export function signalCells(signals: SharedArrayBuffer): Int32Array {
  return new Int32Array(signals, 0, SIGNAL_CELLS);
}
