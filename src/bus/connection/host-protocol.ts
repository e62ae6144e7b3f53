/** What the thread that hosts a bus and the one that asked for it say to each other. */
import type { BusHandle } from '../../connect/bus-handle.js';
import type { DisconnectReport } from '../../connect/connection-news.js';
import type { Crossed } from '../../connect/crossed-error.js';
import type { BusStats } from '../../observe/bus-stats.js';
import type { DeadLetterReport } from '../../subscribe/dead-letters.js';
import type { BusOptions } from '../bus-options.js';

/** Options that cross to another thread. */
export type HostedOptions = Omit<BusOptions, 'clock' | 'types'> & { readonly types: readonly string[] };

/** `workerData` of the thread, beside what each thread of ours is given. */
export interface HostStart {
  readonly options: HostedOptions;
}

export type ToHost =
  | { readonly kind: 'stats'; readonly id: number }
  /** Answered by `closed`; the thread ends by itself then. */
  | { readonly kind: 'close'; readonly drainTimeoutMs: number }
  /** Follows a `close`, which ends at once then. */
  | { readonly kind: 'destroy' };

export type FromHost =
  | { readonly kind: 'ready'; readonly handle: BusHandle }
  /** There is no bus; the thread ends. */
  | { readonly kind: 'refused'; readonly error: Crossed }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: BusStats }
  | { readonly kind: 'closed'; readonly undelivered: number }
  /** Events of the bus, which nobody listens to there. */
  | { readonly kind: 'error' | 'evicted'; readonly error: Crossed }
  | { readonly kind: 'deadLetter'; readonly report: Omit<DeadLetterReport, 'error'>; readonly error: Crossed }
  | { readonly kind: 'disconnect'; readonly report: DisconnectReport };
