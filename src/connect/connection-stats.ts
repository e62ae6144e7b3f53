/** One look at everything a connection counts, on its own thread. */
import type { SubscriptionStats } from '../subscribe/subscription-stats.js';
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
  /** Rings that only a safety check sent, and wake-ups of subscriptions; 0 unless something is broken. */
  readonly rescued: number;
  /** Those of this connection that have not ended. */
  readonly subscriptions: readonly SubscriptionStats[];
}

export function takeConnectionStats({ publisher, writer, link, asked: { all } }: ConnectionParts): ConnectionOwnStats {
  const { accepted, unwanted, refused } = publisher.counts;
  const { queue } = publisher.order;
  const subscriptions = all.map((subscription) => subscription.stats());
  return {
    name: link.hello.name,
    published: accepted,
    unwanted,
    refused,
    pending: { events: queue.events, bytes: queue.bytes },
    uplink: { capacityBytes: writer.memory.capacityBytes, usedBytes: writer.usedBytes },
    rescued: subscriptions.reduce((sum, { rescued }) => sum + rescued, link.rescued),
    subscriptions,
  };
}
