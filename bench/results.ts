/** What a run of the suite comes to, as it is written with `--json`. */
import type { Environment } from './environment.js';
import { median } from './statistics.js';

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
  /** One for each round, in order: sample i of two subjects of one case were measured next to each other. */
  readonly samples: readonly number[];
}

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
