/** What is known of one subscription: on what terms it was made, what it is owed by them, what it got, and what it was told. */

import type { Subscription } from '../../src/index.js';
import type { LagRange } from '../../src/worker/dispatch/lag.js';
import { originOf } from './events.js';
import { type Receipt, SharedReceipts } from './receipts.js';
import type { Entry, Place } from './reference.js';
import type { Temper } from './temper.js';
import { FILTERS, type KnownFilter } from './topics.js';

/** How a subscription is consumed. */
export type Form = 'handler' | 'isolated' | 'stream' | 'pulled' | 'next' | 'thread' | 'batches';

export interface Terms {
  readonly form: Form;
  readonly lossy: boolean;
  /** Index of its first filter. */
  readonly filter: number;
  /** Origins whose events it does not want. */
  readonly except?: readonly string[];
  /** Events that it gets at most. */
  readonly limit?: number | undefined;
  /** The thread is not started again. */
  readonly diesOnce?: boolean;
  readonly temper?: Temper;
}

interface FilterFrom {
  readonly from: number;
  readonly filter: KnownFilter;
}

export class Account {
  readonly name: string;
  readonly terms: Terms;
  readonly inThread: boolean;
  readonly shared: SharedReceipts | undefined;
  subscription: Subscription | undefined;
  /** The part of the list that it is owed something of. */
  join = Number.POSITIVE_INFINITY;
  endsAt = Number.POSITIVE_INFINITY;
  readonly #filters: FilterFrom[] = [];
  /** Sequences before `join` that it is owed all the same: of events that were being encoded when it was made. */
  readonly #early = new Set<number>();
  /** Sequences of events that it may get or not: those of dead letters while the bus is closed. */
  readonly doubtful = new Set<number>();
  /** Stopped without drain, by anybody, or aborted. */
  cutOff = false;
  /** Receipts at that time. */
  receiptsAtCut = 0;
  /** Nothing is handled any more. */
  over = false;
  /** Of `next`: aborted, or out of time. */
  endedEarly = false;
  /** Of a stream that is read by hand: reads so far. */
  asked = 0;
  /** Its thread ended and was not started again. */
  gaveUp = false;
  readonly #receipts: Receipt[] = [];
  /** Handlers that returned, or whose promise resolved; those that failed. */
  delivered = 0;
  failed = 0;
  failuresTold = 0;
  readonly told: LagRange[] = [];
  evictions = 0;
  restarts = 0;
  /** Sequences of events that were skipped because the thread died of them. */
  readonly skipped = new Set<number>();

  constructor(name: string, terms: Terms) {
    this.name = name;
    this.terms = terms;
    this.inThread = terms.form === 'thread' || terms.form === 'batches';
    this.shared = this.inThread ? new SharedReceipts(20_000) : undefined;
    this.#filters.push({ from: 0, filter: FILTERS[terms.filter]! });
  }

  /** Whether the bus has to write what is published on a topic that it wants. */
  get isActive(): boolean {
    return this.subscription?.active === true && !this.gaveUp;
  }

  /** Whether some event on a topic that came in at an origin is selected. */
  wants(topic: string, origin: string | undefined): boolean {
    return this.#filters.at(-1)!.filter.wants(topic) && !this.#excepts(origin);
  }

  #excepts(origin: string | undefined): boolean {
    return origin !== undefined && this.terms.except?.includes(origin) === true;
  }

  readonly joined = ({ next, inFlight }: Place): void => {
    this.join = next;
    for (const sequence of inFlight) this.#early.add(sequence);
  };

  /** It was stopped with `drain`: an event that is being encoded then comes before what was accepted meanwhile. */
  readonly drained = ({ next }: Place): void => {
    this.endsAt = Math.min(this.endsAt, next);
  };

  /** It was stopped without. */
  cut(): void {
    if (this.cutOff) return;
    this.cutOff = true;
    this.receiptsAtCut = this.#receipts.length;
  }

  refilter(from: number, filter: number): void {
    this.#filters.push({ from, filter: FILTERS[filter]! });
  }

  receive(receipt: Receipt): void {
    this.#receipts.push(receipt);
  }

  get receipts(): readonly Receipt[] {
    return this.shared?.read() ?? this.#receipts;
  }

  get received(): number {
    return this.shared?.count ?? this.#receipts.length;
  }

  /** Whether an event is owed, by its filter at that place. */
  selects(sequence: number, entry: Entry): boolean {
    const { filter } = this.#filters.findLast(({ from }) => from <= sequence)!;
    return filter.selects(entry) && !this.#excepts(originOf(entry.id)) && entry.causedBy !== this.name;
  }

  /** How many records from `first` up to `next` were accepted while it was in force, wanted or not. */
  countOwn(first: number, next: number): number {
    let count = Math.max(0, Math.min(next, this.endsAt) - Math.max(first, this.join));
    for (const sequence of this.#early) if (sequence >= first && sequence < next && sequence < this.join) count++;
    return count;
  }

  /** The first sequence that it is owed something of. */
  get begin(): number {
    return Math.min(this.join, ...this.#early);
  }

  /** Whether a sequence lies in its part of the list. */
  covers(sequence: number): boolean {
    return (sequence >= this.join || this.#early.has(sequence)) && sequence < this.endsAt;
  }

  /** Sequences of what it is owed, apart from what is doubtful, and whatever its limit is. */
  owed(log: readonly Entry[]): number[] {
    const owed: number[] = [];
    for (const [sequence, entry] of log.entries()) {
      if (this.covers(sequence) && !this.doubtful.has(sequence) && this.selects(sequence, entry)) owed.push(sequence);
    }
    return owed;
  }
}
