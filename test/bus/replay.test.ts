import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus, type From } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

const KEEPING = { capacityBytes: SMALL_RING_BYTES, keepUnwanted: true };

describe('a subscription that begins among what the ring holds', { timeout: 600_000 }, () => {
  const cases: readonly [name: string, from: From, ids: readonly number[]][] = [
    ['now', 'now', [10, 11]],
    ['oldest', 'oldest', range(12)],
    ['last 3', { last: 3 }, [7, 8, 9, 10, 11]],
    ['last 0', { last: 0 }, [10, 11]],
    ['last 100', { last: 100 }, range(12)],
    ['sequence 4', { sequence: 4 }, range(12).slice(4)],
    ['sequence 10, the next one', { sequence: 10 }, [10, 11]],
    ['sequence 11, one that is not written yet', { sequence: 11 }, [11]],
  ];
  for (const [name, from, ids] of cases) {
    test(`(${name}) gets those, then what follows, with neither gap nor overlap`, async () => {
      await using bus = createBus(KEEPING);
      for (const id of range(10)) bus.publish('/a', { id });
      const late = record(bus, '/a', { from });
      for (const id of [10, 11]) bus.publish('/a', { id });
      await late.subscription.stop({ drain: true });
      assert.deepEqual(late.ids, ids);
      assert.equal(late.subscription.stats().lagged, 0);
    });
  }

  test('counts the last n of those that its filter selects', async () => {
    await using bus = createBus(KEEPING);
    for (const id of range(10)) bus.publish(id % 2 === 0 ? '/even' : '/odd', { id });
    const late = record(bus, '/even', { from: { last: 2 } });
    await late.subscription.stop({ drain: true });
    assert.deepEqual(late.ids, [6, 8]);
  });

  for (const from of ['oldest', { last: 2 }] as const) {
    test(`(${JSON.stringify(from)}) while events wait on the heap gets each of them once`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const latch = new Latch();
      bus.subscribe('/a', () => latch.opened);
      const accepted = fillRing(bus, '/a');
      bus.publish('/a', { id: accepted });
      const waiting = bus.stats().pending.events;
      assert.equal(waiting, 2);
      const late = record(bus, '/a', { from });
      bus.publish('/a', { id: accepted + 1 });
      latch.open();
      await late.subscription.stop({ drain: true });
      const all = range(accepted + 2);
      assert.deepEqual(late.ids, from === 'oldest' ? all : all.slice(accepted + 1 - waiting - 2));
    });
  }

  test('and that searches for its start does not take the wake-up of a publisher that waits', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const latch = new Latch();
    const slow = bus.subscribe('/a', () => latch.opened);
    const accepted = fillRing(bus, '/a');
    const writable = bus.writable();
    await new Promise(setImmediate);
    const late = record(bus, '/a', { from: { last: 1 } });
    latch.open();
    await writable;
    assert.equal(bus.stats().pending.events, 0);
    await Promise.all([late.subscription.stop({ drain: true }), slow.stop({ drain: true })]);
    assert.equal(slow.stats().delivered, accepted);
    assert.deepEqual(late.ids, [accepted - 2, accepted - 1]);
  });

  for (const delivery of ['lossless', 'lossy'] as const) {
    test(`(${delivery}) whose start is gone is told how much it missed`, async () => {
      await using bus = createBus(KEEPING);
      for (const id of range(50)) bus.publish('/a', { id, text: LARGE_TEXT });
      const seen: { id: number; lagged: number }[] = [];
      const late = bus.subscribe('/a', (envelope) => void seen.push({ id: idOf(envelope), lagged: envelope.lagged }), {
        delivery,
        from: { sequence: 5 },
      });
      const told = once(late, 'lagged');
      await late.stop({ drain: true });
      const [{ first, count }] = await told;
      assert.equal(first, 5);
      assert.ok(count > 30);
      assert.deepEqual(seen[0], { id: 5 + count, lagged: count });
      assert.equal(seen.length, 50 - 5 - count);
      const { lagged, scanned } = late.stats();
      assert.deepEqual([lagged, lagged + scanned], [count, 45]);
    });
  }

  test('as a module whose start is gone is told once, even when its thread dies before it reads', async () => {
    await using bus = createBus(KEEPING);
    for (const id of range(50)) bus.publish('/a', { id: 100 + id, text: LARGE_TEXT });
    const log = new SharedLog(100);
    const deaths = new Int32Array(new SharedArrayBuffer(13 * 4));
    deaths[10] = 2;
    const late = bus.subscribe('/a', workerModule('mortal'), {
      from: { sequence: 0 },
      data: { log: log.buffer, death: 'exit', deaths },
      restart: { backoffMs: 0 },
    });
    let told = 0;
    late.on('lagged', ({ count }) => {
      told += count;
    });
    await closeDelivered(bus);
    const { lagged, scanned, restarts } = late.stats();
    assert.equal(restarts, 2);
    assert.equal(lagged, told);
    assert.equal(lagged + scanned, 50);
    assert.deepEqual(
      log.values,
      range(50)
        .slice(lagged)
        .map((id) => 100 + id),
    );
  });
});

describe('events that nobody wants', { timeout: 600_000 }, () => {
  test('are not written, and so not replayed, unless the bus keeps them', async () => {
    for (const keepUnwanted of [false, true]) {
      await using bus = createBus({ keepUnwanted });
      for (const id of range(5)) bus.publish('/a', { id });
      const { published, unwanted, written } = bus.stats();
      assert.deepEqual(
        { published, unwanted, written },
        keepUnwanted ? { published: 5, unwanted: 0, written: 5 } : { published: 5, unwanted: 5, written: 0 },
      );
      const late = record(bus, '/a', { from: 'oldest' });
      await late.subscription.stop({ drain: true });
      assert.deepEqual(late.ids, keepUnwanted ? range(5) : []);
    }
  });

  test('and are kept never make publish wait', async () => {
    await using bus = createBus(KEEPING);
    for (const id of range(100)) assert.equal(bus.publish('/a', { id, text: LARGE_TEXT }), true);
    const late = record(bus, '/a', { from: 'oldest' });
    await until(() => late.ids.length > 0 && late.ids.at(-1) === 99);
    assert.deepEqual(late.ids, range(100).slice(100 - late.ids.length));
  });
});
