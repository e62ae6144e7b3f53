/**
 * Tells a thread of changed filters, however long it is in hearing: some messages wait on its port at most. What is changed
 * meanwhile is kept back and sent as one message; until the thread has that, it routes nothing that was written since.
 */
import { clearInterval, setInterval } from '../../host/timing.js';
import type { FilterFrom, FilterTimeline } from '../dispatch/filter-timeline.js';
import { FILTERS_DUE, FILTERS_HEARD } from '../signals.js';
import type { FilterChange, ToThread } from '../worker-protocol.js';

const MAX_UNHEARD = 64;
const LOOK_MS = 10;

export class FilterMessages {
  readonly #filters: FilterTimeline;
  readonly #cells: Int32Array;
  readonly #post: (message: ToThread) => void;
  #sent = 0;
  /** Changes from that sequence on were kept back. */
  #keptFrom: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param filters of which the thread has the first */
  constructor(filters: FilterTimeline, cells: Int32Array, post: (message: ToThread) => void) {
    this.#filters = filters;
    this.#cells = cells;
    this.#post = post;
    const changes = filters.entries.slice(1);
    if (changes.length > 0) this.#send(changes);
  }

  /** The last filter was changed. Call it before anything is written that the new one decides. */
  changed(): void {
    const change = this.#filters.entries.at(-1)!;
    if (this.#keptFrom === undefined && this.#mayFollow()) {
      this.#send([change]);
      return;
    }
    this.#keptFrom ??= change.fromSequence;
    Atomics.store(this.#cells, FILTERS_DUE, this.#sent + 1);
    this.#timer ??= setInterval(() => this.catchUp(), LOOK_MS).unref();
    this.catchUp();
  }

  /** Sends what was kept back, if the thread has heard enough. */
  catchUp(): void {
    const keptFrom = this.#keptFrom;
    if (keptFrom === undefined || !this.#mayFollow()) return;
    this.end();
    this.#send(this.#filters.entries.filter(({ fromSequence }) => fromSequence >= keptFrom));
  }

  /** Nothing more is sent. */
  end(): void {
    this.#keptFrom = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #mayFollow(): boolean {
    return this.#sent - Atomics.load(this.#cells, FILTERS_HEARD) < MAX_UNHEARD;
  }

  #send(changes: readonly FilterFrom[]): void {
    this.#sent++;
    this.#post({ kind: 'filters', changes: changes.map(messageOf) });
  }
}

function messageOf({ filter, fromSequence }: FilterFrom): FilterChange {
  return { filter: filter.source, fromSequence };
}
