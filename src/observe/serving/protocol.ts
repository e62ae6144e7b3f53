/**
 * What is said about a bus that serves its statistics: between its thread and the small thread that answers, and on the socket.
 *
 * On the socket: one JSON object per line. The client asks with `{"v":1,"intervalMs":1000}`, once; the server answers with a
 * {@link Sample} at once, and then one per interval. An interval of 0 asks for one sample.
 */
import type { ConnectionStats } from '../../connect/connection-stats.js';
import type { SubscriptionStats } from '../../subscribe/subscription-stats.js';
import type { BusStats } from '../bus-stats.js';
import type { BusHealth } from '../health.js';

export const PROTOCOL_VERSION = 1;

/** A subscription, and how long it has not moved although it has something unread. */
export interface SampledSubscription extends SubscriptionStats {
  readonly stuckMs: number;
}

/** One look from outside. */
export interface Sample {
  readonly v: typeof PROTOCOL_VERSION;
  readonly pid: number;
  readonly name: string;
  readonly node: string;
  readonly uptimeMs: number;
  /** How long the event loop of the bus's thread has not turned, as far as that was noticed; 0: it turns. */
  readonly blockedMs: number;
  readonly stats: Omit<BusStats, 'subscriptions'> & { readonly subscriptions: readonly SampledSubscription[] };
  readonly health: BusHealth;
}

/** A subscription as the bus's thread tells of it. */
export interface ServedSubscription {
  readonly id: number;
  /** The slot of its reader. */
  readonly reader: number;
  /** Whether that was lossless then. */
  readonly gates: boolean;
  readonly stats: SubscriptionStats;
}

/** A connection as the bus's thread tells of it. */
export interface ServedConnection {
  readonly stats: ConnectionStats;
  /** What its thread counts. */
  readonly counters: SharedArrayBuffer;
  /** The control cells of its uplink. */
  readonly uplink: SharedArrayBuffer;
}

/** All that the bus's thread knows. */
export interface Snapshot {
  readonly stats: Omit<BusStats, 'subscriptions' | 'connections'>;
  readonly subscriptions: readonly ServedSubscription[];
  readonly connections: readonly ServedConnection[];
  readonly closing: 'closing' | 'closed' | undefined;
}

/** What the answering thread begins with. */
export interface ServingStart {
  readonly path: string;
  readonly name: string;
  /** Whether the folder of the socket is the one that is made for such sockets. */
  readonly makesFolder: boolean;
  /** One cell: 1 once the process ends and removes the socket, which is not to be made again then. */
  readonly ending: SharedArrayBuffer;
  /** By the clock of the process. */
  readonly startedMs: number;
  /** The ring's control cells. */
  readonly control: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly snapshot: Snapshot;
}

export type ToServer =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'started'; readonly subscription: ServedSubscription }
  | { readonly kind: 'ended'; readonly id: number }
  | { readonly kind: 'close' };

export type FromServer =
  /** Also when the socket was made again. */
  | { readonly kind: 'listening'; readonly inode: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Asks for a snapshot; how long that takes says whether the loop turns. */
  | { readonly kind: 'look' };
