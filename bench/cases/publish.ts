/** What a publish costs the thread that publishes. */
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { serialize } from 'node:v8';
import EventEmitter2 from 'eventemitter2';
import mqemitter from 'mqemitter';
import { pack, unpack } from 'msgpackr';
import { type Bus, createBus } from 'ringcast';
import { asleep, busWithReader, drained } from '../bus-rig.js';
import { type Calls, timeCalls } from '../call-timing.js';
import { EVENT_MASK, NAMESPACE, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Running, type Subject } from '../rounds.js';
import { encodeEnvelope, loadStaticCodec } from '../static-codec.js';

const UNITS = { cost: 'ns' };

/**
 * The bus with one subscriber on another thread, twice. `ringcast` publishes to one that sleeps, in bursts that end before
 * they are worth a wake: stamp, encode, ring, and the check whether to wake; the wake comes when the burst is over.
 * `ringcast-flood` publishes as long as the ring has room, and pays for the wakes on the way and for the subscriber that reads
 * along, on a core that may share its caches.
 */
function publishing(benchCase: string, events: readonly unknown[]): Subject[] {
  return [
    publishingInBursts(benchCase, 'ringcast', BURST, asleep, publishPlainly(events)),
    publishingInBursts(benchCase, 'ringcast-flood', FLOOD, drained, publishPlainly(events)),
  ];
}

type PublishRun = (bus: Bus, count: number, first: number) => void;

/** A loop for each subject: what one has seen does not make another slower. */
function publishPlainly(events: readonly unknown[]): PublishRun {
  return (bus, count, first) => {
    for (let i = first; i < first + count; i++) bus.publish(TOPIC, events[i & EVENT_MASK]);
  };
}

/** Below the bytes after which sleepers are woken within a burst. */
const BURST = 128;
/** Fits the ring: no publish is timed that finds it full. */
const FLOOD = 4000;

function publishingInBursts(
  benchCase: string,
  name: string,
  maxBatch: number,
  ready: (bus: Bus) => Promise<void>,
  publish: PublishRun,
): Subject {
  return {
    name,
    async open(): Promise<Running> {
      const { bus, verify } = await busWithReader();
      let sent = 0;
      const calls: Calls = {
        maxBatch,
        prepare: () => ready(bus),
        batch(count, first) {
          publish(bus, count, first);
          sent += count;
        },
      };
      calls.batch(FLOOD, 0);
      await verify(sent, benchCase, name);
      const timed = await timeCalls(calls);
      return {
        async round(roundMs) {
          const values = await timed.round(roundMs);
          await verify(sent, benchCase, name);
          return values;
        },
        async close() {
          await bus.close();
        },
      };
    },
  };
}

/** An emitter with one listener on this thread. */
function emitting(
  benchCase: string,
  name: string,
  listen: (listener: (event: unknown) => void) => void,
  emit: (event: unknown) => void,
  events: readonly unknown[],
): Subject {
  return {
    name,
    open() {
      let heard = 0;
      listen(() => {
        heard++;
      });
      emit(events[0]);
      check(benchCase, name, heard === 1, `its listener heard ${heard} events of 1`);
      return timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) emit(events[i & EVENT_MASK]);
        },
      });
    },
  };
}

function emitters(benchCase: string, events: readonly unknown[]): Subject[] {
  const node = new EventEmitter();
  const diagnostics = channel(`bench:${benchCase}`);
  const ee2 = new EventEmitter2.EventEmitter2({ wildcard: true, delimiter: '/' });
  const mq = mqemitter({ wildcardOne: '*', wildcardSome: '**' });
  return [
    emitting(
      benchCase,
      'EventEmitter',
      (l) => node.on(TOPIC, l),
      (event) => node.emit(TOPIC, event),
      events,
    ),
    emitting(
      benchCase,
      'diagnostics_channel',
      (l) => diagnostics.subscribe(l),
      (e) => diagnostics.publish(e),
      events,
    ),
    emitting(
      benchCase,
      'eventemitter2',
      (l) => ee2.on('/tasks/*', l),
      (event) => ee2.emit(TOPIC, event),
      events,
    ),
    emitting(
      benchCase,
      'mqemitter',
      (listener) =>
        mq.on('/tasks/*', (message, done) => {
          listener(message);
          done();
        }),
      (event) => mq.emit({ topic: TOPIC, event }),
      events,
    ),
  ];
}

/** Where results go, so that no compiler finds the work to be useless. */
const sink = { bytes: 0 };

/** Encodes into bytes and does nothing else; `decode` has to give the event back. */
function encoding(
  benchCase: string,
  name: string,
  encode: (index: number) => Uint8Array,
  isEvent: (bytes: Uint8Array, index: number) => boolean,
): Subject {
  return {
    name,
    open() {
      for (let i = 0; i <= EVENT_MASK; i++) {
        check(benchCase, name, isEvent(encode(i), i), `event ${i} does not decode to itself`);
      }
      return timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) sink.bytes += encode(i & EVENT_MASK).length;
        },
      });
    },
  };
}

const typed = 'publish/typed/1';
const publishTyped: BenchCase = {
  name: typed,
  async run(plan) {
    const codec = await loadStaticCodec();
    const timestamp = { seconds: 1_700_000_000, nanos: 123_456_789 };
    const protobufjs = encoding(
      typed,
      'protobufjs',
      (index) => encodeEnvelope(codec, plainEvents[index]!, timestamp),
      (bytes, index) => {
        const envelope = codec.Envelope.decode(bytes);
        const event = codec.TaskExit.decode(envelope.event.value);
        return envelope.namespace === NAMESPACE && event.pid === plainEvents[index]!.pid;
      },
    );
    await sameBytes(codec.Envelope.decode, (index, at) => encodeEnvelope(codec, plainEvents[index]!, at));
    return inTurns(typed, UNITS, [...publishing(typed, typedEvents), protobufjs, ...emitters(typed, typedEvents)]).run(
      plan,
    );
  },
};

/** The bus and protobufjs make the same envelope of the same event, to the byte. */
async function sameBytes(
  decode: (bytes: Uint8Array) => { timestamp: { seconds: number; nanos: number } },
  encode: (index: number, at: { seconds: number; nanos: number }) => Uint8Array,
): Promise<void> {
  const bus = createBus({ namespace: NAMESPACE });
  const stream = bus.subscribe(TOPIC);
  for (const event of typedEvents) bus.publish(TOPIC, event);
  let index = 0;
  for await (const envelope of stream) {
    const bytes = envelope.toBinary();
    const same = Buffer.compare(bytes, encode(index, decode(bytes).timestamp)) === 0;
    check(typed, 'ringcast', same, `event ${index} is not encoded as protobufjs does`);
    if (++index === typedEvents.length) break;
  }
  await bus.close();
}

const plain = 'publish/plain/1';
const publishPlain = inTurns(plain, UNITS, [
  ...publishing(plain, plainEvents),
  encoding(
    plain,
    'msgpackr',
    (index) => pack(plainEvents[index]),
    (bytes, index) => (unpack(bytes) as { pid: number }).pid === plainEvents[index]!.pid,
  ),
  encoding(
    plain,
    'v8.serialize',
    (index) => serialize(plainEvents[index]),
    (bytes) => bytes.length > 0,
  ),
]);

const traced = 'publish/traced/1';
const TRACEPARENTS = typedEvents.map((_, index) => {
  const digits = (length: number, salt: number): string =>
    Array.from({ length }, (_, at) => ((index * 7 + at * 13 + salt) % 15).toString(16)).join('');
  // Flat, as a header is that came by the network; one that was just put together costs its flattening besides.
  return Buffer.from(`00-${digits(32, 1)}-${digits(16, 2)}-01`).toString('latin1');
});
const publishTraced = inTurns(traced, UNITS, [
  publishingInBursts(traced, 'ringcast', BURST, asleep, (bus, count, first) => {
    for (let i = first; i < first + count; i++) {
      bus.publish(TOPIC, typedEvents[i & EVENT_MASK], { traceparent: TRACEPARENTS[i & EVENT_MASK]! });
    }
  }),
  publishingInBursts(traced, 'same-trace', BURST, asleep, (bus, count, first) => {
    for (let i = first; i < first + count; i++) {
      bus.publish(TOPIC, typedEvents[i & EVENT_MASK], { traceparent: TRACEPARENTS[0]! });
    }
  }),
  publishingInBursts(traced, 'untraced', BURST, asleep, publishPlainly(typedEvents)),
]);

export const cases: readonly BenchCase[] = [publishTyped, publishPlain, publishTraced];
