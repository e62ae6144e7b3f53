/**
 * Reports to a bus that may be long in hearing them: some wait on the port at most. Those that come meanwhile are merged
 * into one, which is sent when the bus has heard enough.
 */
import { clearInterval, setInterval } from '../host/timing.js';

/** Reports of one kind that the bus has not heard yet. */
const MAX_UNHEARD = 64;
/** Nothing else may come that would send what was kept. */
const LOOK_MS = 50;

export interface ReportEvents<R> {
  send(report: R): void;
  /** The one that says what both of them say. */
  merge(earlier: R, later: R): R;
  /** A report is kept back, to be sent as the message of that number, counted from 1. */
  onKept?(report: R, number: number): void;
}

export class Reports<R> {
  readonly #cells: Int32Array;
  readonly #heardCell: number;
  readonly #events: ReportEvents<R>;
  #sent = 0;
  #kept: R | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param heardCell counts reports that the bus has heard */
  constructor(cells: Int32Array, heardCell: number, events: ReportEvents<R>) {
    this.#cells = cells;
    this.#heardCell = heardCell;
    this.#events = events;
  }

  report(report: R): void {
    const kept = this.#kept;
    this.#kept = kept === undefined ? report : this.#events.merge(kept, report);
    this.catchUp();
    if (this.#kept === undefined) return;
    this.#events.onKept?.(this.#kept, this.#sent + 1);
    this.#timer ??= setInterval(() => this.catchUp(), LOOK_MS).unref();
  }

  /** Sends what was kept, if the bus has heard enough of what was sent. */
  catchUp(): void {
    if (this.#kept !== undefined && this.#sent - Atomics.load(this.#cells, this.#heardCell) < MAX_UNHEARD)
      this.sendAll();
  }

  /** Sends what was kept in any case: nothing comes after. */
  sendAll(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    this.#kept = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sent++;
    this.#events.send(kept);
  }
}
