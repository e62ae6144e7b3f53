/** One thread publishes, one to eight threads read: events a second until all of them have everything. */
import { EVENT_MASK, plainEvents, TOPIC } from '../corpus.js';
import { envelopesOf128Bytes } from '../envelopes.js';
import { distinct, type ObjectEvents, recurring } from '../object-events.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { loadStaticCodec } from '../static-codec.js';
import { readBytes, readLazy } from '../threads/reading.js';
import { broadcastChannel, piscina, postMessage, ringcast, type TransportKind } from '../transports.js';
import { VerifiedSending } from '../verified-sending.js';

const UNITS = { rate: 'events/s' };
const FIRST_ROUND_EVENTS = 2000;

interface Candidate {
  readonly kind: TransportKind;
  /** What a reader's checksum grows by. */
  readonly weigh: (index: number) => number;
  /** Events that take turns; default those of the corpus. */
  readonly cycle?: number;
}

function subject(benchCase: string, readers: number, { kind, weigh, cycle = EVENT_MASK + 1 }: Candidate): Subject {
  return {
    name: kind.name,
    async open(): Promise<Running> {
      const transport = await kind.open(readers);
      const sending = new VerifiedSending(benchCase, kind.name, transport, weigh, cycle);
      let perMs = 0;
      const send = async (count: number): Promise<number> => {
        perMs = count / (await sending.send(count));
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

function objectCandidates({ count: cycle, sent, publish, weigh }: ObjectEvents): readonly Candidate[] {
  return [
    ringcast('object', publish),
    postMessage('postMessage', 'object', sent),
    broadcastChannel('object', sent),
  ].map((kind) => ({ kind, weigh, cycle }));
}

/** `postMessage-bytes` is given its payloads encoded beforehand: its price is the transport alone. */
async function lazyCandidates(): Promise<readonly Candidate[]> {
  const { TaskExit } = await loadStaticCodec();
  const payloads = plainEvents.map((event) => ownBytes(TaskExit.encode(event).finish()));
  const sentPayload = (index: number): unknown => ({ topic: TOPIC, payload: payloads[index & EVENT_MASK] });
  const weighPayload = (index: number): number => readLazy(TOPIC, payloads[index & EVENT_MASK]!);
  const weighId = (index: number): number => TOPIC.length + plainEvents[index & EVENT_MASK]!.id.length;
  return [
    {
      kind: ringcast('lazy', recurring.publish),
      weigh: weighPayload,
    },
    {
      kind: ringcast(
        'lazy',
        recurring.publish,
        'ringcast-views',
        new URL('../threads/view-reader.js', import.meta.url),
      ),
      weigh: weighPayload,
    },
    { kind: postMessage('postMessage', 'lazy', recurring.sent), weigh: weighId },
    { kind: postMessage('postMessage-bytes', 'lazy', sentPayload), weigh: weighPayload },
    { kind: broadcastChannel('lazy', recurring.sent), weigh: weighId },
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
  ...[1, 2, 4, 8].map((n) => fanOutCase(`fan-out/object/${n}`, n, async () => objectCandidates(recurring))),
  ...[1, 4].map((n) => fanOutCase(`fan-out/new-ids/${n}`, n, async () => objectCandidates(distinct()))),
  ...[1, 2, 4, 8].map((n) => fanOutCase(`fan-out/lazy/${n}`, n, lazyCandidates)),
  ...[1, 4].map((n) => fanOutCase(`forward/128B/${n}`, n, forwardCandidates)),
];
