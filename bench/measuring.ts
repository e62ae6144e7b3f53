/** How much is measured, and the measuring of one case: in the process of the suite, or in one of its own. */
import type { Result } from './results.js';
import type { BenchCase, Plan } from './rounds.js';

/** A quick run and a full one differ in the number of rounds: both are draws from one distribution. With five, two may be disturbed. */
export const QUICK_ROUNDS = 5;
export const FULL_ROUNDS = 9;
const ROUND_MS = 150;

/** What is told to a process that measures a case. */
export interface Measuring {
  readonly quick: boolean;
  /** Source of the expression for the subjects. */
  readonly subject: string;
  readonly skipMissing: boolean;
  /** Which of the subjects has the first turn. */
  readonly begin?: number;
}

export function planOf({ quick, subject, skipMissing, begin = 0 }: Measuring, rounds: number): Plan {
  const wanted = new RegExp(subject);
  return {
    quick,
    rounds,
    begin,
    roundMs: ROUND_MS,
    wants: (name) => wanted.test(name),
    onMissing: skipMissing ? saySkipped : undefined,
  };
}

export async function measureCase(benchCase: BenchCase, plan: Plan): Promise<readonly Result[]> {
  try {
    return await benchCase.run(plan);
  } catch (error) {
    if (plan.onMissing === undefined) throw error;
    plan.onMissing(benchCase.name, error);
    return [];
  }
}

export function saySkipped(name: string, error: unknown): void {
  console.error(`${name} is skipped: ${error instanceof Error ? error.message : String(error)}`);
}
