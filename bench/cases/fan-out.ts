/** One thread publishes, one to eight threads read: events a second until all of them have everything. */
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import { envelopesOf128Bytes } from '../envelopes.js';
import { VerificationError } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { loadStaticCodec } from '../static-codec.js';
import { readBytes, readLazy, readObject } from '../threads/reading.js';
import { broadcastChannel, piscina, postMessage, ringcast, type TransportKind } from '../transports.js';

const UNITS = { rate: 'events/s' };
const FIRST_ROUND_EVENTS = 2000;

const sentObject = (index: number): unknown => ({
  topic: TOPIC,
  namespace: NAMESPACE,
  timestamp: Date.now(),
  event: plainEvents[index & EVENT_MASK],
});

/** Sums what `weigh` gives for event after event, as a reader does. */
class Expected {
  readonly #weights: Int32Array;
  #next = 0;
  #sum = 0;

  constructor(weigh: (index: number) => number) {
    this.#weights = Int32Array.from(plainEvents, (_, index) => weigh(index));
  }

  upTo(end: number): number {
    for (; this.#next < end; this.#next++) this.#sum = (this.#sum + this.#weights[this.#next & EVENT_MASK]!) | 0;
    return this.#sum;
  }
}

interface Candidate {
  readonly kind: TransportKind;
  /** What a reader's checksum grows by. */
  readonly weigh: (index: number) => number;
}

function subject(benchCase: string, readers: number, { kind, weigh }: Candidate): Subject {
  return {
    name: kind.name,
    async open(): Promise<Running> {
      const transport = await kind.open(readers);
      const { tally } = transport;
      const expected = new Expected(weigh);
      let sent = 0;
      let perMs = 0;
      const send = async (count: number): Promise<number> => {
        tally.expect(sent + count);
        const startMs = performance.now();
        await transport.send(sent, count);
        await tally.complete().catch((error: Error) => {
          throw new VerificationError(benchCase, kind.name, `${error.message} of ${sent + count} sent`);
        });
        const elapsedMs = performance.now() - startMs;
        sent += count;
        const sum = expected.upTo(sent);
        for (const found of tally.checksums()) {
          if (found === sum) continue;
          throw new VerificationError(benchCase, kind.name, `the checksum of ${sent} events is ${found}, not ${sum}`);
        }
        perMs = count / elapsedMs;
        return perMs * 1000;
      };
      await send(FIRST_ROUND_EVENTS);
      return {
        round: async (roundMs) => ({ rate: await send(Math.max(FIRST_ROUND_EVENTS, Math.ceil(perMs * roundMs))) }),
        close: () => transport.close(),
      };
    },
  };
}

function fanOutCase(name: string, readers: number, candidates: () => Promise<readonly Candidate[]>): BenchCase {
  return {
    name,
    async run(plan) {
      const subjects = (await candidates()).map((candidate) => subject(name, readers, candidate));
      return inTurns(name, UNITS, subjects).run(plan);
    },
  };
}

async function objectCandidates(): Promise<readonly Candidate[]> {
  const weigh = (index: number): number => readObject(TOPIC, NAMESPACE, 1, plainEvents[index & EVENT_MASK]!);
  return [
    { kind: ringcast('object', (bus, i) => bus.publish(TOPIC, typedEvents[i & EVENT_MASK])), weigh },
    { kind: postMessage('postMessage', 'object', sentObject), weigh },
    { kind: broadcastChannel('object', sentObject), weigh },
  ];
}

/** `postMessage-bytes` is given its payloads encoded beforehand: its price is the transport alone. */
async function lazyCandidates(): Promise<readonly Candidate[]> {
  const { TaskExit } = await loadStaticCodec();
  const payloads = plainEvents.map((event) => ownBytes(TaskExit.encode(event).finish()));
  const sentPayload = (index: number): unknown => ({ topic: TOPIC, payload: payloads[index & EVENT_MASK] });
  const weighPayload = (index: number): number => readLazy(TOPIC, payloads[index & EVENT_MASK]!);
  const weighObject = (index: number): number => TOPIC.length + plainEvents[index & EVENT_MASK]!.id.length;
  return [
    {
      kind: ringcast('lazy', (bus, i) => bus.publish(TOPIC, typedEvents[i & EVENT_MASK])),
      weigh: weighPayload,
    },
    { kind: postMessage('postMessage', 'lazy', sentObject), weigh: weighObject },
    { kind: postMessage('postMessage-bytes', 'lazy', sentPayload), weigh: weighPayload },
    { kind: broadcastChannel('lazy', sentObject), weigh: weighObject },
  ];
}

/** Envelopes of 128 bytes, as they come from elsewhere: the bus checks them whole, the others pass them on unread. */
async function forwardCandidates(): Promise<readonly Candidate[]> {
  const codec = await loadStaticCodec();
  const envelopes = envelopesOf128Bytes(codec);
  const payloadBytes = envelopes.map((bytes) => codec.Envelope.decode(bytes).event.value.length);
  const sent = (index: number): unknown => envelopes[index & EVENT_MASK];
  const weighBytes = (index: number): number => readBytes(envelopes[index & EVENT_MASK]!);
  return [
    {
      kind: ringcast('lazy', (bus, i) => bus.forward(envelopes[i & EVENT_MASK]!)),
      weigh: (index) => TOPIC.length + payloadBytes[index & EVENT_MASK]!,
    },
    { kind: postMessage('postMessage', 'bytes', sent), weigh: weighBytes },
    { kind: broadcastChannel('bytes', sent), weigh: weighBytes },
    { kind: piscina(sent), weigh: weighBytes },
  ];
}

/** protobufjs returns slices of a pool, and postMessage clones a whole pool for a slice of it. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export const cases: readonly BenchCase[] = [
  ...[1, 2, 4, 8].map((n) => fanOutCase(`fan-out/object/${n}`, n, objectCandidates)),
  ...[1, 2, 4, 8].map((n) => fanOutCase(`fan-out/lazy/${n}`, n, lazyCandidates)),
  ...[1, 4].map((n) => fanOutCase(`forward/128B/${n}`, n, forwardCandidates)),
];
