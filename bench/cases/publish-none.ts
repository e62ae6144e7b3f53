/** What a publish costs that nobody wants: nobody listens to the topic, somebody listens to another. */
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { createBus } from 'ringcast';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK, TOPIC, typedEvents } from '../corpus.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Running } from '../rounds.js';

const UNITS = { cost: 'ns' };
const none = 'publish/none';
const OTHER_TOPIC = '/images/create';
const publishNone = inTurns(none, UNITS, [
  {
    name: 'ringcast',
    async open(): Promise<Running> {
      const bus = createBus();
      bus.subscribe(OTHER_TOPIC, () => {});
      bus.publish(TOPIC, typedEvents[0]);
      bus.publish(TOPIC, typedEvents[0]);
      const { published, unwanted, written } = bus.stats();
      check(none, 'ringcast', published === 2 && unwanted === 2 && written === 0, 'it wrote what nobody wants');
      const timed = await timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) bus.publish(TOPIC, typedEvents[i & EVENT_MASK]);
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
  {
    name: 'EventEmitter',
    open() {
      const emitter = new EventEmitter().on(OTHER_TOPIC, () => {});
      check(none, 'EventEmitter', !emitter.emit(TOPIC, typedEvents[0]), 'somebody heard');
      return timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) emitter.emit(TOPIC, typedEvents[i & EVENT_MASK]);
        },
      });
    },
  },
  {
    name: 'diagnostics_channel',
    open() {
      const silent = channel('bench:none');
      check(none, 'diagnostics_channel', !silent.hasSubscribers, 'somebody listens');
      return timeCalls({
        batch(count, first) {
          for (let i = first; i < first + count; i++) silent.publish(typedEvents[i & EVENT_MASK]);
        },
      });
    },
  },
]);

export const cases: readonly BenchCase[] = [publishNone];
