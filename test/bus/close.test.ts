import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusClosedError, createBus } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

const SMALL = { capacityBytes: SMALL_RING_BYTES };

describe('close', { timeout: 600_000 }, () => {
  test('delivers everything that was accepted, in all forms, the queue included', async () => {
    await using bus = createBus(SMALL);
    const log = new SharedLog(100);
    log.open();
    const batches = new SharedLog(100);
    const dedicated = new SharedLog(100);
    const handled = record(bus, '/a');
    const isolated: number[] = [];
    bus.subscribe(
      '/a',
      async (envelope) => {
        await turn();
        isolated.push(idOf(envelope));
      },
      { isolate: true },
    );
    bus.subscribe('/a', workerModule('slow-recorder'), { data: log.buffer });
    bus.subscribe('/a', workerModule('batch-recorder'), { data: batches.buffer });
    bus.subscribe('/a', workerModule('recorder'), { data: dedicated.buffer, loop: 'dedicated' });
    const streamed: number[] = [];
    const reading = (async () => {
      for await (const envelope of bus.subscribe('/a')) streamed.push(idOf(envelope));
    })();
    let id = fillRing(bus, '/a');
    for (; id < 30; id++) bus.publish('/a', { id, text: 'x'.repeat(5_000) });
    assert.ok(bus.stats().pending.events > 10);
    await closeDelivered(bus);
    await reading;
    for (const ids of [handled.ids, isolated, log.values, batches.values, dedicated.values, streamed]) {
      assert.deepEqual(ids, range(30));
    }
    const { published, written, pending, ring, subscriptions } = bus.stats();
    assert.deepEqual([published, written, pending.events, ring.usedBytes], [30, 30, 0, 0]);
    assert.deepEqual(subscriptions, []);
  });

  test('refuses everything from the call on, and gives the same promise again', async () => {
    const bus = createBus();
    const { ids } = record(bus, '/a');
    bus.publish('/a', { id: 0 });
    const closing = bus.close();
    assert.equal(bus.close({ drainTimeoutMs: 0 }), closing);
    for (const when of ['closing', 'closed']) {
      for (const act of [
        () => bus.publish('/a', null),
        () => bus.tryPublish('/a', null),
        () => bus.publishSync('/a', null),
        () => bus.forward(new Uint8Array(0)),
        () => bus.subscribe('/a', () => {}),
        () => bus.subscribe('/a'),
      ]) {
        const error = thrownBy(act);
        assert.ok(error instanceof BusClosedError, when);
        assert.equal(error.code, 'BUS_CLOSED');
      }
      await assert.rejects(bus.writable(), { code: 'BUS_CLOSED' });
      await closing;
    }
    bus.flush();
    bus.destroy();
    assert.deepEqual(ids, [0]);
    assert.equal(bus.stats().published, 1);
  });

  test('of a bus that nobody used resolves', async () => {
    assert.deepEqual(await createBus().close(), { undelivered: 0 });
  });

  test('gives up at the deadline and counts exactly what a stuck handler was owed', async () => {
    const bus = createBus(SMALL);
    const stuck: number[] = [];
    bus.subscribe('/a', (envelope) => {
      stuck.push(idOf(envelope));
      return idOf(envelope) < 3 ? undefined : new Promise<void>(() => {});
    });
    bus.subscribe('/b', () => {});
    let id = fillRing(bus, '/a');
    for (; id < 20; id++) bus.publish('/a', { id });
    bus.publish('/b', null);
    await until(() => stuck.length === 4);
    // Owed: 3, which is in hand, to 19, and the one on /b behind them.
    assert.deepEqual(await bus.close({ drainTimeoutMs: 10 }), { undelivered: 18 });
    assert.deepEqual(stuck, range(4));
  });

  test('owes a subscription that takes only so many no more than the rest of them', async () => {
    const bus = createBus();
    bus.subscribe('/a', () => {}, { once: true });
    bus.subscribe('/a', () => {}, { many: 3 });
    bus.subscribe('/a', () => {}, { many: 9 });
    const next = bus.next('/a');
    for (const id of range(5)) bus.publish('/a', { id });
    bus.destroy();
    assert.deepEqual(await bus.close(), { undelivered: 1 + 3 + 5 + 1 });
    await assert.rejects(next, { code: 'BUS_SUBSCRIPTION_ENDED' });
  });

  test('counts for each subscription of a stuck reader what is its own', async () => {
    const bus = createBus();
    const seen: number[] = [];
    bus.subscribe('/a', () => new Promise<void>(() => {}));
    bus.subscribe('/a', (envelope) => void seen.push(idOf(envelope)));
    for (const id of range(5)) bus.publish('/a', { id });
    await until(() => seen.length === 5);
    assert.deepEqual(await bus.close({ drainTimeoutMs: 10 }), { undelivered: 5 });
  });

  test('counts what was queued only for those who had subscribed by then', async () => {
    const bus = createBus(SMALL);
    bus.subscribe('/a', () => new Promise<void>(() => {}), { isolate: true });
    const filled = fillRing(bus, '/a');
    bus.subscribe('/a', () => new Promise<void>(() => {}), { isolate: true });
    bus.publish('/a', { id: filled });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 10 }), { undelivered: filled + 2 });
  });

  for (const loop of ['cooperative', 'dedicated'] as const) {
    test(`ends a ${loop} thread that is stuck, and counts what it was owed`, async () => {
      const bus = createBus(SMALL);
      const log = new SharedLog(100);
      const subscription = bus.subscribe('/a', workerModule('gated-recorder'), { data: log.buffer, loop });
      await subscription.ready;
      const filled = fillRing(bus, '/a');
      await until(() => subscription.stats().scanned > 0);
      assert.deepEqual(await bus.close({ drainTimeoutMs: 10 }), { undelivered: filled });
      await subscription.ended;
      assert.equal(log.count, 0);
    });
  }

  test('counts what a thread was owed in the slot of a handler that was stopped and is stuck', async () => {
    const bus = createBus(SMALL);
    const latch = new Latch();
    const stuck = bus.subscribe('/a', () => latch.opened, { isolate: true });
    bus.publish('/a', { id: 0 });
    await until(() => stuck.stats().scanned === 1);
    void stuck.stop();
    await turn();
    const log = new SharedLog(10);
    const behind = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    await behind.ready;
    for (const id of range(5)) bus.publish('/a', { id });
    await log.reaches(1);
    assert.deepEqual(await bus.close({ drainTimeoutMs: 50 }), { undelivered: 5 });
    latch.open();
  });

  test('ends a thread that never gives its loop a turn', async () => {
    const bus = createBus();
    const log = new SharedLog(100);
    bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    for (const id of range(3)) bus.publish('/a', { id });
    await log.reaches(1);
    // The one in hand has not returned; all of the batch is held.
    assert.deepEqual(await bus.close({ drainTimeoutMs: 10 }), { undelivered: 3 });
  });

  test('called in a handler does not wait for that handler, but for the others, on the same reader too', async () => {
    const bus = createBus(SMALL);
    const sibling = record(bus, '/a');
    const other = record(bus, '/a', { isolate: true });
    const own: number[] = [];
    let result: unknown;
    const closed = new Latch();
    const subscription = bus.subscribe('/a', async (envelope) => {
      own.push(idOf(envelope));
      if (own.length > 1) return;
      fillRing(bus, '/a', 1);
      for (const id of range(20)) bus.publish('/a', { id: 100 + id });
      result = await bus.close({ drainTimeoutMs: 60_000 });
      closed.open();
    });
    bus.publish('/a', { id: 0 });
    await closed.opened;
    assert.deepEqual(result, { undelivered: 0 });
    assert.equal(sibling.ids.at(-1), 119);
    assert.deepEqual(other.ids, sibling.ids);
    await subscription.ended;
    assert.deepEqual(own, sibling.ids);
  });

  test('called in several handlers waits for none of them, but for the others', async () => {
    const bus = createBus();
    const results: unknown[] = [];
    for (const isolate of [false, false, true]) {
      bus.subscribe(
        '/a',
        async () => {
          await turn();
          results.push(await bus.close({ drainTimeoutMs: 60_000 }));
        },
        { isolate },
      );
    }
    const other = record(bus, '/a');
    for (const id of range(3)) bus.publish('/a', { id });
    await until(() => results.length === 9);
    assert.deepEqual(results, new Array(9).fill({ undelivered: 0 }));
    assert.deepEqual(other.ids, range(3));
  });

  test('called by a listener is not taken for a call of the handler that set things off', async () => {
    for (const event of ['error', 'drain'] as const) {
      const bus = createBus(SMALL);
      const ids: number[] = [];
      const closed = new Latch();
      let atClose = -1;
      bus.on('error', () => {});
      bus.on(event, async () => {
        await bus.close();
        atClose = ids.length;
        closed.open();
      });
      bus.subscribe(
        '/b',
        () => {
          throw new Error('mine');
        },
        { isolate: true },
      );
      bus.subscribe('/a', async (envelope) => {
        if (ids.length === 0) {
          bus.publish('/b', null);
          if (event === 'drain') fillRing(bus, '/a', 50);
        }
        await turn();
        ids.push(idOf(envelope));
      });
      // Long enough for both readers to sleep: the one of /b is then woken by the handler.
      for (const _ of range(20)) await turn();
      for (const id of range(50)) bus.publish('/a', { id });
      await closed.opened;
      assert.equal(atClose, bus.stats().written - 1, event);
    }
  });

  test('resolves writable for those who waited, once the queue is written', async () => {
    const bus = createBus(SMALL);
    record(bus, '/a');
    fillRing(bus, '/a');
    const writable = bus.writable();
    await bus.close();
    await writable;
  });

  test('is what await using does', async () => {
    let ids: number[];
    {
      await using bus = createBus();
      ({ ids } = record(bus, '/a'));
      bus.publish('/a', { id: 0 });
    }
    assert.deepEqual(ids, [0]);
  });
});

describe('destroy', { timeout: 600_000 }, () => {
  test('abandons what is undelivered, ends every form, fails those who wait', async () => {
    const bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    const stream = bus.subscribe('/a');
    const next = stream.next();
    const log = new SharedLog(10);
    const module = bus.subscribe('/a', workerModule('gated-recorder'), { data: log.buffer });
    await module.ready;
    const accepted = fillRing(bus, '/a');
    const writable = bus.writable();
    bus.destroy();
    await assert.rejects(writable, { code: 'BUS_CLOSED' });
    await Promise.all([stream.ended, module.ended]);
    assert.equal((await next).done, true);
    assert.deepEqual(ids, []);
    assert.equal(log.count, 0);
    assert.throws(() => bus.publish('/a', null), BusClosedError);
    assert.deepEqual(await bus.close(), { undelivered: 3 * accepted });
    assert.deepEqual(bus.stats().subscriptions, []);
  });

  test('cuts a close short', async () => {
    const bus = createBus(SMALL);
    bus.subscribe('/a', () => new Promise<void>(() => {}));
    const accepted = fillRing(bus, '/a');
    const closing = bus.close({ drainTimeoutMs: 2 ** 31 - 1 });
    bus.destroy();
    assert.deepEqual(await closing, { undelivered: accepted });
  });

  test('cuts a close short that ends threads before the handlers here, with a queue that nobody reads', async () => {
    const bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    await bus.subscribe('/b', workerModule('counter')).ready;
    bus.subscribe('/ringcast/**', () => {});
    bus.subscribe('/a', () => new Promise<void>(() => {}), { isolate: true });
    const accepted = fillRing(bus, '/a');
    const closing = bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    await until(() => ids.length > 0);
    bus.destroy();
    const { undelivered } = await closing;
    assert.equal(undelivered, 2 * accepted - ids.length);
  });

  for (const owed of [0, 3])
    test(`counts ${owed} events for each handler whose ring has come round while they slept`, async () => {
      const bus = createBus(SMALL);
      const rare = record(bus, '/rare');
      const sibling = record(bus, '/rare');
      const often = record(bus, '/often', { isolate: true });
      bus.publish('/rare', { id: 0 });
      await until(() => rare.subscription.stats().asleep && sibling.ids.length === 1);
      // Lengths that change: what lies at the place where they fell asleep is surely not the beginning of a record.
      const texts = range(40).map((id) => 'x'.repeat(3_000 + 8 * id));
      for (const round of range(4))
        for (const text of texts) if (!bus.publish('/often', { text, round })) await bus.writable();
      assert.ok(rare.subscription.stats().asleep);
      for (const id of range(owed)) bus.publish('/rare', { id });
      bus.publish('/often', { text: 'last' });
      bus.destroy();
      assert.deepEqual(await bus.close(), { undelivered: 2 * owed + 161 - often.ids.length });
    });
});
