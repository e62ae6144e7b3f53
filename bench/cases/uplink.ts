/** Publishing from other threads: how fast, how late, what it costs the thread that owns the bus, and what when nobody wants it. */
import { type Bus, type BusConnection, connectBus, createBus, type Envelope } from 'ringcast';
import { asleep, busWithReader, drained } from '../bus-rig.js';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import { check, VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { quantile } from '../statistics.js';
import { readObject, type SentObject } from '../threads/reading.js';
import { type Senders, senders } from '../uplink-senders.js';

const FIRST_ROUND_EVENTS = 2000;
const weights = Int32Array.from(plainEvents, (event) => readObject(TOPIC, NAMESPACE, 1, event));

/** What a reader's checksum grows by with events 0 to `count - 1` of each round and thread. */
function weightOf(count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum = (sum + weights[i & EVENT_MASK]!) | 0;
  return sum;
}

/** Counts what arrives on this thread, whoever brings it. */
class Arrivals {
  #left = 0;
  #sum = 0;
  #onAll: () => void = () => {};

  expect(events: number): Promise<number> {
    this.#left = events;
    this.#sum = 0;
    return new Promise((resolve) => {
      this.#onAll = () => resolve(this.#sum);
    });
  }

  note(topic: string, namespace: string, timestamp: number | bigint, event: SentObject['event']): void {
    this.#sum = (this.#sum + readObject(topic, namespace, timestamp, event)) | 0;
    if (--this.#left === 0) this.#onAll();
  }
}

function throughput(benchCase: string, name: string, open: (arrivals: Arrivals) => Promise<Senders>): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const arrivals = new Arrivals();
      const sending = await open(arrivals);
      let perMs = 0;
      const send = async (each: number): Promise<number> => {
        const events = each * sending.threads;
        const startMs = performance.now();
        const arrived = arrivals.expect(events);
        sending.send(each);
        const sum = await arrived;
        perMs = events / (performance.now() - startMs);
        const wanted = Math.imul(weightOf(each), sending.threads);
        if (sum !== wanted) throw new VerificationError(benchCase, name, `the checksum is ${sum}, not ${wanted}`);
        return perMs * 1000;
      };
      await send(FIRST_ROUND_EVENTS);
      return {
        round: async (roundMs) => ({
          rate: await send(Math.max(FIRST_ROUND_EVENTS, Math.ceil((perMs * roundMs) / sending.threads))),
        }),
        close: () => sending.close(),
      };
    },
  };
}

function throughputCase(threads: number): BenchCase {
  const name = `uplink/${threads}`;
  const note = (arrivals: Arrivals) => (message: unknown) => {
    const { topic, namespace, timestamp, event } = message as SentObject;
    arrivals.note(topic, namespace, timestamp, event);
  };
  return inTurns(name, { rate: 'events/s' }, [
    throughput(name, 'ringcast', async (arrivals) => {
      const bus = createBus({ namespace: NAMESPACE });
      bus.subscribe(TOPIC, ({ topic, namespace, timestamp, event }: Envelope) =>
        arrivals.note(topic, namespace, timestamp, event as SentObject['event']),
      );
      return senders.ringcast(threads, bus);
    }),
    throughput(name, 'postMessage', (arrivals) => senders.postMessage(threads, note(arrivals))),
    throughput(name, 'MessageChannel', (arrivals) => senders.messageChannel(threads, note(arrivals))),
    throughput(name, 'BroadcastChannel', (arrivals) => senders.broadcastChannel(threads, note(arrivals))),
    throughput(name, 'piscina', (arrivals) => senders.piscina(threads, note(arrivals))),
  ]);
}

/** A connection of this thread that the owner, this thread too, has met. */
async function metConnection(bus: Bus): Promise<BusConnection> {
  const connection: BusConnection = connectBus(bus.handle, { name: 'bench' });
  // Until then everything is sent.
  while (connection.stats().unwanted === 0) {
    connection.publish('/nobody/wants', null);
    await new Promise(setImmediate);
  }
  return connection;
}

/** Less than an uplink takes, and so many that a turn of the loop does not count. */
const BATCH = 4096;
const MIN_BATCHES = 8;

function median(samples: readonly number[]): number {
  return quantile(Float64Array.from(samples).sort(), 0.5);
}

/** The cost of an event to the thread that owns the bus, which does nothing else meanwhile. */
const takeOver = 'uplink/take-over';
const takeOverCase = inTurns(takeOver, { cost: 'ns', publish: 'ns' }, [
  {
    name: 'ringcast',
    async open(): Promise<Running> {
      const { bus, verify } = await busWithReader();
      const connection = await metConnection(bus);
      let sent = 0;
      return {
        async round(roundMs) {
          const taken: number[] = [];
          const published: number[] = [];
          const endMs = performance.now() + roundMs;
          do {
            await drained(bus);
            await asleep(bus);
            const startMs = performance.now();
            for (let i = 0; i < BATCH; i++) connection.publish(TOPIC, typedEvents[i & EVENT_MASK]);
            const publishedMs = performance.now();
            do await new Promise(setImmediate);
            while (connection.stats().uplink.usedBytes > 0);
            taken.push(((performance.now() - publishedMs) / BATCH) * 1e6);
            published.push(((publishedMs - startMs) / BATCH) * 1e6);
            sent += BATCH;
          } while (performance.now() < endMs || taken.length < MIN_BATCHES);
          await verify(sent, takeOver, 'ringcast');
          return { cost: median(taken), publish: median(published) };
        },
        async close() {
          await bus.close();
        },
      };
    },
  },
]);

/** What a connected thread pays for a publish that nobody wants. */
const none = 'uplink/none';
const noneCase = inTurns(none, { cost: 'ns' }, [
  {
    name: 'ringcast',
    async open(): Promise<Running> {
      const bus = createBus();
      bus.subscribe('/images/create', () => {});
      const connection = await metConnection(bus);
      const before = connection.stats().unwanted;
      connection.publish(TOPIC, typedEvents[0]);
      check(none, 'ringcast', connection.stats().unwanted === before + 1, 'it sent what nobody wants');
      const timed = await timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) connection.publish(TOPIC, typedEvents[i & EVENT_MASK]);
        },
      });
      return {
        round: timed.round,
        async close() {
          await bus.close();
        },
      };
    },
  },
]);

export const cases: readonly BenchCase[] = [...[1, 2, 4].map(throughputCase), takeOverCase, noneCase];
