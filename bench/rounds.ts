/**
 * Rounds: the subjects of a case take turns, A B C, B C A, …, so that whatever else the machine does hits all of them, and a
 * ratio of two subjects compares neighbours.
 */
import { type Result, resultOf } from './results.js';

/** How much is measured. */
export interface Plan {
  readonly quick: boolean;
  readonly rounds: number;
  /** Time for one subject in one round; what a subject does to get ready comes on top. */
  readonly roundMs: number;
  /** Subjects that are measured. */
  readonly wants: (subject: string) => boolean;
}

/** One thing that is measured, ready and verified. */
export interface Running {
  /** One value for each metric. Throws a VerificationError when the work was not done. */
  round(roundMs: number): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void> | void;
}

export interface Subject {
  readonly name: string;
  /** Gets ready, and verifies that the subject does its work. */
  open(): Promise<Running> | Running;
}

export interface BenchCase {
  readonly name: string;
  run(plan: Plan): Promise<readonly Result[]>;
}

/** A case that measures its subjects in turns; `units` has the unit of each metric. */
export function inTurns(
  name: string,
  units: Readonly<Record<string, string>>,
  subjects: readonly Subject[],
): BenchCase {
  return { name, run: (plan) => takeTurns(name, units, subjects, plan) };
}

async function takeTurns(
  name: string,
  units: Readonly<Record<string, string>>,
  subjects: readonly Subject[],
  plan: Plan,
): Promise<readonly Result[]> {
  const running: { subject: string; measured: Running; samples: Map<string, number[]> }[] = [];
  try {
    for (const subject of subjects) {
      if (!plan.wants(subject.name)) continue;
      running.push({ subject: subject.name, measured: await subject.open(), samples: new Map() });
    }
    // A round that does not count: compilers and calibrations settle.
    for (const { measured } of running) await measured.round(plan.roundMs / 2);
    for (let round = 0; round < plan.rounds; round++) {
      for (let turn = 0; turn < running.length; turn++) {
        const { measured, samples } = running[(round + turn) % running.length]!;
        for (const [metric, value] of Object.entries(await measured.round(plan.roundMs))) {
          const values = samples.get(metric);
          if (values === undefined) samples.set(metric, [value]);
          else values.push(value);
        }
      }
    }
  } finally {
    for (const { measured } of running) await measured.close();
  }
  return running.flatMap(({ subject, samples }) =>
    [...samples].map(([metric, values]) => resultOf(name, subject, metric, units[metric]!, values)),
  );
}
