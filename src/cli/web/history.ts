/** What the page remembers of a bus: five minutes of samples, as the series of its charts. Runs in the browser, and in tests. */
import type { Sample } from '../../observe/serving/protocol.js';
import { rowsOf, type TopRow } from '../top/top-rows.js';

/** How long samples are kept. */
const KEPT_MS = 5 * 60_000;
/** Lines that are kept, of what has ended too: where names come and go, the oldest of these are forgotten. */
const KEPT_LINES = 500;
/** Lines of the chart of backlogs. */
export const BACKLOGS = 6;

/** Something that happened between two samples. */
export interface Mark {
  /** Seconds since 1970. */
  readonly at: number;
  readonly what: string;
}

/** One value for each of `times`; null where there was nothing to see. */
type Values = (number | null)[];

export class History {
  /** Seconds since 1970. */
  readonly times: number[] = [];
  readonly published: Values = [];
  readonly delivered: Values = [];
  readonly used: Values = [];
  readonly lagged: Values = [];
  readonly marks: Mark[] = [];
  latest: Sample | undefined;
  previous: Sample | undefined;
  /** Of what has a row or had one, by its key. */
  readonly #backlogs = new Map<string, { readonly name: string; readonly values: Values }>();
  /** Keys of the lines that are drawn: a line keeps its place, and so its colour, while it is among the highest. */
  #drawn: (string | undefined)[] = [];

  /** @param nowMs since 1970 */
  add(sample: Sample, nowMs: number): void {
    // The bus was served anew, or it is another one.
    const before = this.latest;
    const isSame = before !== undefined && before.pid === sample.pid && before.uptimeMs <= sample.uptimeMs;
    this.previous = isSame ? before : undefined;
    this.latest = sample;
    const rows = rowsOf(sample);
    const rowsBefore = new Map((this.previous === undefined ? [] : rowsOf(this.previous)).map((row) => [row.key, row]));
    const elapsed = this.previous === undefined ? 0 : (sample.uptimeMs - this.previous.uptimeMs) / 1_000;
    const perSecond = (now: number, then: number | undefined): number | null =>
      then === undefined || elapsed <= 0 ? null : Math.max(0, now - then) / elapsed;
    // Of those that were there before: one that has just begun, or ended, makes no step.
    const grown = (of: (row: TopRow) => number): number | null =>
      elapsed <= 0
        ? null
        : rows.reduce((sum, row) => {
            const then = rowsBefore.get(row.key);
            return then === undefined ? sum : sum + Math.max(0, of(row) - of(then)) / elapsed;
          }, 0);
    this.times.push(nowMs / 1_000);
    this.published.push(perSecond(sample.stats.published, this.previous?.stats.published));
    this.delivered.push(grown((row) => (row.isConnection ? 0 : row.events)));
    this.used.push(sample.stats.ring.usedBytes);
    this.lagged.push(grown(({ lagged }) => lagged));
    this.#addBacklogs(rows);
    this.#addMarks(rows, rowsBefore, nowMs);
    this.#forget(nowMs - KEPT_MS);
  }

  /** A gap in all lines: nothing was heard. */
  addGap(nowMs: number): void {
    this.times.push(nowMs / 1_000);
    for (const values of this.#all) values.push(null);
  }

  /** Whose backlog was the highest lately, in places of their own: at most {@link BACKLOGS}, `undefined` where there is none. */
  backlogs(): readonly ({ readonly name: string; readonly values: Values } | undefined)[] {
    const recent = (values: Values): number => Math.max(0, ...values.slice(-60).map((value) => value ?? 0));
    const highest = [...this.#backlogs]
      .map(([key, { values }]) => ({ key, most: recent(values) }))
      .sort((a, b) => b.most - a.most || (a.key < b.key ? -1 : 1))
      .slice(0, BACKLOGS)
      .map(({ key }) => key);
    this.#drawn = Array.from({ length: BACKLOGS }, (_, place) => {
      const key = this.#drawn[place];
      return key !== undefined && highest.includes(key) ? key : undefined;
    });
    for (const key of highest) {
      if (!this.#drawn.includes(key)) this.#drawn[this.#drawn.indexOf(undefined)] = key;
    }
    return this.#drawn.map((key) => (key === undefined ? undefined : this.#backlogs.get(key)));
  }

  get #all(): Values[] {
    const backlogs = [...this.#backlogs.values()].map(({ values }) => values);
    return [this.published, this.delivered, this.used, this.lagged, ...backlogs];
  }

  #addBacklogs(rows: readonly TopRow[]): void {
    const before = this.times.length - 1;
    for (const { key, name } of rows) {
      if (!this.#backlogs.has(key)) this.#backlogs.set(key, { name, values: Array(before).fill(null) });
    }
    const now = new Map(rows.map((row) => [row.key, row.backlogBytes]));
    for (const [key, { values }] of this.#backlogs) {
      if (this.#backlogs.size > KEPT_LINES && !now.has(key)) this.#backlogs.delete(key);
      values.push(now.get(key) ?? null);
    }
  }

  #addMarks(rows: readonly TopRow[], before: ReadonlyMap<string, TopRow>, nowMs: number): void {
    const mark = (what: string): void => void this.marks.push({ at: nowMs / 1_000, what });
    for (const row of rows) {
      const then = before.get(row.key);
      if (then === undefined) continue;
      if (row.isEvicted && !then.isEvicted) mark(`${row.name} was evicted`);
      if (row.lagged > then.lagged) mark(`${row.name} missed ${row.lagged - then.lagged} records`);
      if (row.restarts > then.restarts) mark(`the thread of ${row.name} was started again`);
    }
  }

  #forget(beforeMs: number): void {
    let old = 0;
    while ((this.times[old] ?? Number.POSITIVE_INFINITY) * 1_000 < beforeMs) old++;
    if (old === 0) return;
    this.times.splice(0, old);
    for (const values of this.#all) values.splice(0, old);
    while ((this.marks[0]?.at ?? Number.POSITIVE_INFINITY) * 1_000 < beforeMs) this.marks.shift();
    for (const [key, { values }] of this.#backlogs) {
      if (values.every((value) => value === null)) this.#backlogs.delete(key);
    }
  }
}
