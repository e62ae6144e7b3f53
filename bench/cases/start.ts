/** What starts take, each in processes of their own: a subscriber thread, and a bus until its first event has arrived. */
import { inFreshProcess } from '../fresh-process.js';
import { type BenchCase, inTurns } from '../rounds.js';
import type { BusCost } from '../threads/bus-run.js';
import type { FirstEventSubject } from '../threads/first-event-run.js';
import type { StartCost, StartSubject } from '../threads/start-run.js';

const STARTED: readonly StartSubject[] = ['ringcast', 'Worker'];
const FIRST_EVENTS: readonly FirstEventSubject[] = ['ringcast', 'ringcast-handler', 'postMessage', 'BroadcastChannel'];
const THREADS = 4;
const MIB = 2 ** 20;

function fresh<S extends string>(
  name: string,
  units: Readonly<Record<string, string>>,
  subjects: readonly S[],
  measure: (subject: S) => Promise<Readonly<Record<string, number>>>,
): BenchCase {
  return inTurns(
    name,
    units,
    subjects.map((subject) => ({
      name: subject,
      open: () => ({ startsAnew: true, round: () => measure(subject), close() {} }),
    })),
  );
}

const startThreads = (subject: StartSubject): Promise<StartCost> => inFreshProcess('start-run', [subject, THREADS]);

export const cases: readonly BenchCase[] = [
  fresh('start/module', { ready: 'ms', cpu: 'ms' }, STARTED, async (subject) => {
    const { readyMs, cpuMs } = await startThreads(subject);
    return { ready: readyMs, cpu: cpuMs };
  }),
  fresh('start/first-event', { arrived: 'ms' }, FIRST_EVENTS, async (subject) => ({
    arrived: await inFreshProcess<number>('first-event-run', [subject]),
  })),
  fresh('memory/thread', { memory: 'MiB' }, STARTED, async (subject) => ({
    memory: (await startThreads(subject)).rssBytes / MIB,
  })),
  fresh('memory/bus', { memory: 'MiB' }, ['ringcast'], async () => ({
    memory: (await inFreshProcess<BusCost>('bus-run', [])).rssBytes / MIB,
  })),
];
