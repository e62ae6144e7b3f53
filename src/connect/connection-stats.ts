/** What a connection counts, as its own thread and the owner see it. */
import type { SubscriptionStats } from '../subscribe/subscription-stats.js';
import type { ConnectionParts } from './connection-parts.js';

/** What `stats()` of the bus says of a connection. */
export interface ConnectionStats {
  readonly name: string;
  readonly threadId: number;
  /** Of this connection's records, 1 to 255; given to another one when it has ended. 0: it has none, and is refused when they have met. */
  readonly producer: number;
  /** Events accepted, those that nobody wanted included. */
  readonly published: number;
  /** Events among them that nobody wanted; they were not written. */
  readonly unwanted: number;
  /** Events that its `tryPublish` refused. */
  readonly refused: number;
  /** Events that wait on the thread's heap behind a full uplink. */
  readonly pending: number;
  /** For how long the first of these has waited, in ms; 0 when none does. */
  readonly pendingMs: number;
  /** Its events that are in the ring of the bus, or were not wanted any more when they came. */
  readonly received: number;
  /** Bytes of its events that are on their way. */
  readonly uplinkBytes: number;
}

/** What the connection itself says. Counts are since this thread connected. */
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
