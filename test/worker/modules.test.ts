import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';
import { AcmeByte } from '../fixtures/workers/acme-types.js';
import {
  closeDelivered,
  inlineModule,
  LARGE_TEXT,
  range,
  SMALL_RING_BYTES,
  thrownBy,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

describe('a subscriber module', { timeout: 600_000 }, () => {
  for (const loop of ['cooperative', 'dedicated'] as const) {
    test(`with a ${loop} loop is set up, gets its events in order, sleeps, wakes, and is torn down`, async () => {
      await using bus = createBus();
      const log = new SharedLog(2_000);
      const subscription = bus.subscribe('/a', workerModule('lifecycle'), { data: log.buffer, loop });
      assert.equal(subscription.stats().state, 'starting');
      bus.publish('/a', { id: 0 });
      await subscription.ready;
      await log.reaches(2);
      // One at a time: each has to wake it, or finds it on the way to sleep.
      for (const id of range(200).slice(1)) {
        bus.publish('/a', { id });
        await until(() => log.count === id + 2);
      }
      assert.equal(subscription.stats().state, 'reading');
      assert.equal(bus.stats().rescued, 0);
      await subscription.stop({ drain: true });
      assert.deepEqual(log.values, [1000, ...range(200), 2000, 3000]);
      const { state, delivered, failed, scanned } = subscription.stats();
      assert.deepEqual([state, delivered, failed, scanned], ['ended', 200, 0, 200]);
    });

    test(`with a ${loop} loop delivers what is accepted before stop with drain, and drops it at stop without`, async () => {
      await using bus = createBus();
      for (const drain of [true, false]) {
        const log = new SharedLog(2_000);
        const subscription = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer, loop });
        for (const id of range(100)) bus.publish('/a', { id });
        await log.reaches(1);
        const stopped = subscription.stop({ drain });
        bus.publish('/a', { id: 100 });
        log.open();
        await stopped;
        if (drain) assert.deepEqual(log.values, range(100));
        else assert.ok(log.count >= 1 && log.count <= 100);
        assert.equal(subscription.active, false);
      }
    });
  }

  test('with drain ends although what is queued is not for it', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const gated = new SharedLog(200);
    await bus.subscribe('/a', workerModule('gated-recorder'), { data: gated.buffer }).ready;
    const subscription = bus.subscribe('/b', workerModule('counter'));
    await subscription.ready;
    let id = 0;
    while (bus.publish('/a', { id: id++, text: LARGE_TEXT }));
    const stopped = subscription.stop({ drain: true });
    gated.open();
    await stopped;
  });

  test('can be stopped while it is starting', async () => {
    await using bus = createBus();
    const [started, told, handled] = [0, 1, 2];
    const cells = new Int32Array(new SharedArrayBuffer(3 * 4));
    const module = inlineModule(`export default {
      setup({ data }) { Atomics.store(data, ${started}, 1); Atomics.wait(data, ${told}, 0); },
      handle(_, { data }) { Atomics.add(data, ${handled}, 1); },
    }`);
    const subscription = bus.subscribe('/a', module, { data: cells });
    bus.publish('/a', { id: 0 });
    await until(() => cells[started] === 1);
    const stopped = subscription.stop();
    Atomics.store(cells, told, 1);
    Atomics.notify(cells, told);
    await stopped;
    assert.equal(cells[handled], 0);
    assert.equal(subscription.stats().state, 'ended');
    // Its reader is free again.
    assert.equal(bus.stats().ring.usedBytes, 0);
  });

  for (const how of ['destroy', 'close at its deadline'] as const) {
    test(`that is starting when a ${how} ends it is no failure`, async () => {
      const bus = createBus();
      const module = inlineModule('export default { setup() { return new Promise(() => {}) }, handle() {} }');
      const subscription = bus.subscribe('/a', module);
      const errors: unknown[] = [];
      subscription.on('error', (error) => errors.push(error));
      if (how === 'destroy') bus.destroy();
      else await bus.close({ drainTimeoutMs: 1 });
      await subscription.ended;
      await assert.rejects(subscription.ready, { code: 'BUS_SUBSCRIPTION_ENDED' });
      assert.deepEqual(errors, []);
    });
  }

  test('gets batches in order, each event once, if it asks for them', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const log = new SharedLog(3_000);
    const subscription = bus.subscribe('/a', workerModule('batch-recorder'), { data: log.buffer });
    for (const id of range(3_000)) if (!bus.publish('/a', { id, text: 'x'.repeat(100) })) await bus.writable();
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(3_000));
    assert.equal(subscription.stats().delivered, 3_000);
  });

  test('has a clone of its data, in which shared buffers are shared', async () => {
    await using bus = createBus();
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const data = { shared, plain: { value: 5 }, map: new Map([['key', 6]]) };
    const module = inlineModule(`export default {
      setup({ data, name }) { data.shared[0] = data.plain.value + data.map.get('key') + name.length; data.plain.value = 0; },
      handle() {},
    }`);
    const subscription = bus.subscribe('/a', module, { data, name: 'four' });
    data.plain.value = 1_000;
    await subscription.ready;
    assert.equal(shared[0], 15);
    assert.equal(data.plain.value, 1_000);
  });

  test('gets users’ classes from the types modules, like the thread of the bus', async () => {
    await using bus = createBus({
      types: [workerModule('acme-types')],
      topicTypes: { '/plain': 'acme.Byte' },
    });
    const log = new SharedLog(10);
    const here: unknown[] = [];
    bus.subscribe('/**', workerModule('typed-recorder'), { data: log.buffer });
    bus.subscribe('/**', ({ event }) => void here.push(event));
    bus.publish('/a', new AcmeByte(7));
    bus.publish('/plain', { value: 8 });
    bus.publish('/a', { value: 9 });
    await closeDelivered(bus);
    assert.deepEqual(log.values, [7, 8, -1]);
    assert.deepEqual(here, [new AcmeByte(7), new AcmeByte(8), { value: 9 }]);
  });

  test('starts with counts of its own on a reader that another one has used', async () => {
    await using bus = createBus();
    const log = new SharedLog(100);
    const first = bus.subscribe('/a', workerModule('recorder'), { data: log.buffer });
    for (const id of range(10)) bus.publish('/a', { id });
    await first.stop({ drain: true });
    assert.equal(first.stats().delivered, 10);
    const second = bus.subscribe('/a', workerModule('recorder'), { data: log.buffer });
    assert.equal(second.stats().delivered, 0);
    assert.equal(second.stats().scanned, 0);
    bus.publish('/a', { id: 10 });
    await second.stop({ drain: true });
    assert.equal(second.stats().delivered, 1);
    assert.equal(second.stats().scanned, 1);
    assert.equal(first.stats().delivered, 10);
  });

  test('is not started with options that make no sense, and takes no reader then', async () => {
    await using bus = createBus();
    for (const [options, code] of [
      [{ data: () => {} }, 'BUS_INVALID_OPTION'],
      [{ loop: 'spin' }, 'BUS_INVALID_OPTION'],
      [{ resourceLimits: 5 }, 'BUS_INVALID_OPTION'],
      [{ resourceLimits: { maxOldGenerationSizeMb: '64' } }, 'BUS_INVALID_OPTION'],
      [{ resourceLimits: { maxOldGenerationSizeMb: -1 } }, 'BUS_INVALID_OPTION'],
      [{ resourceLimits: { stackSizeMb: Number.POSITIVE_INFINITY } }, 'BUS_INVALID_OPTION'],
      [{ resourceLimits: { maxHeap: 64 } }, 'BUS_UNKNOWN_OPTION'],
      [{ once: true }, 'BUS_UNKNOWN_OPTION'],
    ] as const) {
      assert.equal(thrownBy(() => bus.subscribe('/a', workerModule('counter'), options as never)).code, code);
    }
    assert.deepEqual(bus.stats().subscriptions, []);
    assert.equal(bus.publish('/a', null), true);
    assert.equal(bus.stats().unwanted, 1);
  });
});
