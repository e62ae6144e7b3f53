/** Delivery to a module that the owner runs for this thread, as this thread sees it: what it was told, and what memory shows. */
import type { Readable } from 'node:stream';
import { SubscriptionEndedError } from '../../errors.js';
import { unwatched } from '../../host/report.js';
import { distance } from '../../memory/position.js';
import { ASLEEP, RELEASED, slotOf, TAIL, WAKE } from '../../ring/control-descriptor.js';
import { loadCounts, NO_COUNTS } from '../../ring/reader-counters.js';
import { UNIT_BYTES } from '../../ring/record-descriptor.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import type { Delivery } from '../../subscribe/delivery.js';
import type { ModuleOptions } from '../../subscribe/subscribe-options.js';
import { type DeliveryCounts, NO_READER, type ReaderView } from '../../subscribe/subscription-stats.js';
import type { CompiledFilter } from '../../topic/filter.js';
import type { FilterFrom } from '../../worker/dispatch/filter-timeline.js';
import { PrintedOutput } from '../../worker/supervision/printed-output.js';
import type { ModuleNews } from './module-messages.js';

/** The way to the owner. */
export interface ModuleLink {
  readonly connection: string;
  /** The ring of the bus. */
  readonly memory: RingMemory;
  /** Takes what the owner has said, if that is something new. */
  hear(): void;
  /** Lets the owner stop the module at once. */
  stop(): void;
}

const NO_SLOT = -1;
const NEVER = Number.MAX_SAFE_INTEGER;

export class AskedModuleDelivery implements Delivery {
  readonly thread = 'own';
  readonly connection: string;
  readonly earlier = [];
  readonly exceptOrigins: ReadonlySet<number> = new Set();
  readonly limit = Number.POSITIVE_INFINITY;
  readonly held = 0;
  /** What it is owed, the owner counts. */
  readonly owedFrom = 0;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  reader = NO_SLOT;
  joinSequence = NEVER;
  endSequence = NEVER;
  filters: readonly FilterFrom[];
  isRestarting = false;
  readonly #name: string;
  readonly #printed: PrintedOutput;
  readonly #link: ModuleLink;
  #isStopping = false;
  #isLetGo = false;
  #restarts = 0;
  #deadLetters = 0;
  /** The sum of what was told. */
  #lagged = 0;
  #final: DeliveryCounts | undefined;
  #onReady!: () => void;
  #onNeverReady!: (error: Error) => void;
  #onEnded!: () => void;

  constructor(name: string, filter: CompiledFilter, options: ModuleOptions, link: ModuleLink) {
    this.#name = name;
    const { stdout = false, stderr = false } = options;
    this.#printed = new PrintedOutput({ stdout, stderr });
    this.connection = link.connection;
    this.#link = link;
    this.filters = [{ fromSequence: 0, filter }];
    this.ready = unwatched(
      new Promise((resolve, reject) => {
        this.#onReady = resolve;
        this.#onNeverReady = reject;
      }),
    );
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  get stdout(): Readable | undefined {
    return this.#printed.stdout;
  }

  get stderr(): Readable | undefined {
    return this.#printed.stderr;
  }

  get isBegun(): boolean {
    return this.reader !== NO_SLOT;
  }

  get isOver(): boolean {
    return this.#final !== undefined;
  }

  /** Takes what changes what it is; what happens to it is told elsewhere. */
  hear(news: ModuleNews): void {
    switch (news.is) {
      case 'begun':
        this.reader = news.slot;
        this.joinSequence = news.joinSequence;
        if (this.#isStopping) this.#link.stop();
        break;
      case 'reading':
        this.isRestarting = false;
        this.#onReady();
        break;
      case 'restarting':
        this.isRestarting = news.isRestarting;
        this.#restarts = news.restarts;
        this.#deadLetters = news.deadLetters;
        break;
      case 'lagged':
        this.#lagged += news.range.count;
        break;
      case 'let go':
        this.#isLetGo = true;
        break;
      case 'exited':
        this.#final = news.counts;
        break;
      case 'printed':
        this.#printed[news.output]?.write(news.chunk);
        break;
      case 'ended':
        this.#printed.end();
        this.#onEnded();
        break;
      default:
    }
  }

  /** It will never read. */
  neverReady(error: Error): void {
    this.#onNeverReady(error);
  }

  setFilter(filter: CompiledFilter): void {
    this.filters = [{ fromSequence: 0, filter }];
  }

  /** The owner says where it begins. */
  passBy(): void {}

  /** At once; where else it ends, the owner says. */
  stop(endSequence: number): void {
    this.endSequence = Math.min(this.endSequence, endSequence);
    if (endSequence > 0 || this.#isStopping) return;
    this.#isLetGo = true;
    this.#isStopping = true;
    // Else when the owner has begun with it.
    if (this.isBegun) this.#link.stop();
  }

  /** Nothing more is heard of it. */
  destroy(): void {
    this.#final ??= { ...this.counts(), ...NO_READER };
    this.#printed.end();
    this.#onNeverReady(new SubscriptionEndedError(this.#name, 'ended before it was ready; subscribe again'));
    this.#onEnded();
  }

  counts(): DeliveryCounts {
    if (this.#final !== undefined) return this.#final;
    const { memory } = this.#link;
    const counts = this.isBegun ? loadCounts(memory.cells, this.reader) : NO_COUNTS;
    const view = this.#viewReader();
    // Behind the look: where the slot is another's by now, the owner has said so before.
    this.#link.hear();
    if (this.#final !== undefined) return this.#final;
    const lagged = this.#lagged;
    // What the thread has counted and not told yet is told soon.
    const scanned = counts.scanned + counts.lagged - lagged;
    return { ...counts, scanned, lagged, restarts: this.#restarts, deadLetters: this.#deadLetters, ...view };
  }

  #viewReader(): ReaderView {
    return this.isBegun && !this.#isLetGo ? viewOf(this.reader, this.#link.memory) : NO_READER;
  }
}

/** What memory shows of a reader. */
export function viewOf(slot: number, { cells }: RingMemory): ReaderView {
  const unreleased = distance(cells.load(TAIL), cells.load(slotOf(slot) + RELEASED));
  return { backlogBytes: unreleased * UNIT_BYTES, asleep: cells.load(slotOf(slot) + WAKE) === ASLEEP };
}
