/** What is counted, not timed: it must not grow with the number of subscribers. */
import { createBus } from 'ringcast';
import { drained } from '../bus-rig.js';
import { EVENT_MASK, NAMESPACE, TOPIC, typedEvents } from '../corpus.js';
import { type BenchCase, inTurns } from '../rounds.js';
import type { ReaderData } from '../threads/ringcast-reader.js';
import { Tally } from '../threads/tally.js';

const EVENTS = 1000;
const BURSTS = 20;
/** A burst below and one far above what readers take at a time. */
const BURST_EVENTS = { wakes: 100, 'wakes-long': 1000 };
/** Long enough for a reader to fall asleep after a burst. */
const PAUSE_MS = 5;

/** Ring bytes for an event: measured where nobody reads, so that all that was written is still held. */
function bytesPublished(readers: number): BenchCase {
  return inTurns(`bytes/publish/${readers}`, { bytes: 'bytes/event' }, [
    {
      name: 'ringcast',
      open() {
        return {
          async round() {
            const bus = createBus({ namespace: NAMESPACE });
            for (let i = 0; i < readers; i++) bus.subscribe(TOPIC);
            for (let i = 0; i < EVENTS; i++) bus.publish(TOPIC, typedEvents[i & EVENT_MASK]);
            const { usedBytes } = bus.stats().ring;
            bus.destroy();
            return { bytes: usedBytes / EVENTS };
          },
          close() {},
        };
      },
    },
  ]);
}

/** Notifications for each sleeping thread and burst. */
function wakesPerBurst(readers: number): BenchCase {
  return inTurns(`wakes/burst/${readers}`, { wakes: 'wakes/thread', 'wakes-long': 'wakes/thread' }, [
    {
      name: 'ringcast',
      async open() {
        const bus = createBus({ namespace: NAMESPACE });
        const tally = new Tally(readers);
        const module = new URL('../threads/ringcast-reader.js', import.meta.url);
        for (let reader = 0; reader < readers; reader++) {
          const data: ReaderData = { tally: tally.buffer, reader, reading: 'lazy' };
          await bus.subscribe(TOPIC, module, { data }).ready;
        }
        return {
          async round() {
            const wakes: Record<string, number> = {};
            for (const [metric, events] of Object.entries(BURST_EVENTS)) {
              let sent = 0;
              for (let burst = 0; burst < BURSTS; burst++) {
                await drained(bus);
                await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
                const before = bus.stats().wakes;
                for (let i = 0; i < events; i++) bus.publish(TOPIC, typedEvents[i & EVENT_MASK]);
                bus.flush();
                sent += bus.stats().wakes - before;
              }
              wakes[metric] = sent / (BURSTS * readers);
            }
            return wakes;
          },
          async close() {
            await bus.close();
          },
        };
      },
    },
  ]);
}

export const cases: readonly BenchCase[] = [1, 2, 4, 8].flatMap((n) => [bytesPublished(n), wakesPerBurst(n)]);
