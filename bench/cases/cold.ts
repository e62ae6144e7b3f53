/** The first events that threads get, in a process that has just started: nothing of either side is compiled. */
import { inFreshProcess } from '../fresh-process.js';
import { type BenchCase, inTurns } from '../rounds.js';
import type { ColdCost, ColdSubject } from '../threads/cold-run.js';

const SUBJECTS: readonly ColdSubject[] = ['ringcast', 'postMessage', 'BroadcastChannel'];
const READERS = [1, 4];
const EVENTS = [1000, 10_000, 20_000];

function coldCase(readers: number, events: number): BenchCase {
  const benchCase = `cold/${readers}/${events}`;
  return inTurns(
    benchCase,
    { rate: 'events/s', cpu: 'ms' },
    SUBJECTS.map((name) => ({
      name,
      open: () => ({
        startsAnew: true,
        async round() {
          const cost = await inFreshProcess<ColdCost>('cold-run', [benchCase, name, readers, events]);
          return { rate: (events * 1000) / cost.elapsedMs, cpu: cost.cpuMs };
        },
        close() {},
      }),
    })),
  );
}

export const cases: readonly BenchCase[] = READERS.flatMap((readers) =>
  EVENTS.map((events) => coldCase(readers, events)),
);
