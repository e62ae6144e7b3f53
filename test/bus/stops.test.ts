import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus, type ModuleOptions, type Subscription } from '../../src/index.js';
import { inlineModule, LARGE_TEXT, Latch, range, SMALL_RING_BYTES, until } from '../support/bus-scene.js';

/** Cells that a module and its test share: events begun, and what lets the handler go on. */
const BEGUN = 0;
const GO = 1;

const MODULES = {
  'an async handler': `export default async (_, { data }) => {
    Atomics.add(data, 0, 1);
    await Atomics.waitAsync(data, 1, 0).value;
  };`,
  'a blocked handler': `export default (_, { data }) => {
    Atomics.add(data, 0, 1);
    Atomics.wait(data, 1, 0);
  };`,
  'a blocked batch': `export default { handleBatch(_, { data }) {
    Atomics.add(data, 0, 1);
    Atomics.wait(data, 1, 0);
  } };`,
  setup: `export default { async setup({ data }) {
    Atomics.add(data, 0, 1);
    await Atomics.waitAsync(data, 1, 0).value;
  }, handle() {} };`,
  loading: `
    await new Promise((resolve) => setTimeout(resolve, 500));
    export default () => {};`,
};

/** Publishes three times what the ring holds, to a lossy subscription too, so that all of it is written. */
function overrun(bus: Bus): boolean[] {
  return range(3 * (SMALL_RING_BYTES / LARGE_TEXT.length)).map((id) => bus.tryPublish('/a', { id, text: LARGE_TEXT }));
}

/** What is told of a subscription by events. */
function toldOf(bus: Bus, subscription: Subscription): string[] {
  const told: string[] = [];
  for (const name of ['evicted', 'lagged', 'error'] as const) subscription.on(name, () => told.push(name));
  bus.on('evicted', () => told.push('evicted'));
  return told;
}

describe('a subscription that is stopped', { timeout: 600_000 }, () => {
  for (const [where, source] of Object.entries(MODULES)) {
    for (const loop of ['cooperative', 'dedicated'] satisfies ModuleOptions['loop'][]) {
      test(`holds nobody from the call on, though its thread (${loop}) is in ${where}`, async () => {
        await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
        bus.subscribe('/a', () => {}, { delivery: 'lossy' });
        const data = new Int32Array(new SharedArrayBuffer(8));
        const subscription = bus.subscribe('/a', inlineModule(source), { data, loop });
        const told = toldOf(bus, subscription);
        for (const id of range(3)) bus.publish('/a', { id });
        if (where !== 'loading') await until(() => Atomics.load(data, BEGUN) > 0);
        const ended = subscription.stop();
        assert.ok(overrun(bus).every((accepted) => accepted));
        assert.equal(subscription.stats().backlogBytes, 0);
        Atomics.store(data, GO, 1);
        Atomics.notify(data, GO);
        await ended;
        assert.deepEqual(told, []);
        const { state, lagged } = subscription.stats();
        assert.deepEqual([state, lagged, bus.stats().evictions], ['ended', 0, 0]);
      });
    }
  }

  const local: readonly [name: string, subscribe: (bus: Bus, begun: () => void) => () => void][] = [
    [
      'a pending handler',
      (bus, begun) => {
        const subscription = bus.subscribe('/a', () => new Promise<void>(begun));
        return () => void subscription.stop();
      },
    ],
    [
      'a pending handler of its own reader',
      (bus, begun) => {
        const subscription = bus.subscribe('/a', () => new Promise<void>(begun), { isolate: true });
        return () => void subscription.stop();
      },
    ],
    [
      'a stream with an event in hand',
      (bus, begun) => {
        const stream = bus.subscribe('/a');
        void stream.next().then(begun);
        return () => void stream.return();
      },
    ],
  ];
  for (const [name, subscribe] of local) {
    test(`holds nobody from the call on: ${name}`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      bus.subscribe('/a', () => {}, { delivery: 'lossy' });
      const begun = new Latch();
      const stop = subscribe(bus, begun.open);
      for (const id of range(3)) bus.publish('/a', { id });
      await begun.opened;
      stop();
      assert.ok(overrun(bus).every((accepted) => accepted));
      assert.equal(bus.stats().evictions, 0);
      // A close would wait for the handler, which never returns.
      bus.destroy();
    });
  }

  test('in its own handler holds nobody from there on: what the handler publishes next has room', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    bus.subscribe('/a', () => {}, { delivery: 'lossy' });
    let accepted: boolean[] = [];
    const subscription = bus.subscribe('/b', () => {
      void subscription.stop();
      accepted = overrun(bus);
    });
    bus.publish('/b', { id: 0 });
    await subscription.ended;
    assert.ok(accepted.length > 0 && accepted.every(Boolean));
  });

  test('gives its reader up at once: there is one for any number that come and go in one turn', async () => {
    await using bus = createBus();
    for (const _ of range(200)) void bus.subscribe('/a', () => {}, { isolate: true }).stop();
    const ids: number[] = [];
    bus.subscribe('/a', ({ event }) => {
      ids.push((event as { id: number }).id);
    });
    bus.publish('/a', { id: 7 });
    await bus.close();
    assert.deepEqual(ids, [7]);
  });
});
