/** What the threads of the ring's torture test agree on, without a word between them. */
import type { RingBuffers } from '../../src/ring/ring-memory.js';

export interface Traffic {
  readonly buffers: RingBuffers;
  readonly startPosition: number;
  readonly records: number;
  readonly seed: number;
}

export const TRAFFIC_READERS = 4;

/** A mix of 32 bits; the same numbers in every thread. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Who wants a record, one bit a reader: 0 everything, 1 one in seven, 2 hardly anything, 3 half. All want the last. */
export function wantsOf(sequence: number, traffic: Traffic): number {
  if (sequence === traffic.records - 1) return 2 ** TRAFFIC_READERS - 1;
  const dice = mix(sequence + traffic.seed);
  return 1 | (dice % 7 === 0 ? 2 : 0) | (dice % 9973 === 0 ? 4 : 0) | (dice & 0x10000 ? 8 : 0);
}

/** How long a record is, header included: mostly short, now and then the longest. */
export function unitsOfRecord(sequence: number, traffic: Traffic): number {
  const dice = mix(sequence ^ traffic.seed);
  if (dice % 1000 === 0) return 256;
  return 1 + ((dice >>> 8) % (dice % 50 === 0 ? 100 : 6));
}

/** Blocks the thread for a moment. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
