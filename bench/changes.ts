/** What changed between two lists of runs, and what is noise. */
import { joined, nameOf, type Result } from './results.js';
import { rankTest } from './statistics.js';

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
  const others = new Map(joined(head).map((result) => [nameOf(result), result]));
  return joined(base).flatMap((result) => {
    const name = nameOf(result);
    const other = others.get(name);
    if (other === undefined) return [];
    const [from, to] = [result.value, other.value];
    const effect = from === to ? 0 : (to - from) / Math.abs(from);
    const p = rankTest(result.samples, other.samples);
    const changed = p < MAX_P && Math.abs(effect) >= MIN_EFFECT;
    return [{ name, unit: result.unit, base: from, head: to, effect, p, changed }];
  });
}
