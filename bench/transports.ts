/**
 * The ways to bring events from one thread to several, behind one interface. Each sends as its users do, with the
 * back-pressure that it has.
 */
import { BroadcastChannel, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { type Bus, createBus } from 'ringcast';
import { NAMESPACE } from './corpus.js';
import type { MessageReaderData } from './threads/message-reader.js';
import type { Reading } from './threads/reading.js';
import type { ReaderData } from './threads/ringcast-reader.js';
import { Tally } from './threads/tally.js';

/**
 * Unanswered messages of postMessage and BroadcastChannel. They have no back-pressure: without a bound their queues grow
 * for as long as the sender is faster, and they get slower the longer those are.
 */
const MAX_IN_FLIGHT = 4096;
/** Messages between two looks at what was received. */
const LOOK_EVERY = 256;
/** Unanswered runs of one piscina pool; the pool's own queue has no bound by default. */
const MAX_RUNS = 1024;

/** An open connection to `readers` subscriber threads. */
export interface Transport {
  readonly tally: Tally;
  /** Sends events `first` to `first + count - 1`; resolves when the last has been handed over. */
  send(first: number, count: number): Promise<void>;
  close(): Promise<void>;
}

export interface TransportKind {
  readonly name: string;
  open(readers: number): Promise<Transport>;
}

type Publish = (bus: Bus, index: number) => boolean;

/** The bus, each subscriber a module on a thread of its own; waits for `writable` whenever a publish says so. */
export function ringcast(
  reading: Reading,
  publish: Publish,
  name = 'ringcast',
  module = new URL('./threads/ringcast-reader.js', import.meta.url),
): TransportKind {
  return {
    name,
    async open(readers) {
      const tally = new Tally(readers);
      const bus = createBus({ namespace: NAMESPACE });
      const subscriptions = Array.from({ length: readers }, (_, reader) => {
        const data: ReaderData = { tally: tally.buffer, reader, reading };
        return bus.subscribe('/tasks/*', module, { data });
      });
      await Promise.all(subscriptions.map((subscription) => subscription.ready));
      return {
        tally,
        async send(first, count) {
          for (let i = first; i < first + count; i++) if (!publish(bus, i)) await bus.writable();
        },
        async close() {
          await bus.close();
        },
      };
    },
  };
}

/** `postMessage` to each worker. */
export function postMessage(name: string, reading: Reading, message: (index: number) => unknown): TransportKind {
  return {
    name,
    async open(readers) {
      const tally = new Tally(readers);
      const workers = await startWorkers(tally, reading, undefined);
      return {
        tally,
        send: (first, count) =>
          sendBounded(tally, first, count, (index) => {
            const value = message(index);
            for (const worker of workers) worker.postMessage(value);
          }),
        close: () => terminate(workers),
      };
    },
  };
}

/** One BroadcastChannel that all workers listen to. */
export function broadcastChannel(reading: Reading, message: (index: number) => unknown): TransportKind {
  return {
    name: 'BroadcastChannel',
    async open(readers) {
      const tally = new Tally(readers);
      const name = `bench-${process.pid}-${channels++}`;
      const workers = await startWorkers(tally, reading, name);
      const channel = new BroadcastChannel(name);
      return {
        tally,
        send: (first, count) => sendBounded(tally, first, count, (index) => channel.postMessage(message(index))),
        async close() {
          channel.close();
          await terminate(workers);
        },
      };
    },
  };
}

let channels = 0;

/** A pool of one thread for each subscriber, and a `run` for each event and subscriber. */
export function piscina(message: (index: number) => unknown): TransportKind {
  return {
    name: 'piscina',
    async open(readers) {
      const tally = new Tally(readers);
      const pools = Array.from(
        { length: readers },
        (_, reader) =>
          new Piscina({
            filename: new URL('./threads/piscina-reader.js', import.meta.url).href,
            minThreads: 1,
            maxThreads: 1,
            workerData: { tally: tally.buffer, reader, reading: 'bytes' } satisfies ReaderData,
          }),
      );
      return {
        tally,
        async send(first, count) {
          for (let sent = 0; sent < count; sent += MAX_RUNS) {
            const runs: Promise<unknown>[] = [];
            for (let i = first + sent; i < first + Math.min(count, sent + MAX_RUNS); i++) {
              const value = message(i);
              for (const pool of pools) runs.push(pool.run(value));
            }
            await Promise.all(runs);
          }
        },
        async close() {
          await Promise.all(pools.map((pool) => pool.destroy()));
        },
      };
    },
  };
}

async function sendBounded(tally: Tally, first: number, count: number, send: (index: number) => void): Promise<void> {
  for (let i = first; i < first + count; i++) {
    if (i % LOOK_EVERY === 0) while (i - tally.received() > MAX_IN_FLIGHT) await new Promise(setImmediate);
    send(i);
  }
}

async function startWorkers(tally: Tally, reading: Reading, channel: string | undefined): Promise<Worker[]> {
  const workers = Array.from({ length: tally.readers }, (_, reader) => {
    const workerData: MessageReaderData = { tally: tally.buffer, reader, reading, channel };
    return new Worker(new URL('./threads/message-reader.js', import.meta.url), { workerData });
  });
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  return workers;
}

async function terminate(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.terminate()));
}
