/** How a subscription is carried out: by what its handlers and threads have in common. */
import type { Readable } from 'node:stream';
import type { Handling } from '../publish/handling.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { FilterFrom } from '../worker/dispatch/filter-timeline.js';
import type { SequenceRange } from '../worker/dispatch/lag.js';
import type { DeliveryCounts, HandlingThread } from './subscription-stats.js';

/** What a subscription wants. */
export interface Selection {
  readonly filter: CompiledFilter;
  /** Ids of the origins whose events it does not want. */
  readonly exceptOrigins: ReadonlySet<number>;
}

/** How events get to a subscription's handler. */
export interface Delivery {
  readonly thread: HandlingThread;
  /** The connection that it is for. */
  readonly connection?: string | undefined;
  /** The reader's slot. */
  readonly reader: number;
  /** Sequences below it were accepted before the subscription. */
  readonly joinSequence: number;
  /** So were those, too; see {@link LagAccount}. */
  readonly earlier: readonly SequenceRange[];
  /** Sequences from it on are not delivered. */
  readonly endSequence: number;
  /** Ids of the origins whose events are not delivered. */
  readonly exceptOrigins: ReadonlySet<number>;
  /** What decides the records that are not delivered yet; see {@link FilterFrom}. */
  readonly filters: readonly FilterFrom[];
  /** How many events it takes at most from now on, the one in hand included. */
  readonly limit: number;
  /** Position in the ring from which the subscription has not been served; for a thread, after it has exited. */
  readonly owedFrom: number;
  /** Events from before that position that it has in hand. */
  readonly held: number;
  /** What code that deals with its events is known by, where that runs on the thread of the bus. */
  readonly handling?: Handling | undefined;
  /** What a thread prints, where that was asked for. */
  readonly stdout?: Readable | undefined;
  readonly stderr?: Readable | undefined;
  /** True while its thread, which ended by itself, does not read again yet. */
  readonly isRestarting: boolean;
  /** Resolves when the handler can be called; rejects when it never will be. */
  readonly ready: Promise<void>;
  /** Resolves when nothing is handled any more. Never rejects. */
  readonly ended: Promise<void>;
  /** Of a handler: whether it waits for those who would wait for it, and go on without it. */
  readonly isAside?: boolean;
  /** Resolves when it does. */
  readonly aside?: Promise<void>;
  /** Lets events with a sequence below `endSequence` be delivered, and no others. */
  stop(endSequence: number): void;
  /** Told, in order, of records behind the first that were accepted before the subscription, before they are written. */
  passBy(range: SequenceRange): void;
  /** Lets `filter` decide the events with a sequence from `fromSequence` on. */
  setFilter(filter: CompiledFilter, fromSequence: number): void;
  /** Ends it at once, handlers in other threads included. */
  destroy(): void;
  counts(): DeliveryCounts;
}
