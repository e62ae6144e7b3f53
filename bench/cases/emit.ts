/** What emission costs beside publishing: through an emitter that was injected, and through the one of the context. */
import { type Bus, createBus, emit, runWithEmitter } from 'ringcast';
import { busWithReader, drained } from '../bus-rig.js';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK, NAMESPACE, TOPIC, typedEvents } from '../corpus.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Subject } from '../rounds.js';

const UNITS = { cost: 'ns' };
/** Below the 32 KiB after which sleepers are woken within a burst. */
const BURST = 128;

/** Emits `count` events, the first being number `first`. */
type Batch = (count: number, first: number) => void;

/** The ways to say that something happened. Called once for each bus. */
const WAYS: Readonly<Record<string, (bus: Bus) => Batch>> = {
  publish: (bus) => (count, first) => {
    for (let i = first; i < first + count; i++) bus.publish(TOPIC, typedEvents[i & EVENT_MASK]);
  },
  injected: (bus) => {
    const emitter = bus.emitter();
    return (count, first) => {
      for (let i = first; i < first + count; i++) emitter.emit(TOPIC, typedEvents[i & EVENT_MASK]);
    };
  },
  context: (bus) => {
    const emitter = bus.emitter();
    return (count, first) =>
      runWithEmitter(emitter, () => {
        for (let i = first; i < first + count; i++) emit(TOPIC, typedEvents[i & EVENT_MASK]);
      });
  },
};

function subjects(open: (name: string, way: (bus: Bus) => Batch) => Subject): Subject[] {
  return Object.entries(WAYS).map(([name, way]) => open(name, way));
}

/** One subscriber on another thread. */
const wanted = 'emit/1';
const emitWanted = inTurns(
  wanted,
  UNITS,
  subjects((name, way) => ({
    name,
    async open() {
      const { bus, verify } = await busWithReader();
      const batch = way(bus);
      let sent = 0;
      const timed = await timeCalls({
        maxBatch: BURST,
        prepare: () => drained(bus),
        batch(count, first) {
          batch(count, first);
          sent += count;
        },
      });
      return {
        async round(roundMs) {
          const values = await timed.round(roundMs);
          await verify(sent, wanted, name);
          return values;
        },
        async close() {
          await bus.close();
        },
      };
    },
  })),
);

/** Nobody subscribes: what a hot subsystem pays for being able to say something. */
const none = 'emit/none';
const emitNone = inTurns(
  none,
  UNITS,
  subjects((name, way) => ({
    name,
    async open() {
      const bus = createBus({ namespace: NAMESPACE });
      const batch = way(bus);
      let sent = 0;
      const timed = await timeCalls({
        batch(count, first) {
          batch(count, first);
          sent += count;
        },
      });
      return {
        async round(roundMs) {
          const values = await timed.round(roundMs);
          check(none, name, bus.stats().unwanted === sent, `${bus.stats().unwanted} events were counted of ${sent}`);
          return values;
        },
        async close() {
          await bus.close();
        },
      };
    },
  })),
);

export const cases: readonly BenchCase[] = [emitWanted, emitNone];
