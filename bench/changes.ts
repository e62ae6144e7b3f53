/** What changed between two lists of runs, and what is noise. */
import type { Result } from './results.js';
import { median, rankTest } from './statistics.js';

/** Smaller changes are not worth a word, however certain. */
const MIN_EFFECT = 0.05;
/** Each of some fifty metrics is tested: at 5 % two would be named by chance. */
const MAX_P = 0.01;

export interface Change {
  /** Case, subject and metric. */
  readonly name: string;
  readonly unit: string;
  /** Medians of the runs. */
  readonly base: number;
  readonly head: number;
  /** (head - base) / base */
  readonly effect: number;
  readonly p: number;
  readonly changed: boolean;
}

/** Each run is the results of one process; metrics that only one side has are skipped. */
export function changesBetween(base: readonly (readonly Result[])[], head: readonly (readonly Result[])[]): Change[] {
  const baseValues = valuesByName(base);
  const headValues = valuesByName(head);
  return [...baseValues].flatMap(([name, { unit, values }]) => {
    const other = headValues.get(name);
    if (other === undefined) return [];
    const from = median(values);
    const to = median(other.values);
    const effect = from === to ? 0 : (to - from) / Math.abs(from);
    const p = rankTest(values, other.values);
    return [{ name, unit, base: from, head: to, effect, p, changed: p < MAX_P && Math.abs(effect) >= MIN_EFFECT }];
  });
}

function valuesByName(runs: readonly (readonly Result[])[]): Map<string, { unit: string; values: number[] }> {
  const byName = new Map<string, { unit: string; values: number[] }>();
  for (const result of runs.flat()) {
    const name = `${result.case} ${result.subject} ${result.metric}`;
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { unit: result.unit, values: [result.value] });
    else known.values.push(result.value);
  }
  return byName;
}
