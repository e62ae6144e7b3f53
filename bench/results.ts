/** What a run of the suite comes to, as it is written with `--json`. */
import type { Environment } from './environment.js';
import { median, quantile } from './statistics.js';

export interface Result {
  /** `fan-out/object/4` */
  readonly case: string;
  /** `ringcast`, `postMessage` */
  readonly subject: string;
  /** What was measured: `rate`, `cost`, `p50`. */
  readonly metric: string;
  /** Median of `samples`. */
  readonly value: number;
  /** `events/s`, `ns`, `MiB/million` */
  readonly unit: string;
  /** One for each round, in order: samples i of two subjects of one case were measured next to each other, in one process. */
  readonly samples: readonly number[];
  /** Where every event was timed by itself: percentiles of the events of a process, in `unit`; of several processes the medians. */
  readonly percentiles?: Percentiles;
}

/** Pairs of a percentile and its value, ascending; as far up as there are events for it. */
export type Percentiles = readonly (readonly [percentile: number, value: number])[];

export interface Report {
  readonly environment: Environment;
  readonly results: readonly Result[];
  /** The same on other Nodes, where several were asked for: case by case in turns with this one. */
  readonly beside?: readonly Report[];
}

export function resultOf(
  benchCase: string,
  subject: string,
  metric: string,
  unit: string,
  samples: readonly number[],
): Result {
  return { case: benchCase, subject, metric, value: median(samples), unit, samples };
}

/** One result for each subject and metric, with what each process says of it as a sample. */
export function joined(processes: readonly (readonly Result[])[]): Result[] {
  const byName = new Map<string, Result[]>();
  for (const result of processes.flat()) {
    const alike = byName.get(nameOf(result));
    if (alike === undefined) byName.set(nameOf(result), [result]);
    else alike.push(result);
  }
  return [...byName.values()].map((alike) => {
    const samples = alike.map(({ value }) => value);
    const result = { ...alike[0]!, value: median(samples), samples };
    if (result.percentiles === undefined) return result;
    return { ...result, percentiles: mediansOf(alike.map(({ percentiles }) => percentiles!)) };
  });
}

/** Case, subject and metric. */
export function nameOf({ case: benchCase, subject, metric }: Result): string {
  return `${benchCase} ${subject} ${metric}`;
}

/** Of the percentiles that all of them have. */
function mediansOf(distributions: readonly Percentiles[]): Percentiles {
  return distributions[0]!.flatMap(([percentile]) => {
    const values = distributions.flatMap((known) =>
      known.filter(([other]) => other === percentile).map(([, value]) => value),
    );
    return values.length < distributions.length ? [] : [[percentile, median(values)] as const];
  });
}

const PERCENTILES = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99];

/** @param times of single events; not empty */
export function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = Float64Array.from(times).sort();
  // Beyond that, a percentile would be nothing but the largest value.
  const known = PERCENTILES.filter((percentile) => sorted.length * (1 - percentile / 100) >= 1);
  return known.map((percentile) => [percentile, quantile(sorted, percentile / 100)]);
}

/** A case found that what it was about to time does not do its work. */
export class VerificationError extends Error {
  constructor(benchCase: string, subject: string, message: string) {
    super(`${benchCase}, ${subject}: ${message}`);
    this.name = 'VerificationError';
  }
}

export function check(benchCase: string, subject: string, holds: boolean, message: string): void {
  if (!holds) throw new VerificationError(benchCase, subject, message);
}
