/** What a connected thread and the owner say to each other of modules that the thread subscribes. */

import type { DeadLetterReport } from '../../subscribe/dead-letters.js';
import type { ModuleOptions } from '../../subscribe/subscribe-options.js';
import type { DeliveryCounts } from '../../subscribe/subscription-stats.js';
import type { FilterInput } from '../../topic/filter.js';
import type { LagRange } from '../../worker/dispatch/lag.js';
import type { Crossed } from '../crossed-error.js';

/** What a module is subscribed with: said on the port before the request is written to the uplink, as JSON could not say it. */
export interface ModuleOffer {
  readonly kind: 'module';
  /** Of the subscription, by the thread's own count. */
  readonly key: number;
  readonly moduleUrl: string;
  readonly filter: FilterInput;
  /** Those that cross. */
  readonly options: ModuleOptions;
}

/** What the connection tells of its own subscriptions as a bus does of all. */
export type TellOwn = (event: 'evicted' | 'deadLetter', told: Error | DeadLetterReport) => void;

/** What has become of a module. In the order in which the owner hears of it. */
export type ModuleNews =
  /** It is subscribed: what is published from now on is weighed by its filter, also by other threads. */
  | { readonly is: 'begun'; readonly slot: number; readonly joinSequence: number }
  /** A thread has set it up. */
  | { readonly is: 'reading' }
  | { readonly is: 'never ready'; readonly error: Crossed }
  /** The change of its filter that was asked for first counts for all threads. */
  | { readonly is: 'filtered' }
  | { readonly is: 'failed'; readonly error: Crossed }
  /** Where the thread that has subscribed it wants to read that. All of it comes before the end. */
  | { readonly is: 'printed'; readonly output: 'stdout' | 'stderr'; readonly chunk: Uint8Array }
  | { readonly is: 'lagged'; readonly range: LagRange }
  | { readonly is: 'evicted'; readonly error: Crossed }
  | { readonly is: 'dead letter'; readonly report: Omit<DeadLetterReport, 'error'>; readonly error: Crossed }
  | {
      readonly is: 'restarting';
      readonly error: Crossed;
      readonly delayMs: number;
      readonly restarts: number;
      readonly deadLetters: number;
      /** False where its next thread reads already. */
      readonly isRestarting: boolean;
    }
  /** What has a sequence from there on is not delivered. */
  | { readonly is: 'ends'; readonly endSequence: number }
  /** Nothing more is delivered to it: its reader holds nothing. */
  | { readonly is: 'let go' }
  /** Its thread has exited; the slot may be another's. */
  | { readonly is: 'exited'; readonly counts: DeliveryCounts }
  | { readonly is: 'ended' };
