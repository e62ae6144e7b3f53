/** What a subscription says of itself. */
import type { FilterInput } from '../topic/filter.js';

/** Where the handler of a subscription runs: on the thread of the bus, on one of its own, or on the thread of a connection. */
export type HandlingThread = 'bus' | 'own' | 'connection';

/**
 * What a subscription has done so far. Counts of a module's thread are at most one turn of its loop old, those of a connection's
 * a tenth of a second.
 */
export interface SubscriptionStats {
  readonly name: string;
  readonly filter: FilterInput;
  readonly thread: HandlingThread;
  /** The connection that it belongs to, by its name; not there where it was made on the thread of the bus. */
  readonly connection?: string;
  /** `restarting`: its thread ended by itself, and does not read again yet. */
  readonly state: 'starting' | 'reading' | 'restarting' | 'stopping' | 'ended';
  /** True once it was demoted from lossless to lossy. */
  readonly evicted: boolean;
  /** Events whose handler returned, or whose promise resolved. */
  readonly delivered: number;
  /** Events whose handler threw or rejected. */
  readonly failed: number;
  /**
   * Records that it missed, wanted by it or not: the sum of what its `lagged` events told. 0 unless it is lossy or was
   * evicted.
   */
  readonly lagged: number;
  /** Times that its thread was started again. */
  readonly restarts: number;
  /** Events skipped because they killed the thread three times. */
  readonly deadLetters: number;
  /**
   * Records that its reader has gone through since the subscription began, wanted by it or not. Plus `lagged`: all that were
   * written in that time, as far as the reader has come.
   */
  readonly scanned: number;
  /** Bytes of the ring that its reader still holds. */
  readonly backlogBytes: number;
  /** True while its reader sleeps until something is written that it wants. What it holds then is never in the way. */
  readonly asleep: boolean;
  /** Wake-ups that only the safety check noticed; 0 unless the wake protocol is broken. */
  readonly rescued: number;
}

export type DeliveryCounts = Omit<SubscriptionStats, 'name' | 'filter' | 'thread' | 'connection' | 'state' | 'evicted'>;

/** What the writer sees of a subscription's reader. */
export type ReaderView = Pick<SubscriptionStats, 'backlogBytes' | 'asleep'>;

/** What it sees when the reader is gone. */
export const NO_READER: ReaderView = { backlogBytes: 0, asleep: false };
