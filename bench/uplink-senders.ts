/** The ways to bring events from other threads to this one. Each sends as its users do, with the back-pressure that it has. */
import { BroadcastChannel, MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Bus } from 'ringcast';
import type { UplinkSenderData } from './threads/uplink-sender.js';

/** Messages between two times that a sender is told how many have arrived. */
const TELL_EVERY = 64;
/** Unanswered runs of a piscina pool; the pool's own queue has no bound by default. */
const MAX_RUNS = 1024;

/** Threads that send. */
export interface Senders {
  readonly threads: number;
  /** Lets each of them send events 0 to `count - 1`. */
  send(count: number): void;
  close(): Promise<void>;
}

type Receive = (message: unknown) => void;

/** Starts `threads` threads; `start` says what one is given, and what has to be moved there. */
async function startThreads(
  threads: number,
  start: (received: Int32Array) => { data: Omit<UplinkSenderData, 'received'>; port?: MessagePort },
  onMessage: (received: Int32Array) => Receive,
): Promise<Senders> {
  const workers = await Promise.all(
    Array.from({ length: threads }, async () => {
      const received = new Int32Array(new SharedArrayBuffer(4));
      const { data, port } = start(received);
      const worker = new Worker(new URL('./threads/uplink-sender.js', import.meta.url), {
        workerData: { ...data, received } satisfies UplinkSenderData,
        transferList: port === undefined ? [] : [port],
      });
      await new Promise((resolve) => worker.once('message', resolve));
      worker.on('message', onMessage(received));
      return worker;
    }),
  );
  return {
    threads,
    send: (count) => {
      for (const worker of workers) worker.postMessage(count);
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** Passes messages on, and tells the sender how many have arrived: without that it would fill memory. */
function counting(receive: Receive): (received: Int32Array) => Receive {
  return (received) => {
    let count = 0;
    return (message) => {
      receive(message);
      if (++count % TELL_EVERY !== 0) return;
      Atomics.store(received, 0, count);
      Atomics.notify(received, 0);
    };
  };
}

const nothing = (): Receive => () => {};

export const senders = {
  async ringcast(threads: number, bus: Bus): Promise<Senders> {
    const { handle } = bus;
    const started = await startThreads(threads, () => ({ data: { way: 'ringcast', bus: handle } }), nothing);
    return {
      ...started,
      async close() {
        await started.close();
        await bus.close();
      },
    };
  },

  postMessage: (threads: number, receive: Receive): Promise<Senders> =>
    startThreads(threads, () => ({ data: { way: 'postMessage' } }), counting(receive)),

  messageChannel(threads: number, receive: Receive): Promise<Senders> {
    const start = (received: Int32Array) => {
      const { port1, port2 } = new MessageChannel();
      port1.on('message', counting(receive)(received));
      return { data: { way: 'port', port: port2 } as const, port: port2 };
    };
    return startThreads(threads, start, nothing);
  },

  async broadcastChannel(threads: number, receive: Receive): Promise<Senders> {
    const channels: BroadcastChannel[] = [];
    const start = (received: Int32Array) => {
      const name = `bench-uplink-${process.pid}-${Math.random()}`;
      const channel = new BroadcastChannel(name);
      channels.push(channel);
      const count = counting(receive)(received);
      channel.onmessage = (event: unknown) => count((event as { data: unknown }).data);
      return { data: { way: 'channel', channel: name } as const };
    };
    const started = await startThreads(threads, start, nothing);
    return {
      ...started,
      async close() {
        for (const channel of channels) channel.close();
        await started.close();
      },
    };
  },

  /** An event is the result of a run. */
  async piscina(threads: number, receive: Receive): Promise<Senders> {
    const filename = new URL('./threads/uplink-task.js', import.meta.url).href;
    const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads });
    const run = async (count: number): Promise<void> => {
      for (let first = 0; first < count; first += MAX_RUNS) {
        const runs = Array.from({ length: Math.min(MAX_RUNS, count - first) }, async (_, i) =>
          receive(await pool.run(first + i)),
        );
        await Promise.all(runs);
      }
    };
    return {
      threads,
      send: (count) => {
        for (let thread = 0; thread < threads; thread++) void run(count);
      },
      close: () => pool.destroy(),
    };
  },
};
