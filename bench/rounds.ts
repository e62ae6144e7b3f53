/**
 * Rounds: the subjects of a case take turns, A B C, B C A, …, so that whatever else the machine does hits all of them, and a
 * ratio of two subjects compares neighbours.
 */
import { percentilesOf, type Result, resultOf } from './results.js';

/** A subject has settled when for that long no round was better than the best before by more than that factor. */
const SETTLED_MS = 200;
const BETTER = 1.05;
const SETTLING_ROUND_MS = 50;
const MAX_SETTLING_MS = 2000;

/** How much is measured. */
export interface Plan {
  readonly quick: boolean;
  /** Rounds in this process. */
  readonly rounds: number;
  /** Which subject has the first turn; default 0, the first. Each round begins with the one after. */
  readonly begin?: number;
  /** Time for one subject in one round; what a subject does to get ready comes on top. */
  readonly roundMs: number;
  /** Subjects that are measured. */
  readonly wants: (subject: string) => boolean;
  /** Told of a subject that does not get ready, which is skipped; without it, the case fails. */
  readonly onMissing?: ((name: string, error: unknown) => void) | undefined;
}

/** One thing that is measured, ready and verified. */
export interface Running {
  /** Each round measures something that has just started: there is nothing to warm up. */
  readonly startsAnew?: boolean;
  /** One value for each metric. Throws a VerificationError when the work was not done. */
  round(roundMs: number): Promise<Readonly<Record<string, number>>>;
  /** Every event of the last round, timed by itself: what is the distribution of a metric. */
  readonly events?: { readonly metric: string; times(): Iterable<number> };
  close(): Promise<void> | void;
}

export interface Subject {
  readonly name: string;
  /** Gets ready, and verifies that the subject does its work. Undefined where the machine lacks what it needs. */
  open(): Promise<Running> | Running | undefined;
}

export interface BenchCase {
  readonly name: string;
  /** One process says all there is to know, and takes its time: further rounds do without. */
  readonly once?: boolean;
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
  const running: { subject: string; measured: Running; samples: Map<string, number[]>; times: number[] }[] = [];
  try {
    for (const subject of subjects) {
      if (!plan.wants(subject.name)) continue;
      const measured = await openOrSkip(name, subject, plan);
      if (measured !== undefined) running.push({ subject: subject.name, measured, samples: new Map(), times: [] });
    }
    for (const { measured } of running) await settle(measured, units);
    for (let round = 0; round < plan.rounds; round++) {
      for (let turn = 0; turn < running.length; turn++) {
        const { measured, samples, times } = running[((plan.begin ?? 0) + round + turn) % running.length]!;
        for (const [metric, value] of Object.entries(await measured.round(plan.roundMs))) {
          const values = samples.get(metric);
          if (values === undefined) samples.set(metric, [value]);
          else values.push(value);
        }
        for (const time of measured.events?.times() ?? []) times.push(time);
      }
    }
  } finally {
    for (const { measured } of running) await measured.close();
  }
  return running.flatMap(({ subject, samples, measured, times }) =>
    [...samples].map(([metric, values]) => {
      const result = resultOf(name, subject, metric, units[metric]!, values);
      return metric === measured.events?.metric ? { ...result, percentiles: percentilesOf(times) } : result;
    }),
  );
}

/** Rounds that do not count, until the compilers are done with it. A round that takes long, whatever it is given, counts as such. */
async function settle(measured: Running, units: Readonly<Record<string, string>>): Promise<void> {
  if (measured.startsAnew) return;
  const best = new Map<string, number>();
  let sinceBetterMs = 0;
  for (let elapsedMs = 0; elapsedMs < MAX_SETTLING_MS && sinceBetterMs < SETTLED_MS; ) {
    const startMs = performance.now();
    const values = await measured.round(SETTLING_ROUND_MS);
    const tookMs = Math.max(SETTLING_ROUND_MS, performance.now() - startMs);
    elapsedMs += tookMs;
    sinceBetterMs += tookMs;
    for (const [metric, value] of Object.entries(values)) {
      // Of rates more is better, of times less.
      const score = units[metric]!.endsWith('/s') ? value : 1 / value;
      const before = best.get(metric) ?? 0;
      if (score > before) best.set(metric, score);
      if (score > before * BETTER) sinceBetterMs = 0;
    }
  }
}

async function openOrSkip(benchCase: string, subject: Subject, plan: Plan): Promise<Running | undefined> {
  try {
    return await subject.open();
  } catch (error) {
    if (plan.onMissing === undefined) throw error;
    plan.onMissing(`${benchCase} ${subject.name}`, error);
    return undefined;
  }
}
