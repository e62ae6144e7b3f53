/** Delivery to a handler on a connected thread, as the thread that owns the bus sees it. */
import type { Delivery, Selection } from '../subscribe/delivery.js';
import type { DeliveryCounts } from '../subscribe/subscription-stats.js';
import { NO_READER, type ReaderView } from '../subscribe/subscription-stats.js';
import type { CompiledFilter } from '../topic/filter.js';
import { type FilterFrom, FilterTimeline } from '../worker/dispatch/filter-timeline.js';
import type { HandlerCounts } from './connection-messages.js';
import { NO_HANDLER_COUNTS, type SharedCounts } from './shared-counts.js';

/** What a remote delivery needs of the owner's side of its connection. */
export interface RemoteDeliveryHost {
  readonly connection: string;
  /** Tells the thread where the subscription ends. */
  end(endSequence: number): void;
  /** Tells the thread from where on the filter counts that it asked for. Returns the sequence below which all has settled. */
  changeFilter(fromSequence: number): number;
  view(): ReaderView;
  /** Position up to which the reader has released. */
  released(): number;
}

export class RemoteDelivery implements Delivery {
  readonly thread = 'connection';
  readonly connection: string;
  readonly reader: number;
  readonly joinSequence: number;
  readonly exceptOrigins: ReadonlySet<number>;
  /** What the thread has in hand, it has not released. */
  readonly held = 0;
  readonly isRestarting = false;
  readonly earlier = [];
  readonly ready = Promise.resolve();
  readonly ended: Promise<void>;
  readonly aside: Promise<void>;
  isAside = false;
  endSequence = Number.MAX_SAFE_INTEGER;
  readonly #host: RemoteDeliveryHost;
  readonly #many: number;
  readonly #filters: FilterTimeline;
  #shared: SharedCounts | undefined;
  #final: HandlerCounts | undefined;
  #resolveEnded!: () => void;
  #resolveAside!: () => void;

  constructor(
    reader: number,
    { filter, exceptOrigins }: Selection,
    joinSequence: number,
    many: number,
    host: RemoteDeliveryHost,
  ) {
    this.reader = reader;
    this.connection = host.connection;
    this.joinSequence = joinSequence;
    this.exceptOrigins = exceptOrigins;
    this.#many = many;
    this.#host = host;
    this.#filters = new FilterTimeline(filter);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.aside = new Promise((resolve) => {
      this.#resolveAside = resolve;
    });
  }

  get filters(): readonly FilterFrom[] {
    return this.#filters.entries;
  }

  get limit(): number {
    const { delivered, failed } = this.#counts;
    return this.#many - delivered - failed;
  }

  get owedFrom(): number {
    return this.#host.released();
  }

  /** Nothing that the owner accepts is on its way while it heeds a request. */
  passBy(): void {}

  setFilter(filter: CompiledFilter, fromSequence: number): void {
    this.#filters.change(fromSequence, filter, this.#host.changeFilter(fromSequence));
  }

  stop(endSequence: number): void {
    if (this.#final !== undefined) return;
    this.endSequence = Math.min(this.endSequence, endSequence);
    this.#host.end(this.endSequence);
  }

  /** Its thread is gone, or the bus is. */
  destroy(): void {
    this.end(this.#counts);
  }

  /** From now on what it has done is seen there. */
  countIn(shared: SharedCounts): void {
    this.#shared = shared;
  }

  /** Its handler waits for whoever would wait for it. */
  standAside(): void {
    this.isAside = true;
    this.#resolveAside();
  }

  /** Nothing is handled any more. */
  end(counts: HandlerCounts): void {
    this.#final ??= counts;
    this.#resolveEnded();
  }

  counts(): DeliveryCounts {
    const view = this.#final === undefined ? this.#host.view() : NO_READER;
    return { ...this.#counts, ...view, restarts: 0, deadLetters: 0 };
  }

  get #counts(): HandlerCounts {
    return this.#final ?? this.#shared?.load() ?? NO_HANDLER_COUNTS;
  }
}
