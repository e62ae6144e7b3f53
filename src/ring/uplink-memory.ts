/** The memory of an uplink: allocated by the connecting thread, attached by the thread that owns the bus. */
import { AtomicCells } from '../memory/cells.js';
import { allocateShared } from '../memory/shared-buffer.js';
import * as record from './record-descriptor.js';
import { initializeControl, offsetOf, type RingBuffers, type RingMemory } from './ring-memory.js';
import { UPLINK_CONTROL_BYTES } from './uplink-descriptor.js';

/** The smallest uplink: that of the smallest bus. */
export const MIN_UPLINK_BYTES = 64 * 1024;

/** Allocates an uplink; `capacityBytes` is a power of two from {@link MIN_UPLINK_BYTES}. */
export function allocateUplink(capacityBytes: number, startPosition = 0): RingBuffers {
  const buffers = { control: allocateShared(UPLINK_CONTROL_BYTES), records: allocateShared(capacityBytes) };
  initializeControl(new AtomicCells(buffers.control), capacityBytes, startPosition);
  return buffers;
}

/** Events in an uplink from one position to another, both wide. */
export function countEvents({ words, capacityBytes }: RingMemory, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; ) {
    const word = offsetOf(at, capacityBytes) >> 2;
    if ((words[word + record.KIND_WORD]! & record.KIND_MASK) === record.EVENT_RECORD) count++;
    at += record.unitsOf(words[word + record.LENGTH_WORD]!);
  }
  return count;
}
