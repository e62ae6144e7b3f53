/** A filter that changes while events flow: each event is decided by the filter in force when it was accepted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Bus, createBus, type FilterInput, type Subscription } from '../../src/index.js';
import {
  closeDelivered,
  inlineModule,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { SharedLog } from '../support/shared-log.js';

/** Filters, each beside the same in plain words. */
const FILTERS: readonly { readonly filter: FilterInput; selects(topic: string, id: number): boolean }[] = [
  { filter: '/a', selects: (topic) => topic === '/a' },
  { filter: ['/b', '/c/*'], selects: (topic) => topic !== '/a' },
  { filter: '/**', selects: () => true },
  { filter: { exclude: '/c/**' }, selects: (topic) => topic !== '/c/d' },
  { filter: 'topic=="/b"', selects: (topic) => topic === '/b' },
  { filter: '/nothing', selects: () => false },
];
const TOPICS = ['/a', '/b', '/c/d'] as const;

type Step =
  | { readonly kind: 'publish'; readonly topic: string; readonly count: number; readonly textLength: number }
  | { readonly kind: 'filter'; readonly index: number }
  | { readonly kind: 'turn' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('publish' as const),
        topic: fc.constantFrom(...TOPICS),
        count: fc.integer({ min: 1, max: 12 }),
        textLength: fc.constantFrom(0, 100, 3_000),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('filter' as const), index: fc.nat({ max: FILTERS.length - 1 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'turn' as const }) },
  ),
  { minLength: 1, maxLength: 60 },
);

/** Takes the steps and returns the ids that the subscription is owed: also what waits on the heap is decided already. */
async function take(bus: Bus, subscription: Subscription, plan: readonly Step[], first = 0): Promise<number[]> {
  const owed: number[] = [];
  let inForce = FILTERS[0]!;
  let id = first;
  for (const step of plan) {
    if (step.kind === 'turn') await turn();
    else if (step.kind === 'filter') {
      inForce = FILTERS[step.index]!;
      subscription.setFilter(inForce.filter);
    } else {
      for (let n = 0; n < step.count; n++) {
        bus.publish(step.topic, { id, text: 'x'.repeat(step.textLength) });
        if (inForce.selects(step.topic, id)) owed.push(id);
        id++;
      }
    }
  }
  return owed;
}

describe('a filter changed while events flow', { timeout: 600_000 }, () => {
  test('decides what a handler gets from the next event on, whatever waits in the ring or behind it', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (plan, isolate) => {
        const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
        const { subscription, ids } = record(bus, FILTERS[0]!.filter as string, { isolate });
        // Siblings on the same reader are left alone.
        const sibling = record(bus, '/**');
        const owed = await take(bus, subscription, plan);
        assert.deepEqual(await bus.close(), { undelivered: 0 });
        assert.deepEqual(ids, owed);
        assert.deepEqual(sibling.ids, range(sibling.ids.length));
        assert.equal(bus.stats().rescued, 0);
      }),
      { numRuns: size(50, 150) },
    );
  });

  for (const loop of ['cooperative', 'dedicated'] as const) {
    test(`decides what a thread with a ${loop} loop gets`, async () => {
      const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const log = new SharedLog(100_000);
      const subscription = bus.subscribe(FILTERS[0]!.filter, workerModule('recorder'), { data: log.buffer, loop });
      const plans = fc.sample(steps, { numRuns: size(40, 120), seed: 7 });
      const owed: number[] = [];
      for (const [index, plan] of plans.entries()) {
        subscription.setFilter(FILTERS[0]!.filter);
        owed.push(...(await take(bus, subscription, plan, index * 1_000)));
        if (index % 3 === 0) await bus.writable();
      }
      await closeDelivered(bus);
      assert.deepEqual(log.values, owed);
      assert.equal(bus.stats().rescued, 0);
    });
  }

  test('decides what a thread gets that starts, dies and is started again meanwhile', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const log = new SharedLog(100_000);
    const died = new Int32Array(new SharedArrayBuffer(4 * 12_000));
    // Dies of every twentieth event, once.
    const module = inlineModule(`
      export default ({ event: { id } }, { data: { log, died } }) => {
        const cells = new Int32Array(log);
        const count = Atomics.load(cells, 0);
        cells[2 + count] = id;
        Atomics.store(cells, 0, count + 1);
        if (id % 20 === 10 && Atomics.exchange(died, id, 1) === 0) process.exit(1);
      };
    `);
    const data = { log: log.buffer, died };
    const restart = { maxRestarts: 1_000, backoffMs: 0 };
    const subscription = bus.subscribe(FILTERS[0]!.filter, module, { data, restart });
    let restarts = 0;
    subscription.on('restart', () => restarts++);
    const owed: number[] = [];
    for (const [index, plan] of fc.sample(steps, { numRuns: 12, seed: 11 }).entries()) {
      subscription.setFilter(FILTERS[0]!.filter);
      owed.push(...(await take(bus, subscription, plan, index * 1_000)));
      await bus.writable();
    }
    await closeDelivered(bus);
    // What was in hand comes again: once sorted and deduplicated, nothing is missing and nothing too many.
    assert.deepEqual(
      [...new Set(log.values)].sort((a, b) => a - b),
      owed,
    );
    assert.ok(restarts > 2, `the thread was restarted ${restarts} times`);
  });

  test('counts what it selected of what a bus gives up', async () => {
    const bus = createBus();
    const stream = bus.subscribe('/a');
    for (const id of range(3)) bus.publish('/a', { id });
    stream.setFilter('/b');
    for (const id of range(5)) bus.publish('/a', { id });
    for (const id of range(7)) bus.publish('/b', { id });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 1 }), { undelivered: 3 + 7 });
  });

  test('keeps what nobody wants any more out of the ring, from the next event on', async () => {
    await using bus = createBus();
    const { subscription, ids } = record(bus, '/a');
    bus.publish('/a', { id: 0 });
    subscription.setFilter('/b');
    bus.publish('/a', { id: 1 });
    bus.publish('/b', { id: 2 });
    assert.equal(bus.stats().written, 2);
    assert.equal(bus.stats().unwanted, 1);
    await until(() => ids.length === 2);
    assert.deepEqual(ids, [0, 2]);
    assert.deepEqual([subscription.filter, subscription.stats().filter], ['/b', '/b']);
  });

  test('wakes a sleeping thread for what only the new filter selects', async () => {
    await using bus = createBus();
    const log = new SharedLog(100);
    const subscription = bus.subscribe('/a', workerModule('recorder'), { data: log.buffer });
    await subscription.ready;
    for (const id of range(40)) {
      subscription.setFilter(id % 2 === 0 ? '/b' : '/c');
      bus.publish(id % 2 === 0 ? '/c' : '/b', { id: -1 });
      bus.publish(id % 2 === 0 ? '/b' : '/c', { id });
      await log.reaches(id + 1);
    }
    assert.deepEqual(log.values, range(40));
    assert.equal(bus.stats().rescued, 0);
  });

  test('costs nothing that stays, however often it changes and whether or not anything comes', async () => {
    await using bus = createBus();
    const { subscription, ids } = record(bus, '/a');
    const other = record(bus, '/busy', { isolate: true });
    await turn();
    for (const id of range(2_000)) {
      subscription.setFilter(id % 2 === 0 ? '/b' : '/a');
      bus.publish('/busy', { id });
      if (id % 100 === 0) await until(() => subscription.stats().scanned > id);
      // Unread changes are kept for unread records only.
      assert.ok(subscription.delivery.filters.length <= 102);
    }
    bus.publish('/a', { id: 7 });
    await bus.close();
    assert.deepEqual(ids, [7]);
    assert.deepEqual(other.ids, range(2_000));
  });

  test('costs nothing that stays where a lossy handler is pending for long, and decides what comes after that', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, keepUnwanted: true });
    const latch = new Latch();
    const got: string[] = [];
    const lossy = bus.subscribe(
      '/a',
      ({ topic }) => {
        got.push(topic);
        return got.length === 1 ? latch.opened : undefined;
      },
      { delivery: 'lossy' },
    );
    bus.publish('/a', null);
    await until(() => got.length === 1);
    const large = 'x'.repeat(1_000);
    for (let i = 0; i < 3_000; i++) {
      lossy.setFilter(i % 2 === 0 ? '/a' : '/b');
      bus.publish('/b', large);
    }
    // A change for each record that the ring holds.
    assert.ok(lossy.delivery.filters.length <= 70, `${lossy.delivery.filters.length} filters`);
    lossy.setFilter('/c');
    latch.open();
    bus.publish('/a', null);
    bus.publish('/c', null);
    await bus.close();
    const { length } = got;
    assert.deepEqual([got[0], got.at(-1)], ['/a', '/c']);
    // Every other record, of those that were not overwritten.
    assert.ok(length > 10 && length < 40, `${length} received`);
    assert.ok(got.slice(1, -1).every((topic) => topic === '/b'));
  });

  test('is refused when its thread is gone for good, by the time that is told', async () => {
    await using bus = createBus();
    const module = inlineModule('export default () => process.exit(7);');
    const subscription = bus.subscribe('/a', module, { restart: 'never' });
    const told = new Promise<Error & { readonly code?: string }>((resolve) => {
      subscription.on('error', () => resolve(thrownBy(() => subscription.setFilter('/b'))));
    });
    bus.publish('/a', { id: 0 });
    assert.equal((await told).code, 'BUS_SUBSCRIPTION_ENDED');
    await subscription.ended;
    bus.publish('/b', { id: 1 });
    assert.equal(bus.stats().unwanted, 1);
  });

  test('is refused after stop, while an event is being encoded, and when it is no filter; then nothing changes', async () => {
    await using bus = createBus();
    const { subscription, ids } = record(bus, '/a');
    assert.equal(thrownBy(() => subscription.setFilter('/tasks/[')).name, 'InvalidGlobError');
    assert.equal(thrownBy(() => subscription.setFilter(5 as never)).name, 'InvalidFilterError');
    let refused: unknown;
    bus.publish('/a', {
      get id() {
        refused = thrownBy(() => subscription.setFilter('/b')).code;
        return 0;
      },
    });
    assert.equal(refused, 'BUS_REENTRANT_PUBLISH');
    bus.publish('/a', { id: 1 });
    await subscription.stop({ drain: true });
    assert.deepEqual(ids, [0, 1]);
    assert.equal(thrownBy(() => subscription.setFilter('/b')).code, 'BUS_SUBSCRIPTION_ENDED');
    assert.equal(subscription.filter, '/a');
  });
});
