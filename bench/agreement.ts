/** Whether two runs of the suite say the same, each of its own figures: a quick run and a full one, say. */
import { nameOf, type Result } from './results.js';
import { median } from './statistics.js';

export interface Agreement {
  /** Case, subject and metric. */
  readonly name: string;
  /** `x ringcast`, or the unit where ringcast was measured alone. */
  readonly unit: string;
  readonly base: number;
  readonly head: number;
  /** What the larger is more than the smaller, as a share of it: 0.15 for 15 %. */
  readonly apart: number;
  readonly agrees: boolean;
  /** Whether the rounds of one run reach into those of the other: further apart, they say that by chance. */
  readonly overlaps: boolean;
}

/**
 * Compares peers as multiples of ringcast in the same run, round by round, as the suite reports them: how fast the machine was
 * that day cancels out. Where ringcast has no peer, its values are compared. What only one run has is skipped.
 *
 * @param within how far apart two figures may be that agree, as a share
 */
export function agreementOf(base: readonly Result[], head: readonly Result[], within: number): Agreement[] {
  const others = new Map(figuresOf(head).map((figure) => [`${figure.name} ${figure.unit}`, figure.rounds]));
  return figuresOf(base).flatMap(({ name, unit, rounds }) => {
    const otherRounds = others.get(`${name} ${unit}`);
    if (otherRounds === undefined) return [];
    const [value, other] = [median(rounds), median(otherRounds)];
    const apart = value === other ? 0 : Math.max(value / other, other / value) - 1;
    // A change of sign is no quotient.
    const agrees = value === other || (value * other > 0 && apart <= within);
    const overlaps = Math.min(...rounds) <= Math.max(...otherRounds) && Math.min(...otherRounds) <= Math.max(...rounds);
    return [{ name, unit, base: value, head: other, apart, agrees, overlaps }];
  });
}

interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly rounds: readonly number[];
}

function figuresOf(results: readonly Result[]): Figure[] {
  return results.flatMap((result) => {
    const alike = results.filter((other) => other.case === result.case && other.metric === result.metric);
    const ours = alike.find(({ subject }) => subject === 'ringcast');
    const name = nameOf(result);
    if (ours === undefined || alike.length === 1) return [{ name, unit: result.unit, rounds: result.samples }];
    if (ours === result) return [];
    const ratios = result.samples.map((sample, round) => sample / (ours.samples[round] ?? ours.value));
    return [{ name, unit: 'x ringcast', rounds: ratios }];
  });
}
