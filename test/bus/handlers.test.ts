import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus, HandlerError, type Subscription } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  type Recording,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
} from '../support/bus-scene.js';

const SMALL = { capacityBytes: SMALL_RING_BYTES };

describe('a handler', { timeout: 600_000 }, () => {
  test('gets one event at a time, the next after its promise has settled', async () => {
    await using bus = createBus();
    let running = 0;
    const ids: number[] = [];
    const siblings = record(bus, '/a');
    const latch = new Latch();
    bus.subscribe('/a', async (envelope) => {
      assert.equal(++running, 1);
      await turn();
      if (idOf(envelope) === 25) await latch.opened;
      ids.push(idOf(envelope));
      running--;
    });
    for (const id of range(50)) bus.publish('/a', { id });
    // A sibling does not wait for it.
    await until(() => siblings.ids.length === 50);
    assert.ok(ids.length <= 25);
    latch.open();
    await bus.close();
    assert.deepEqual(ids, range(50));
    assert.deepEqual(siblings.ids, range(50));
  });

  test('that is pending while a sibling takes its time stops neither', async () => {
    await using bus = createBus();
    const latch = new Latch();
    const pending: number[] = [];
    const busy: number[] = [];
    bus.subscribe('/a', async (envelope) => {
      await latch.opened;
      pending.push(idOf(envelope));
    });
    bus.subscribe('/a', (envelope) => {
      // Longer than a turn may take: the rest of the batch waits for the next one.
      for (const start = performance.now(); performance.now() - start < 6; );
      busy.push(idOf(envelope));
      if (busy.length === 3) latch.open();
    });
    for (const id of range(6)) bus.publish('/a', { id });
    await closeDelivered(bus);
    assert.deepEqual(busy, range(6));
    assert.deepEqual(pending, range(6));
  });

  test('that throws or rejects is reported to the subscription, counted, and goes on with the next event', async () => {
    await using bus = createBus();
    const cause = new Error('mine');
    const errors: HandlerError[] = [];
    const sibling = record(bus, '/a');
    const subscription = bus.subscribe(
      '/a',
      (envelope) => {
        const id = idOf(envelope);
        if (id === 1) throw cause;
        if (id === 2) return Promise.reject(cause);
        if (id === 3) throw Object.assign(Object.create(null), { call() {} });
        return undefined;
      },
      { name: 'faulty' },
    );
    subscription.on('error', (error) => void errors.push(error as HandlerError));
    bus.on('error', () => assert.fail('the subscription has a listener'));
    for (const id of range(5)) bus.publish('/a', { id });
    await bus.close();
    assert.equal(errors.length, 3);
    for (const [i, error] of errors.entries()) {
      assert.ok(error instanceof HandlerError);
      assert.equal(error.code, 'BUS_HANDLER_FAILED');
      assert.deepEqual([error.subscription, error.topic, error.sequence], ['faulty', '/a', i + 1]);
      if (i < 2) assert.equal(error.cause, cause);
    }
    const { delivered, failed } = subscription.stats();
    assert.deepEqual([delivered, failed], [2, 3]);
    assert.deepEqual(sibling.ids, range(5));
  });

  test('whose failure nobody listens for at the subscription is reported to the bus', async () => {
    await using bus = createBus();
    const reported = once(bus, 'error');
    bus.subscribe('/a', () => {
      throw new Error('mine');
    });
    bus.publish('/a', null);
    const [error] = await reported;
    assert.equal(error.code, 'BUS_HANDLER_FAILED');
  });

  test('whose failure nobody listens for at all becomes a process warning', async () => {
    await using bus = createBus();
    const warned = once(process, 'warning');
    bus.subscribe('/a', async () => {
      throw new Error('mine');
    });
    bus.publish('/a', null);
    const [warning] = await warned;
    assert.equal(warning.code, 'BUS_HANDLER_FAILED');
  });

  test('is not disturbed by listeners that throw', async () => {
    await using bus = createBus();
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const subscription = bus.subscribe('/a', () => {
      throw new Error('mine');
    });
    for (const event of ['error', 'end'] as const) {
      subscription.on(event, () => {
        throw Object.assign(Object.create(null), { call() {} });
      });
    }
    const { ids } = record(bus, '/a');
    for (const id of range(3)) bus.publish('/a', { id });
    await bus.close();
    await until(() => warnings.length === 4);
    process.off('warning', note);
    assert.deepEqual(ids, range(3));
  });

  test('runs in the async context of its subscribe call', async () => {
    await using bus = createBus();
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    for (const name of ['one', 'two']) {
      storage.run(name, () =>
        bus.subscribe('/a', async () => {
          seen.push(storage.getStore());
          await turn();
          seen.push(storage.getStore());
        }),
      );
    }
    storage.run('publisher', () => bus.publish('/a', null));
    await bus.close();
    assert.deepEqual(seen.sort(), ['one', 'one', 'two', 'two']);
  });

  test('that is isolated never waits for others, nor they for it', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const stuck = bus.subscribe('/a', () => latch.opened, { isolate: true });
    const shared = record(bus, '/**');
    for (const id of range(5)) bus.publish('/a', { id });
    await until(() => shared.ids.length === 5);
    // More than a batch, so that a shared reader would have to wait for the one that is stuck.
    let id = 5;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    await until(() => shared.ids.length === id);
    assert.equal(stuck.stats().delivered, 0);
    latch.open();
    await bus.close();
    assert.equal(stuck.stats().delivered, id);
  });

  test('may subscribe: the new handler gets what is published from then on', async () => {
    await using bus = createBus();
    let late: ReturnType<typeof record> | undefined;
    bus.subscribe('/a', (envelope) => {
      if (idOf(envelope) !== 1) return;
      late = record(bus, '/a');
      bus.publish('/a', { id: 10 });
    });
    for (const id of range(3)) bus.publish('/a', { id });
    await until(() => late !== undefined);
    bus.publish('/a', { id: 11 });
    await bus.close();
    assert.deepEqual(late!.ids, [10, 11]);
  });
});

describe('unsubscribing', { timeout: 600_000 }, () => {
  test('in the middle of a fan-out disturbs nobody: every sibling sees every event once, in order', async () => {
    await using bus = createBus();
    const siblings = range(4).map(() => record(bus, '/a'));
    const victims: Subscription[] = [];
    let leaver: Subscription;
    const seen: number[] = [];
    leaver = bus.subscribe('/a', (envelope) => {
      seen.push(idOf(envelope));
      if (idOf(envelope) !== 5) return;
      void leaver.stop();
      for (const victim of victims) void victim.stop();
    });
    const others = range(4).map(() => record(bus, '/a'));
    const before = record(bus, '/a');
    victims.push(
      before.subscription,
      bus.subscribe('/a', () => {}),
    );
    for (const id of range(20)) bus.publish('/a', { id });
    await bus.close();
    assert.deepEqual(seen, range(6));
    for (const { ids } of [...siblings, ...others]) assert.deepEqual(ids, range(20));
    assert.ok(before.ids.length <= 6);
  });

  test('by once leaves after exactly one event, counted as delivered also when the handler is asynchronous', async () => {
    await using bus = createBus();
    const ids: number[] = [];
    const latch = new Latch();
    const one = bus.subscribe('/a', (envelope) => void ids.push(idOf(envelope)), { once: true });
    const slow = bus.subscribe('/a', () => latch.opened, { once: true });
    const rest = record(bus, '/a');
    for (const id of range(10)) bus.publish('/a', { id });
    await one.ended;
    await until(() => rest.ids.length === 10);
    let over = false;
    void slow.ended.then(() => {
      over = true;
    });
    for (const _ of range(5)) await turn();
    assert.equal(over, false, 'its handler is still pending');
    latch.open();
    await bus.close();
    assert.deepEqual(ids, [0]);
    assert.equal(one.stats().delivered, 1);
    assert.equal(slow.stats().delivered, 1);
    assert.equal(one.active, false);
  });

  test('by a once handler that fails is unsubscribing as well', async () => {
    await using bus = createBus();
    let calls = 0;
    const subscription = bus.subscribe(
      '/a',
      () => {
        calls++;
        throw new Error('mine');
      },
      { once: true },
    );
    subscription.on('error', () => {});
    for (const id of range(3)) bus.publish('/a', { id });
    await bus.close();
    assert.equal(calls, 1);
    assert.equal(subscription.stats().failed, 1);
  });

  test('by an AbortSignal stops it, one that is aborted already before anything is handled', async () => {
    await using bus = createBus();
    const controller = new AbortController();
    const stopped = record(bus, '/a', { signal: controller.signal });
    const never = record(bus, '/a', { signal: AbortSignal.abort() });
    bus.publish('/a', { id: 0 });
    await until(() => stopped.ids.length === 1);
    bus.publish('/a', { id: 1 });
    controller.abort();
    bus.publish('/a', { id: 2 });
    await Promise.all([stopped.subscription.ended, never.subscription.ended]);
    await bus.close();
    assert.deepEqual(stopped.ids, [0]);
    assert.deepEqual(never.ids, []);
  });

  test('by stop drops what is unread: no handler starts after the call', async () => {
    await using bus = createBus();
    const { ids, subscription } = record(bus, '/a');
    bus.publish('/a', { id: 0 });
    await subscription.stop();
    bus.publish('/a', { id: 1 });
    await turn();
    assert.deepEqual(ids, []);
    assert.equal(subscription.active, false);
    assert.equal(subscription.stats().state, 'ended');
    await subscription.stop();
    await subscription.stop({ drain: true });
  });

  test('by stop with drain delivers what was accepted before the call, queued or not, and nothing else', async () => {
    await using bus = createBus(SMALL);
    const { ids, subscription } = record(bus, '/a');
    const filled = fillRing(bus, '/a');
    const done = subscription.stop({ drain: true });
    bus.publish('/a', { id: filled });
    await done;
    assert.deepEqual(ids, range(filled));
  });

  test('with drain ends although what is queued is not for it', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { isolate: true });
    const other = record(bus, '/b', { isolate: true });
    fillRing(bus, '/a');
    const done = other.subscription.stop({ drain: true });
    for (const _ of range(5)) await turn();
    latch.open();
    await done;
  });

  test('with drain does not wait for a sibling that is stuck', async () => {
    await using bus = createBus();
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened);
    const ids: number[] = [];
    const subscription = bus.subscribe('/a', async (envelope) => {
      await turn();
      ids.push(idOf(envelope));
    });
    for (const id of range(3)) bus.publish('/a', { id });
    await subscription.stop({ drain: true });
    assert.deepEqual(ids, range(3));
    latch.open();
  });

  test('cut short: a stop after a stop with drain drops the rest', async () => {
    await using bus = createBus();
    const latch = new Latch();
    const ids: number[] = [];
    const subscription = bus.subscribe('/a', async (envelope) => {
      ids.push(idOf(envelope));
      await latch.opened;
    });
    for (const id of range(3)) bus.publish('/a', { id });
    const drained = subscription.stop({ drain: true });
    await until(() => ids.length === 1);
    const stopped = subscription.stop();
    latch.open();
    await Promise.all([drained, stopped]);
    assert.deepEqual(ids, [0]);
  });

  test('waits for what its handler has in hand, but not when it is that handler which waits', async () => {
    await using bus = createBus();
    const latch = new Latch();
    let handled = false;
    const outside = bus.subscribe('/a', async () => {
      await latch.opened;
      handled = true;
    });
    let subscription: Subscription;
    const inside = new Latch();
    subscription = bus.subscribe('/a', async () => {
      await turn();
      await subscription.stop({ drain: true });
      await subscription.stop();
      inside.open();
    });
    for (const id of range(3)) bus.publish('/a', { id });
    await inside.opened;
    await subscription.ended;
    const stopped = outside.stop();
    latch.open();
    await stopped;
    assert.equal(handled, true);
  });

  test('in a handler whose promise never settles holds up nobody', async () => {
    await using bus = createBus(SMALL);
    let subscription: Subscription;
    subscription = bus.subscribe('/a', () => {
      void subscription.stop();
      return new Promise<void>(() => {});
    });
    const { ids } = record(bus, '/a');
    let id = 0;
    for (; id < 30; id++) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await until(() => ids.length === id);
    assert.deepEqual(ids, range(id));
    await bus.close({ drainTimeoutMs: 1 });
  });

  test('by using ends the subscription with the block', async () => {
    await using bus = createBus();
    const ids: number[] = [];
    {
      using _ = bus.subscribe('/a', (envelope) => void ids.push(idOf(envelope)));
      bus.publish('/a', { id: 0 });
      await until(() => ids.length === 1);
    }
    bus.publish('/a', { id: 1 });
    await bus.close();
    assert.deepEqual(ids, [0]);
  });
});

describe('readers', { timeout: 600_000 }, () => {
  test('are 64 at most; the 65th is refused and changes nothing; a stopped one makes room at once', async () => {
    await using bus = createBus();
    const isolated = range(64).map(() => record(bus, '/a', { isolate: true }));
    for (const subscribe of [
      () => bus.subscribe('/a', () => {}),
      () => bus.subscribe('/a', () => {}, { isolate: true }),
      () => bus.subscribe('/a'),
      () => bus.subscribe('/a', new URL('data:text/javascript,export default () => {}')),
    ]) {
      assert.equal(thrownBy(subscribe).code, 'BUS_TOO_MANY_READERS');
    }
    assert.equal(bus.stats().subscriptions.length, 64);
    bus.publish('/a', { id: 0 });
    await until(() => isolated.every(({ ids }) => ids.length === 1));
    for (const round of range(3)) {
      await isolated[round]!.subscription.stop();
      const next = record(bus, '/a', { isolate: true });
      bus.publish('/a', { id: round + 1 });
      await until(() => next.ids.length === 1);
      await next.subscription.stop();
      isolated[round] = record(bus, '/a', { isolate: true });
    }
    await bus.close();
    assert.deepEqual(isolated[63]!.ids, range(4));
  });

  test('whose handlers come and go within one turn are given back once, however soon somebody takes their slot', async () => {
    await using bus = createBus(SMALL);
    void bus.subscribe('/a', () => {}).stop();
    const later = new Promise<Recording>((resolve) => queueMicrotask(() => resolve(record(bus, '/a'))));
    void bus.subscribe('/a', () => {}).stop();
    const { ids } = await later;
    await turn();
    for (const id of range(30)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await bus.close();
    assert.deepEqual(ids, range(30));
  });

  test('of shared handlers: any number of handlers use one', async () => {
    await using bus = createBus();
    const many = range(200).map(() => record(bus, '/a'));
    for (const id of range(3)) bus.publish('/a', { id });
    await bus.close();
    for (const { ids } of many) assert.deepEqual(ids, range(3));
  });
});
