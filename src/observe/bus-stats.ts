/** What a bus says of itself: to its own thread, and to whoever looks from outside. */

import type { CutConnections } from '../connect/connection-news.js';
import type { ConnectionStats } from '../connect/connection-stats.js';
import type { SubscriptionStats } from '../subscribe/subscription-stats.js';
import type { BridgeStats } from './bridge.js';

/** Counts are since the bus was created. */
export interface BusStats {
  /** Events accepted, those that nobody wanted included, and those that came from connections. */
  readonly published: number;
  /** Events accepted that no subscription wanted and that were not kept: they were not written. */
  readonly unwanted: number;
  /** Records written to the ring. */
  readonly written: number;
  /** Events that `tryPublish` refused because the ring was full. */
  readonly refused: number;
  /** What waits on the heap behind a full ring; also the event that a `publishSync` waits with, which is not accepted yet. */
  readonly pending: { readonly events: number; readonly bytes: number };
  readonly ring: {
    readonly capacityBytes: number;
    /** Bytes that the slowest reader has not released. */
    readonly usedBytes: number;
    /** The subscription that holds the ring, if it is not empty. */
    readonly heldBy: string | undefined;
    /** How long that has held up a waiting publisher without moving, in ms. */
    readonly stalledMs: number;
  };
  /** Notifications sent to sleeping readers. */
  readonly wakes: number;
  /** Wake-ups that only a safety check noticed, of subscriptions that have not ended; 0 unless something is broken. */
  readonly rescued: number;
  /** Subscriptions' readers made lossy because they held up the publisher for too long. */
  readonly evictions: number;
  /** Topics that have an id. */
  readonly topics: number;
  /** Those that have not ended. */
  readonly subscriptions: readonly SubscriptionStats[];
  /** Those that are attached. */
  readonly bridges: readonly BridgeStats[];
  /** Those that have not ended. */
  readonly connections: readonly ConnectionStats[];
  /** Those whose thread ended while events that it had accepted waited on its heap. */
  readonly cut: CutConnections;
}
