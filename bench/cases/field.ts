/**
 * What a condition on a field costs an event: `event.exit_status!=0` as the filter of a subscription, beside a handler that
 * gets all events and decodes each to look at the field. Timed from the first event of a batch to the last, on one thread.
 */
import { createBus, type Envelope } from 'ringcast';
import { drained } from '../bus-rig.js';
import { timeCalls } from '../call-timing.js';
import { EVENT_MASK, NAMESPACE, type PlainTaskExit, plainEvents, TOPIC, typedEvents } from '../corpus.js';
import { check } from '../results.js';
import { type BenchCase, inTurns, type Subject } from '../rounds.js';

const CASE = 'filter/field';
const CONDITION = `topic=="${TOPIC}",event.exit_status!=0`;
/** Fits the ring. */
const BATCH = 4000;

/** @param counts whether the handler counts an event */
function subject(name: string, filter: string, counts: (envelope: Envelope) => boolean): Subject {
  return {
    name,
    async open() {
      const bus = createBus({ namespace: NAMESPACE });
      let found = 0;
      bus.subscribe(filter, (envelope) => {
        if (counts(envelope)) found++;
      });
      let expected = 0;
      const timed = await timeCalls({
        maxBatch: BATCH,
        batch(count, first) {
          for (let i = first; i < first + count; i++) {
            if (plainEvents[i & EVENT_MASK]!.exitStatus !== 0) expected++;
            bus.publish(TOPIC, typedEvents[i & EVENT_MASK]);
          }
        },
        finish: () => drained(bus),
      });
      return {
        async round(roundMs) {
          const { delivery } = await timed.round(roundMs);
          check(CASE, name, found === expected, `${found} events were found of ${expected}`);
          return { cost: delivery! };
        },
        async close() {
          await bus.close();
        },
      };
    },
  };
}

export const cases: readonly BenchCase[] = [
  inTurns(CASE, { cost: 'ns' }, [
    subject('ringcast', CONDITION, () => true),
    subject('decoding', TOPIC, ({ event }) => (event as PlainTaskExit).exitStatus !== 0),
  ]),
];
