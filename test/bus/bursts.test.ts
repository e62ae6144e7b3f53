import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus } from '../../src/index.js';
import { closeDelivered, range, record, until } from '../support/bus-scene.js';

/** Wakes that `act` costs, on a bus whose one reader sleeps when it begins. */
async function wakesOf(bus: Bus, act: () => Promise<void>): Promise<number> {
  await until(() => bus.stats().subscriptions[0]!.asleep);
  const before = bus.stats().wakes;
  await act();
  return bus.stats().wakes - before;
}

/** Blocks this thread, for that long at least. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a burst', { timeout: 600_000 }, () => {
  test('that goes on in promise reactions wakes a sleeping reader once for several events', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const wakes = await wakesOf(bus, async () => {
      for (const id of range(10)) {
        bus.publish('/a', { id });
        await null;
      }
      await until(() => ids.length === 10);
    });
    assert.equal(wakes, 1);
    await closeDelivered(bus);
  });

  test('ends although promise reactions go on', async () => {
    await using bus = createBus();
    record(bus, '/a');
    let rounds = 0;
    const wakes = await wakesOf(bus, async () => {
      bus.publish('/a', { id: 0 });
      const before = bus.stats().wakes;
      // Never lets the event loop turn.
      for (; bus.stats().wakes === before && rounds < 10_000; rounds++) await null;
    });
    assert.equal(wakes, 1, `none in ${rounds} rounds`);
    await closeDelivered(bus);
  });

  test('that lasts is interrupted: a sleeping reader on another core need not wait for its end', async () => {
    await using bus = createBus();
    record(bus, '/a');
    const wakes = await wakesOf(bus, async () => {
      const before = bus.stats().wakes;
      const publish = (count: number): void => {
        for (const id of range(count)) bus.publish('/a', { id });
      };
      publish(40);
      block(5);
      publish(40);
      assert.equal(bus.stats().wakes - before, 1, 'it has lasted for 5 ms');
    });
    assert.equal(wakes, 1);
    await closeDelivered(bus);
  });

  test('that was flushed by hand is not flushed again, and the next one is', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    for (const id of range(3)) {
      const wakes = await wakesOf(bus, async () => {
        bus.publish('/a', { id });
        if (id % 2 === 0) bus.flush();
        await until(() => ids.length === id + 1);
      });
      assert.equal(wakes, 1);
    }
    await closeDelivered(bus);
  });
});
