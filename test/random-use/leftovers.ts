/** What closed buses must not leave: threads, ports, timers (unref'd ones included), listeners on the process, memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, MessagePort, Worker } from 'node:worker_threads';
import { postUnheard } from '../../src/host/ports.js';

/** By how much the memory in use may differ between two rounds. */
const MEMORY_SLACK_BYTES = 32 * 2 ** 20;

const LOOKS = 40;
const LOOK_MS = 250;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const timer = setTimeout(() => {}, 0);
clearTimeout(timer);
// Asks once what Node tells of a closed channel. Node keeps a port of a channel that was closed with a message in it, and which
// round is the first to ask is chance.
const asked = new MessageChannel();
postUnheard(asked.port1, undefined);
asked.port1.close();

export interface Leftovers {
  readonly threads: number;
  readonly ports: number;
  readonly timers: number;
  readonly processListeners: number;
  readonly memoryBytes: number;
}

/** Counts what is there and in use. Takes a second or so: each count walks the heap. */
export function countLeftovers(): Leftovers {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    threads: queryObjects(Worker, { format: 'count' }),
    ports: queryObjects(MessagePort, { format: 'count' }),
    timers: queryObjects(timer.constructor, { format: 'count' }),
    processListeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    memoryBytes: heapUsed + arrayBuffers,
  };
}

/** What there is more of than there was, for good: threads that were ended take their time, on a busy machine a long one. */
export async function grownSince(before: Leftovers, onLook: () => void): Promise<string[]> {
  for (let looks = 1; ; looks++) {
    onLook();
    const found = [...grown(before, countLeftovers())];
    if (found.length === 0 || looks === LOOKS) return found;
    await sleep(LOOK_MS);
  }
}

function* grown(before: Leftovers, now: Leftovers): Generator<string> {
  for (const what of ['threads', 'ports', 'timers', 'processListeners'] as const) {
    if (now[what] > before[what]) yield `${what} grew from ${before[what]} to ${now[what]}`;
  }
  if (now.memoryBytes > before.memoryBytes + MEMORY_SLACK_BYTES) {
    yield `memory grew from ${before.memoryBytes} to ${now.memoryBytes} bytes`;
  }
}
