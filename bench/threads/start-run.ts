/**
 * The process of the cases `start/module` and `memory/thread`: starts threads one after another, and prints as JSON what one of them takes.
 *
 * Arguments: the subject, the number of threads.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createBus } from 'ringcast';
import { median } from '../statistics.js';

/** What one thread takes. */
export interface StartCost {
  /** Until its handler can be called, ms. */
  readonly readyMs: number;
  /** Processor time until then, of all threads, ms. */
  readonly cpuMs: number;
  /** Resident memory of the process that it adds. */
  readonly rssBytes: number;
}

export type StartSubject = 'ringcast' | 'Worker';

const starters: Readonly<Record<StartSubject, () => () => Promise<unknown>>> = {
  ringcast: () => {
    const bus = createBus();
    return () => bus.subscribe('/service/**', new URL('./start-idle-module.js', import.meta.url)).ready;
  },
  Worker: () => () => once(new Worker(new URL('./start-idle-worker.js', import.meta.url)), 'message'),
};

const [subject, threads] = process.argv.slice(2) as [StartSubject, string];
const start = starters[subject]();
// What the first thread loads on this side is no cost of a thread.
await start();
const rssBefore = process.memoryUsage.rss();
const times: number[] = [];
const cpuBefore = process.cpuUsage();
for (let i = 0; i < Number(threads); i++) {
  const begin = performance.now();
  await start();
  times.push(performance.now() - begin);
}
const rssBytes = (process.memoryUsage.rss() - rssBefore) / Number(threads);
const { user, system } = process.cpuUsage(cpuBefore);
const cost: StartCost = { readyMs: median(times), cpuMs: (user + system) / 1000 / Number(threads), rssBytes };
process.stdout.write(JSON.stringify(cost), () => process.exit());
