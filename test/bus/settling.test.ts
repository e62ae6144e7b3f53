/** Nothing is concluded in the middle of a batch: whoever stops gets, or is told that it missed, every record up to the stop. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus, type Subscription } from '../../src/index.js';
import type { LagRange } from '../../src/worker/dispatch/lag.js';
import { inlineModule, LARGE_TEXT, range, SMALL_RING_BYTES, turn } from '../support/bus-scene.js';
import { size } from '../support/full.js';

/** Some laps of the smallest ring. */
const EVENTS = 40;
const HANDLED = 0;
const TORN_DOWN = 1;
const LATE = 2;

const SYNC = 'Atomics.add(counts, 0, 1); Atomics.add(counts, 2, Atomics.load(counts, 1));';

/** A module that counts what it handles, and what it handles after its teardown. */
function countingModule(kind: string): URL {
  const handler = {
    sync: `handle() { ${SYNC} }`,
    async: `async handle() { await new Promise((resolve) => setTimeout(resolve, 1)); ${SYNC} }`,
    batch: `handleBatch(events) { for (const _ of events) { ${SYNC} } }`,
    'async batch': `async handleBatch(events) { await null; for (const _ of events) { ${SYNC} } }`,
  }[kind]!;
  return inlineModule(`
    let counts;
    export default { setup(context) { counts = context.data; }, ${handler}, teardown() { Atomics.store(counts, 1, 1); } };`);
}

async function busWithLostHistory(): Promise<Bus> {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, keepUnwanted: true });
  for (const id of range(EVENTS)) bus.publish('/a', { id, text: LARGE_TEXT });
  await turn();
  return bus;
}

/** Every record was handled or told of as missed, whenever the stop came. */
function assertSettled(subscription: Subscription, handled: number, told: readonly LagRange[]): void {
  const { delivered, scanned, lagged } = subscription.stats();
  assert.deepEqual([handled + lagged, delivered, scanned + lagged], [EVENTS, handled, EVENTS]);
  assert.deepEqual(told, [{ first: 0, count: lagged }]);
}

describe('a subscription that is stopped as soon as it was made', { timeout: 600_000 }, () => {
  for (const verb of ['stop', 'close'] as const) {
    for (const loop of ['cooperative', 'dedicated'] as const) {
      for (const [index, kind] of ['sync', 'async', 'batch', 'async batch'].entries()) {
        test(`(${verb}, ${loop}, ${kind}) settles all that it replays before its teardown`, async () => {
          // In a short run the one or the other, and the other way round with the other verb.
          const first = index + (verb === 'stop' ? 0 : 1);
          for (const round of range(size(1, 8)).map((step) => first + step)) {
            const bus = await busWithLostHistory();
            const data = new Int32Array(new SharedArrayBuffer(12));
            const options = { data, loop, from: { sequence: 0 } } as const;
            const subscription = bus.subscribe('/a', countingModule(kind), options);
            const told: LagRange[] = [];
            subscription.on('lagged', (lag) => told.push(lag));
            // While the thread starts, or just as it has begun to read.
            if (round % 2 === 1) await subscription.ready;
            if (verb === 'stop') await subscription.stop({ drain: true });
            assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
            assertSettled(subscription, data[HANDLED]!, told);
            assert.deepEqual([data[TORN_DOWN], data[LATE]], [1, 0]);
          }
        });
      }
    }
    test(`(${verb}, on the thread of the bus) settles all that it replays`, async () => {
      for (const turns of range(6)) {
        const bus = await busWithLostHistory();
        let handled = 0;
        const handle = async (): Promise<void> => {
          await turn();
          handled++;
        };
        const subscription = bus.subscribe('/a', handle, { from: { sequence: 0 } });
        const told: LagRange[] = [];
        subscription.on('lagged', (lag) => told.push(lag));
        for (const _ of range(turns)) await turn();
        if (verb === 'stop') await subscription.stop({ drain: true });
        else assert.deepEqual(await bus.close(), { undelivered: 0 });
        assertSettled(subscription, handled, told);
        await bus.close();
      }
    });
  }
});
