/**
 * The process of the case `start/first-event`: has one subscriber, sends it one event, and prints the ms from the start of the
 * process until it has arrived. What a subject does not use is not loaded.
 *
 * Argument: the subject.
 */
import { once } from 'node:events';
import { BroadcastChannel, Worker } from 'node:worker_threads';

export type FirstEventSubject = 'ringcast' | 'ringcast-handler' | 'postMessage' | 'BroadcastChannel';

const TOPIC = '/tasks/exit';
const event = { containerId: 'a', pid: 1, exitStatus: 0 };
const echo = new URL('./first-event-thread.js', import.meta.url);

/** Starts a bare thread, which tells of the event by the channel that brought it. */
async function bareThread(): Promise<Worker> {
  const worker = new Worker(echo);
  await once(worker, 'message');
  return worker;
}

/** Each resolves when the event has arrived. */
const subjects: Readonly<Record<FirstEventSubject, () => Promise<unknown>>> = {
  async ringcast() {
    const { createBus } = await import('ringcast');
    const arrived = new SharedArrayBuffer(4);
    const bus = createBus();
    bus.subscribe(TOPIC, new URL('./first-event-module.js', import.meta.url), { data: arrived });
    bus.publish(TOPIC, event);
    const cells = new Int32Array(arrived);
    const waiting = Atomics.waitAsync(cells, 0, 0);
    return waiting.value;
  },
  async 'ringcast-handler'() {
    const { createBus } = await import('ringcast');
    const bus = createBus();
    return new Promise((resolve) => {
      bus.subscribe(TOPIC, resolve);
      bus.publish(TOPIC, event);
    });
  },
  async postMessage() {
    const worker = await bareThread();
    worker.postMessage({ topic: TOPIC, event });
    return once(worker, 'message');
  },
  async BroadcastChannel() {
    const worker = await bareThread();
    new BroadcastChannel('first-event').postMessage({ topic: TOPIC, event });
    return once(worker, 'message');
  },
};

await subjects[process.argv[2] as FirstEventSubject]();
process.stdout.write(JSON.stringify(performance.now()), () => process.exit());
