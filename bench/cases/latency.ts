/**
 * From when an event was due to be sent until its handler has it. Open loop: events are due by the clock, whether those
 * before have arrived or not, so that a stall counts for every event that it delays.
 *
 * The sender spins until an event is due: it needs a core, and its own lateness is in all figures alike.
 */
import { Worker } from 'node:worker_threads';
import { createBus } from 'ringcast';
import { TOPIC, typedEvents } from '../corpus.js';
import { VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { quantile } from '../statistics.js';
import { LatencyBoard, MAX_EVENTS, nowNs } from '../threads/latency-board.js';
import type { LatencyPeerData } from '../threads/latency-peer.js';

const UNITS = { p50: 'us', p99: 'us' };
/** Longest wait for the last event of a round. */
const ARRIVAL_MS = 10_000;
const WARM_UP_EVENTS = 4000;
const WARM_UP_US = 50;
const MIN_EVENTS = 100;

interface Sender {
  readonly board: LatencyBoard;
  send(): void;
  close(): Promise<void>;
}

function subject(benchCase: string, name: string, intervalUs: number, open: () => Promise<Sender>): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const sender = await open();
      const { board } = sender;
      const measure = async (events: number, intervalUs: number): Promise<Float64Array> => {
        board.start(events);
        // The reader shall be asleep when the round begins.
        await new Promise((resolve) => setTimeout(resolve, 10));
        const startNs = nowNs() + 1e6;
        for (let i = 0; i < events; i++) {
          const dueNs = startNs + i * intervalUs * 1000;
          board.due[i] = dueNs;
          while (nowNs() < dueNs);
          sender.send();
        }
        const deadlineMs = performance.now() + ARRIVAL_MS;
        while (board.seen < events) {
          if (performance.now() > deadlineMs) {
            throw new VerificationError(benchCase, name, `${board.seen} events arrived of ${events}`);
          }
          await new Promise(setImmediate);
        }
        return board.latency.slice(0, events).sort();
      };
      // Compilers need thousands of events, which at the pace of the rounds would take too long.
      await measure(WARM_UP_EVENTS, WARM_UP_US);
      let last = new Float64Array();
      return {
        async round(roundMs) {
          const events = Math.min(MAX_EVENTS, Math.max(MIN_EVENTS, Math.floor((roundMs * 1000) / intervalUs)));
          const latencies = await measure(events, intervalUs);
          if (!(latencies[0]! > 0)) throw new VerificationError(benchCase, name, 'an event arrived before it was due');
          last = latencies.map((ns) => ns / 1000);
          return { p50: quantile(last, 0.5), p99: quantile(last, 0.99) };
        },
        events: { metric: 'p50', times: () => last },
        close: () => sender.close(),
      };
    },
  };
}

/** `flush: 'each'`: the sender spins, so no burst of its ever ends. */
async function ringcast(loop: 'cooperative' | 'dedicated'): Promise<Sender> {
  const board = new LatencyBoard();
  const bus = createBus({ flush: 'each' });
  const module = new URL('../threads/latency-reader.js', import.meta.url);
  await bus.subscribe(TOPIC, module, { data: board.buffer, loop }).ready;
  return {
    board,
    send: () => void bus.publish(TOPIC, typedEvents[0]),
    async close() {
      await bus.close();
    },
  };
}

async function peer(by: LatencyPeerData['by']): Promise<Sender> {
  const board = new LatencyBoard();
  const workerData: LatencyPeerData = { board: board.buffer, by };
  const worker = new Worker(new URL('../threads/latency-peer.js', import.meta.url), { workerData });
  await new Promise((resolve) => worker.once('message', resolve));
  const message = { topic: TOPIC, event: { ...typedEvents[0] } };
  return {
    board,
    send: by === 'message' ? () => worker.postMessage(message) : () => board.signal(),
    async close() {
      await worker.terminate();
    },
  };
}

/** An event every 2 ms: the reader sleeps each time. */
const parked = 'latency/parked';
const PARKED_US = 2000;
/** 20,000 events a second: the reader has hardly time to sleep. */
const busy = 'latency/busy';
const BUSY_US = 50;

export const cases: readonly BenchCase[] = [
  inTurns(parked, UNITS, [
    subject(parked, 'ringcast', PARKED_US, () => ringcast('dedicated')),
    subject(parked, 'ringcast-cooperative', PARKED_US, () => ringcast('cooperative')),
    subject(parked, 'postMessage', PARKED_US, () => peer('message')),
    subject(parked, 'Atomics.wait', PARKED_US, () => peer('wait')),
  ]),
  inTurns(busy, UNITS, [
    subject(busy, 'ringcast', BUSY_US, () => ringcast('dedicated')),
    subject(busy, 'ringcast-cooperative', BUSY_US, () => ringcast('cooperative')),
    subject(busy, 'postMessage', BUSY_US, () => peer('message')),
    subject(busy, 'Atomics.wait', BUSY_US, () => peer('wait')),
  ]),
];
