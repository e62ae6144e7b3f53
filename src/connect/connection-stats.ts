/** One look at everything a connection counts, on its own thread. */
import type { ConnectionParts } from './connection-parts.js';

/** Counts are since this thread connected. */
export interface ConnectionOwnStats {
  readonly name: string;
  /** Events accepted, those that nobody wanted included. */
  readonly published: number;
  /** Events accepted that no subscription wanted: they were not encoded. */
  readonly unwanted: number;
  /** Events that `tryPublish` refused because the uplink was full. */
  readonly refused: number;
  /** What waits on the heap behind a full uplink. */
  readonly pending: { readonly events: number; readonly bytes: number };
  readonly uplink: {
    readonly capacityBytes: number;
    /** Bytes that the owner's thread has not taken over. */
    readonly usedBytes: number;
  };
  /** Rings that only a safety check sent; 0 unless something is broken. */
  readonly rescued: number;
}

export function takeConnectionStats({ publisher, writer, link }: ConnectionParts): ConnectionOwnStats {
  const { accepted, unwanted, refused } = publisher.counts;
  const { queue } = publisher.order;
  return {
    name: link.hello.name,
    published: accepted,
    unwanted,
    refused,
    pending: { events: queue.length, bytes: queue.bytes },
    uplink: { capacityBytes: writer.memory.capacityBytes, usedBytes: writer.usedBytes },
    rescued: link.rescued,
  };
}
