/**
 * From when an event was due to be published on one thread until a handler on another one has it, by way of the thread that
 * owns the bus. Open loop, as in the other cases of latency.
 *
 * And what of that is left while the main thread of the process is blocked: a hosted bus does without it.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type BusHandle, createBus, hostBus } from 'ringcast';
import { TOPIC } from '../corpus.js';
import { VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { quantile } from '../statistics.js';
import { LatencyBoard, MAX_EVENTS } from '../threads/latency-board.js';
import type { Burst, UplinkLatencyData } from '../threads/uplink-latency.js';

const UNITS = { p50: 'us', p99: 'us' };
const ARRIVAL_MS = 10_000;
/** An event every 2 ms: owner and reader sleep each time. */
const INTERVAL_US = 2000;
const WARM_UP: Burst = { events: 4000, intervalUs: 50 };
const MIN_EVENTS = 100;
const BLOCKED_MS = 2000;

async function start(data: UplinkLatencyData): Promise<Worker> {
  const worker = new Worker(new URL('../threads/uplink-latency.js', import.meta.url), {
    workerData: data,
    transferList: data.port === undefined ? [] : [data.port],
  });
  await new Promise((resolve) => worker.once('message', resolve));
  return worker;
}

/** The two threads, and how to end what they work with. */
interface Scene {
  readonly board: LatencyBoard;
  readonly sender: Worker;
  close(): Promise<void>;
}

async function scene(
  ways: {
    readonly receiver?: { bus?: BusHandle; port?: MessagePort };
    readonly sender: { bus?: BusHandle; port?: MessagePort };
  },
  board: LatencyBoard,
  close: () => unknown,
): Promise<Scene> {
  const { buffer } = board;
  const receiver = ways.receiver && (await start({ role: 'receiver', board: buffer, ...ways.receiver }));
  const sender = await start({ role: 'sender', board: buffer, ...ways.sender });
  return {
    board,
    sender,
    async close() {
      await sender.terminate();
      await receiver?.terminate();
      await close();
    },
  };
}

async function cooperative(): Promise<Scene> {
  const bus = createBus();
  const way = { bus: bus.handle };
  return scene({ receiver: way, sender: way }, new LatencyBoard(), () => bus.close());
}

/** The reader is a module with a loop of its own, blocked until something comes. */
async function dedicated(): Promise<Scene> {
  const board = new LatencyBoard();
  const bus = createBus();
  const module = new URL('../threads/latency-reader.js', import.meta.url);
  await bus.subscribe(TOPIC, module, { data: board.buffer, loop: 'dedicated' }).ready;
  return scene({ sender: { bus: bus.handle } }, board, () => bus.close());
}

async function hosted(): Promise<Scene & { readonly handle: BusHandle }> {
  const bus = await hostBus();
  const way = { bus: bus.handle };
  const threads = await scene({ receiver: way, sender: way }, new LatencyBoard(), () => bus.close());
  return { ...threads, handle: bus.handle };
}

async function messageChannel(): Promise<Scene> {
  const { port1, port2 } = new MessageChannel();
  return scene({ receiver: { port: port1 }, sender: { port: port2 } }, new LatencyBoard(), () => {});
}

/** @param meanwhile what this thread does while events are on their way; by default nothing */
async function measure(
  name: string,
  { board, sender }: Scene,
  burst: Burst,
  meanwhile: () => void = () => {},
): Promise<Float64Array> {
  board.start(burst.events);
  sender.postMessage(burst);
  meanwhile();
  const deadlineMs = performance.now() + ARRIVAL_MS + (burst.events * burst.intervalUs) / 1000;
  while (board.seen < burst.events) {
    if (performance.now() > deadlineMs) {
      throw new VerificationError(name, 'ringcast', `${board.seen} events arrived of ${burst.events}`);
    }
    // Long: this thread may be the owner, which shall sleep.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return board.latency.slice(0, burst.events).sort();
}

/** The latencies of one subject, and those of its last round event by event. */
class Latencies {
  #last = new Float64Array();
  readonly events = { metric: 'p50', times: (): Float64Array => this.#last } as const;

  /** @param latencies in nanoseconds, sorted */
  show(latencies: Float64Array): { p50: number; p99: number } {
    this.#last = latencies.map((ns) => ns / 1000);
    return { p50: quantile(this.#last, 0.5), p99: quantile(this.#last, 0.99) };
  }
}

const latency = 'uplink/latency';

function subject(name: string, open: () => Promise<Scene>): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const threads = await open();
      await measure(latency, threads, WARM_UP);
      const latencies = new Latencies();
      return {
        async round(roundMs) {
          const events = Math.min(MAX_EVENTS, Math.max(MIN_EVENTS, Math.floor((roundMs * 1000) / INTERVAL_US)));
          return latencies.show(await measure(latency, threads, { events, intervalUs: INTERVAL_US }));
        },
        events: latencies.events,
        close: () => threads.close(),
      };
    },
  };
}

const blocked = 'uplink/main-blocked';
const block = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);

/** Threads that were connected before, while the main thread is blocked for two seconds, or is not. */
function beside(name: string, meanwhile: () => void): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const threads = await hosted();
      await measure(blocked, threads, WARM_UP);
      const burst = { events: (BLOCKED_MS * 1000) / INTERVAL_US - MIN_EVENTS, intervalUs: INTERVAL_US };
      const latencies = new Latencies();
      return {
        startsAnew: true,
        round: async () => latencies.show(await measure(blocked, threads, burst, meanwhile)),
        events: latencies.events,
        close: () => threads.close(),
      };
    },
  };
}

/** A thread that connects meanwhile: when its first event is there, and when the owner has told it what is wanted. */
function newcomer(name: string, meanwhile: () => void): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const threads = await hosted();
      return {
        startsAnew: true,
        async round() {
          const { board } = threads;
          const thread = await start({ role: 'newcomer', board: board.buffer, bus: threads.handle });
          board.start(1);
          const met = new Promise<number>((resolve) => thread.once('message', resolve));
          thread.postMessage('connect');
          meanwhile();
          const metMs = await met;
          while (board.seen < 1) await new Promise((resolve) => setTimeout(resolve, 1));
          await thread.terminate();
          return { first: board.latency[0]! / 1e6, met: metMs };
        },
        close: () => threads.close(),
      };
    },
  };
}

const nothing = (): void => {};

export const cases: readonly BenchCase[] = [
  inTurns(latency, UNITS, [
    subject('ringcast', cooperative),
    subject('ringcast-dedicated', dedicated),
    subject('ringcast-hosted', hosted),
    subject('MessageChannel', messageChannel),
  ]),
  inTurns(blocked, UNITS, [beside('main-idle', nothing), beside('main-blocked', block)]),
  inTurns('uplink/main-blocked-connect', { first: 'ms', met: 'ms' }, [
    newcomer('main-idle', nothing),
    newcomer('main-blocked', block),
  ]),
];
