/** Round after round of threads that use a bus together, until the time is up or a law is broken. */
import { countLeftovers, grownSince, type Leftovers } from './leftovers.js';
import { type ThreadsResult, ThreadsRound } from './threads-round.js';
import { Watchdog } from './watchdog.js';

export interface ThreadsOptions {
  readonly seed: number;
  /** The first round; default 0. */
  readonly round?: number;
  readonly durationMs: number;
  /** At least, however long they take; and at most. */
  readonly minRounds?: number;
  readonly rounds?: number;
  readonly onRound?: (round: number, result: ThreadsResult) => void;
}

export interface ThreadsReport extends ThreadsResult {
  readonly seed: number;
  readonly rounds: number;
}

const PATIENCE_MS = 60_000;
const NOTHING: Omit<ThreadsResult, 'faults'> = {
  ...{ events: 0, listed: 0, deliveries: 0, subscriptions: 0, threads: 0, killed: 0, restarts: 0, evictions: 0 },
};

export async function useFromThreads(options: ThreadsOptions): Promise<ThreadsReport> {
  const { seed, round: first = 0, minRounds = 1, rounds: most = Number.POSITIVE_INFINITY } = options;
  const sums: Record<string, number> = { ...NOTHING };
  const endMs = performance.now() + options.durationMs;
  let faults: readonly string[] = [];
  let rounds = 0;
  let before: Leftovers | undefined;
  let current: ThreadsRound | undefined;
  const watchdog = new Watchdog(PATIENCE_MS, () => current?.state ?? '');
  try {
    while (faults.length === 0 && rounds < most && (rounds < minRounds || performance.now() < endMs)) {
      const number = first + rounds;
      watchdog.tell(`seed ${seed}, round ${number} of threads`);
      current = new ThreadsRound(seed, number, () => watchdog.beat());
      const result = await current.run();
      // Or what it made would be counted as left.
      current = undefined;
      rounds++;
      for (const key of Object.keys(NOTHING) as (keyof typeof NOTHING)[]) sums[key]! += result[key];
      ({ faults } = result);
      options.onRound?.(number, result);
      // Not before the first round: it loads what stays.
      before ??= countLeftovers();
    }
    if (before !== undefined && faults.length === 0) faults = await grownSince(before, () => watchdog.beat());
  } finally {
    await watchdog.stop();
  }
  return { seed, rounds, faults, ...(sums as unknown as Omit<ThreadsResult, 'faults'>) };
}
