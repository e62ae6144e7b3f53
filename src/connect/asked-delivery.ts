/**
 * Delivery to a handler on a connected thread, on that thread: asked for, and carried out from when the owner has said with which
 * reader and from where on.
 */
import { AsyncResource } from 'node:async_hooks';
import { SubscriptionEndedError } from '../errors.js';
import { unwatched } from '../host/report.js';
import type { Delivery } from '../subscribe/delivery.js';
import type { HandlerDelivery } from '../subscribe/handler-delivery.js';
import type { LocalReader } from '../subscribe/local-reader.js';
import { type DeliveryCounts, NO_READER } from '../subscribe/subscription-stats.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { FilterFrom } from '../worker/dispatch/filter-timeline.js';
import { NO_HANDLER_COUNTS } from './shared-counts.js';

/** Begins a delivery with what the owner has said. */
export type BeginDelivery = (
  reader: LocalReader,
  joinSequence: number,
  exceptOrigins: ReadonlySet<number>,
) => HandlerDelivery;

const NO_SLOT = -1;
const NO_ORIGINS: ReadonlySet<number> = new Set();
const NEVER = Number.MAX_SAFE_INTEGER;

export class AskedDelivery implements Delivery {
  readonly thread = 'connection';
  readonly connection: string;
  readonly isRestarting = false;
  readonly earlier = [];
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  /** Resolves when its handler stands aside, or when it has ended. */
  readonly aside: Promise<void>;
  readonly #name: string;
  readonly #filter: CompiledFilter;
  readonly #begin: BeginDelivery;
  /** Handlers run in the async context of their `subscribe` call. */
  readonly #context = new AsyncResource('RINGCAST_SUBSCRIPTION');
  #inner: HandlerDelivery | undefined;
  /** Filters that it has asked for, of which the owner has not said from where on they count. */
  #asked: CompiledFilter[] = [];
  #isOver = false;
  #onReady!: () => void;
  #onNeverReady!: (error: Error) => void;
  #onEnded!: () => void;
  #onAside!: () => void;

  constructor(connection: string, name: string, filter: CompiledFilter, begin: BeginDelivery) {
    this.connection = connection;
    this.#name = name;
    this.#filter = filter;
    this.#begin = begin;
    this.ready = unwatched(
      new Promise((resolve, reject) => {
        this.#onReady = resolve;
        this.#onNeverReady = reject;
      }),
    );
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    this.aside = new Promise((resolve) => {
      this.#onAside = resolve;
    });
    void this.ended.then(this.#onAside);
  }

  /** The owner has granted it. False where it has ended meanwhile. */
  grant(reader: LocalReader, joinSequence: number, exceptOrigins: ReadonlySet<number>): boolean {
    if (this.#isOver) return false;
    const inner = this.#context.runInAsyncScope(this.#begin, undefined, reader, joinSequence, exceptOrigins);
    this.#inner = inner;
    void inner.ended.then(() => this.#end());
    void inner.aside.then(this.#onAside);
    this.#onReady();
    return true;
  }

  /** It cannot be carried out. */
  deny(error: Error): void {
    this.#onNeverReady(error);
    this.#end();
  }

  get isGranted(): boolean {
    return this.#inner !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get reader(): number {
    return this.#inner?.reader ?? NO_SLOT;
  }

  get joinSequence(): number {
    return this.#inner?.joinSequence ?? NEVER;
  }

  get endSequence(): number {
    return this.#inner?.endSequence ?? NEVER;
  }

  get exceptOrigins(): ReadonlySet<number> {
    return this.#inner?.exceptOrigins ?? NO_ORIGINS;
  }

  get handling(): HandlerDelivery['handling'] | undefined {
    return this.#inner?.handling;
  }

  get limit(): number {
    return this.#inner?.limit ?? 0;
  }

  get owedFrom(): number {
    return this.#inner?.owedFrom ?? 0;
  }

  get held(): number {
    return this.#inner?.held ?? 0;
  }

  get filters(): readonly FilterFrom[] {
    const settled = this.#inner?.filters ?? [{ fromSequence: 0, filter: this.#filter }];
    return [...settled, ...this.#asked.map((filter) => ({ filter, fromSequence: NEVER }))];
  }

  /** The owner was asked to let `filter` count. */
  askFilter(filter: CompiledFilter): void {
    this.#asked.push(filter);
  }

  /** The first filter that was asked for counts from there on. */
  filterCounts(fromSequence: number): void {
    this.setFilter(this.#asked.shift()!, fromSequence);
  }

  /** The owner says where it begins. */
  passBy(): void {}

  setFilter(filter: CompiledFilter, fromSequence: number): void {
    if (!this.#isOver) this.#inner?.setFilter(filter, fromSequence);
  }

  stop(endSequence: number): void {
    if (this.#inner !== undefined) this.#inner.stop(endSequence);
    else this.#cancel();
  }

  destroy(): void {
    if (this.#inner !== undefined) this.#inner.destroy();
    else this.#cancel();
  }

  counts(): DeliveryCounts {
    return this.#inner?.counts() ?? { ...NO_HANDLER_COUNTS, ...NO_READER, restarts: 0, deadLetters: 0 };
  }

  #cancel(): void {
    this.#onNeverReady(new SubscriptionEndedError(this.#name, 'ended before it was ready; subscribe again'));
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#onEnded();
  }
}
