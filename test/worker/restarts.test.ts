import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus, type ModuleOptions } from '../../src/index.js';
import { AGAIN, type Death, IN_SETUP, IN_TEARDOWN } from '../fixtures/workers/mortal.js';
import {
  closeDelivered,
  inlineModule,
  LARGE_TEXT,
  range,
  record,
  SMALL_RING_BYTES,
  until,
} from '../support/bus-scene.js';
import { Mortal, ThreadWatch } from '../support/deaths.js';
import { covering, size } from '../support/full.js';
import { SharedLog } from '../support/shared-log.js';

describe('a subscriber thread that dies of an event', { timeout: 600_000 }, () => {
  const cases: readonly [death: Death, message: RegExp, options?: ModuleOptions][] = [
    ['exit', /exit code 7/],
    ['exit', /exit code 7/, { loop: 'dedicated' }],
    ['throw outside', /mine/],
    ['reject outside', /mine/],
    ['heap', /memory/i, { resourceLimits: { maxOldGenerationSizeMb: 32 } }],
    ['hang', /has not turned for 4000 ms/, { hangTimeoutMs: 4_000 }],
  ];
  for (const [death, message, options] of cases) {
    test(`(${death}, ${options?.loop ?? 'cooperative'}) is started again where it was: nothing is skipped`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const beside = record(bus, '/a');
      const mortal = new Mortal(bus, '/a', death, { 3: 1 }, options);
      for (const id of range(40)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
      await closeDelivered(bus);
      assert.deepEqual(mortal.handled, range(40));
      assert.ok(mortal.again.includes(3), 'the event that it died of comes again, marked');
      assert.deepEqual(
        mortal.again,
        range(mortal.again.length).map((i) => mortal.again[0]! + i),
      );
      assert.equal(mortal.lives, 2);
      assert.equal(mortal.restarts.length, 1);
      assert.match(mortal.restarts[0]!, message);
      const { restarts, deadLetters, scanned } = mortal.subscription.stats();
      assert.deepEqual([restarts, deadLetters, scanned], [1, 0, 40]);
      assert.deepEqual(beside.ids, range(40));
    });
  }

  for (const [death, , options] of covering(cases, 3).filter(([death]) => death !== 'hang')) {
    test(`(${death}, ${options?.loop ?? 'cooperative'}) is started again while publishSync blocks the bus`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const mortal = new Mortal(
        bus,
        '/a',
        death,
        { 3: 1 },
        { ...options, restart: { backoffMs: 60_000, maxBackoffMs: 60_000 } },
      );
      await mortal.subscription.ready;
      for (const id of range(40)) bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: 60_000 });
      assert.equal(mortal.lives, 2);
      await closeDelivered(bus);
      assert.deepEqual(mortal.handled, range(40));
      assert.equal(mortal.restarts.length, 1);
      const { restarts, lagged } = mortal.subscription.stats();
      assert.deepEqual([restarts, lagged, bus.stats().evictions], [1, 0, 0]);
    });
  }

  for (const [death, , options] of cases.filter(([death]) => death === 'exit')) {
    test(`(${death}, ${options?.loop ?? 'cooperative'}) gets only that event again: those that it had handled are released`, async () => {
      await using bus = createBus();
      const mortal = new Mortal(bus, '/a', death, { 3: 1 }, options);
      // All in one batch, far from the next look at the clock.
      for (const id of range(9)) bus.publish('/a', { id });
      await closeDelivered(bus);
      assert.deepEqual(mortal.handled, range(9));
      assert.deepEqual(mortal.ids.slice(0, 3), range(3));
      assert.equal(mortal.again[0], 3);
      const { delivered, scanned } = mortal.subscription.stats();
      assert.deepEqual([mortal.log.values.length, delivered, scanned], [9, 9, 9]);
    });
  }

  test('of an event that it dies of each time lets publishSync fail at once, and goes on without the event', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const mortal = new Mortal(bus, '/a', 'exit', { 3: 3 + 1 });
    await mortal.subscription.ready;
    const accepted: number[] = [];
    for (const id of range(40)) {
      for (;;) {
        try {
          bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: Number.POSITIVE_INFINITY });
          accepted.push(id);
          break;
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'BUS_WOULD_DEADLOCK');
          await bus.writable();
        }
      }
    }
    await closeDelivered(bus);
    assert.deepEqual(
      mortal.handled,
      range(40).filter((id) => id !== 3),
    );
    const { deadLetters, restarts } = mortal.subscription.stats();
    assert.deepEqual([deadLetters, restarts, bus.stats().evictions], [1, 4, 0]);
  });

  test('gets through a batch of 700 although it dies at every 400th event', async () => {
    await using bus = createBus();
    const log = new SharedLog(10_000);
    const module = inlineModule(`
      let handled = 0;
      export default ({ event, redelivered }, { data }) => {
        if (++handled === 400) process.exit(7);
        const count = Atomics.load(data, 0);
        data[2 + count] = event.id;
        Atomics.store(data, 0, count + 1);
      };`);
    const data = new Int32Array(log.buffer);
    const subscription = bus.subscribe('/a', module, { data, restart: { backoffMs: 0 } });
    for (const id of range(700)) bus.publish('/a', { id });
    await closeDelivered(bus);
    assert.deepEqual(
      [...new Set(log.values)].sort((a, b) => a - b),
      range(700),
    );
    assert.equal(subscription.stats().deadLetters, 0);
  });

  test('again and again is given up after its restarts of a minute, and its slot is free', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    for (const _ of range(size(2, 3))) {
      const mortal = new Mortal(bus, '/a', 'exit', { 0: 100 }, { restart: { maxRestarts: 2, backoffMs: 0 } });
      bus.publish('/a', { id: 0 });
      const [error] = await once(mortal.subscription, 'error');
      await mortal.subscription.ended;
      assert.equal(error.code, 'BUS_WORKER_EXITED');
      assert.match(error.message, /restarted 2 times within a minute/);
      assert.deepEqual([mortal.lives, mortal.restarts.length], [3, 2]);
      assert.deepEqual(bus.stats().subscriptions, []);
    }
    const next = new Mortal(bus, '/a', 'never', {});
    for (const id of range(30)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await next.subscription.stop({ drain: true });
    assert.deepEqual(next.log.values, range(30));
  });

  test('with restart: never ends its subscription', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { 1: 1 }, { restart: 'never' });
    for (const id of range(3)) bus.publish('/a', { id });
    const [error] = await once(mortal.subscription, 'error');
    await mortal.subscription.ended;
    assert.equal(error.code, 'BUS_WORKER_EXITED');
    assert.deepEqual([mortal.lives, mortal.subscription.stats().restarts], [1, 0]);
  });

  test('pauses before each restart, twice as long each time, up to a limit', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { 0: 4 }, { restart: { backoffMs: 2, maxBackoffMs: 5 } });
    const delays: number[] = [];
    mortal.subscription.on('restart', (_, delayMs) => delays.push(delayMs));
    bus.publish('/a', { id: 0 });
    await until(() => delays.length === 4);
    assert.deepEqual(delays, [2, 4, 5, 5]);
  });

  test('is started again at once when a publisher waits for its reader', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const mortal = new Mortal(bus, '/a', 'exit', { 0: 1 }, { restart: { backoffMs: 60_000, maxBackoffMs: 60_000 } });
    for (const id of range(30)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, range(30));
  });
});

describe('a subscriber thread that dies', { timeout: 600_000 }, () => {
  test('asleep is started again, and nothing comes twice', async () => {
    using watch = new ThreadWatch();
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'never', {});
    // What it has logged may be seen before it is heard, and it is not killed before.
    await mortal.subscription.ready;
    for (const id of range(5)) bus.publish('/a', { id });
    await mortal.log.reaches(5);
    await until(() => mortal.subscription.stats().asleep);
    await watch.kill();
    for (const id of range(5)) bus.publish('/a', { id: 5 + id });
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.log.values, range(10));
    assert.equal(mortal.lives, 2);
  });

  test('while it starts is started again, and is ready then', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { [IN_SETUP]: 2 });
    bus.publish('/a', { id: 0 });
    await mortal.subscription.ready;
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.log.values, [0]);
    assert.equal(mortal.lives, 3);
    for (const message of mortal.restarts) assert.match(message, /exit code 7/);
  });

  test('before anybody heard that it reads is not taken for one that did not start', async () => {
    await using bus = createBus();
    const module = inlineModule("export default () => void Promise.reject(new Error('mine'));");
    const subscription = bus.subscribe('/a', module, { restart: 'never' });
    const told = once(subscription, 'error');
    bus.publish('/a', { id: 0 });
    // All that the thread does comes at once.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    assert.match((await told)[0].message, /mine/);
  });

  test('in its teardown has delivered everything: reported, and not started again', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { [IN_TEARDOWN]: 100 });
    for (const id of range(3)) bus.publish('/a', { id });
    const reported = once(mortal.subscription, 'error');
    await mortal.subscription.stop({ drain: true });
    assert.match((await reported)[0].message, /exit code 7/);
    assert.deepEqual(mortal.log.values, range(3));
    assert.equal(mortal.lives, 1);
  });

  test('in its teardown has delivered everything, the event that came again last too', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { 2: 1, [IN_TEARDOWN]: 100 });
    for (const id of range(3)) bus.publish('/a', { id });
    const reported = once(mortal.subscription, 'error');
    await mortal.subscription.stop({ drain: true });
    assert.match((await reported)[0].message, /exit code 7/);
    assert.deepEqual(mortal.log.values, [0, 1, 2 + AGAIN]);
    assert.equal(mortal.lives, 2);
  });

  test('when it has handled the event at last is not said to have died of it', async () => {
    using watch = new ThreadWatch();
    await using bus = createBus();
    // The first death is nobody's fault, the next two are: one more, and the event would be skipped.
    const mortal = new Mortal(bus, '/a', 'exit', { 2: 3 });
    for (const id of range(3)) bus.publish('/a', { id });
    // What it has logged may be seen before it is heard, and it is not killed before.
    await until(() => mortal.again.includes(2) && mortal.subscription.stats().asleep && watch.threads.size === 1);
    await watch.kill();
    await until(() => mortal.restarts.length === 4);
    await closeDelivered(bus);
    assert.equal(mortal.subscription.stats().deadLetters, 0);
  });

  test('while a stop drains it is started again until it has delivered everything', async () => {
    await using bus = createBus();
    const mortal = new Mortal(bus, '/a', 'exit', { 4: 1 });
    for (const id of range(9)) bus.publish('/a', { id });
    await mortal.subscription.stop({ drain: true });
    assert.deepEqual(mortal.handled, range(9));
  });

  for (const how of ['close', 'stop with drain'] as const) {
    test(`before a ${how} in the pause before its restart is started again at once, and delivers`, async () => {
      const bus = createBus();
      const restart = { backoffMs: 60_000, maxBackoffMs: 60_000 };
      const mortal = new Mortal(bus, '/a', 'exit', { 2: 1 }, { restart });
      for (const id of range(6)) bus.publish('/a', { id });
      await once(mortal.subscription, 'restart');
      if (how === 'stop with drain') await mortal.subscription.stop({ drain: true });
      await closeDelivered(bus);
      assert.deepEqual(mortal.handled, range(6));
    });
  }

  for (const how of ['stop', 'destroy'] as const) {
    test(`before a ${how} in the pause before its restart is not started again`, async () => {
      const bus = createBus();
      const restart = { backoffMs: 60_000, maxBackoffMs: 60_000 };
      const mortal = new Mortal(bus, '/a', 'exit', { 2: 1 }, { restart });
      for (const id of range(6)) bus.publish('/a', { id });
      await once(mortal.subscription, 'restart');
      if (how === 'stop') await mortal.subscription.stop();
      else bus.destroy();
      await mortal.subscription.ended;
      assert.equal(mortal.lives, 1);
      await bus.close();
    });
  }

  test('and is stopped by who hears of the restart is not started again', async () => {
    await using bus = createBus();
    const lives = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule(`
      export default {
        setup: ({ data }) => void Atomics.add(data, 0, 1),
        handle: () => process.exit(7),
      };`);
    const subscription = bus.subscribe('/a', module, { data: lives, restart: { backoffMs: 0 } });
    subscription.on('restart', () => void subscription.stop());
    bus.publish('/a', { id: 0 });
    await subscription.ended;
    assert.equal(Atomics.load(lives, 0), 1);
  });

  test('after a stop that drops what is unread does not come back for it when the bus closes', async () => {
    using watch = new ThreadWatch();
    const bus = createBus();
    const mortal = new Mortal(bus, '/a', 'hang', { 0: 1 });
    await mortal.subscription.ready;
    for (const id of range(6)) bus.publish('/a', { id });
    await until(() => mortal.deaths[0] === 0);
    void mortal.subscription.stop();
    const closed = bus.close();
    await watch.kill();
    await closed;
    assert.deepEqual(mortal.log.values, []);
    assert.equal(mortal.lives, 1);
  });

  for (const delivery of ['lossless', 'lossy'] as const) {
    test(`at random moments (${delivery}) leaves every event accounted for`, async () => {
      using watch = new ThreadWatch();
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const mortal = new Mortal(bus, '/a', 'never', {}, { delivery, restart: { backoffMs: 0, maxRestarts: 1_000 } });
      let told = 0;
      mortal.subscription.on('lagged', ({ count }) => {
        told += count;
      });
      let id = 0;
      for (const _ of range(size(6, 12))) {
        await mortal.subscription.ready;
        for (const i of range(40)) {
          if (!bus.publish('/a', { id: id++, text: LARGE_TEXT })) await bus.writable();
          if (i === 20) void watch.kill();
          if (i % 8 === 0) await new Promise(setImmediate);
        }
      }
      await mortal.subscription.stop({ drain: true });
      const { lagged, scanned, deadLetters } = mortal.subscription.stats();
      assert.equal(scanned + lagged, id);
      assert.equal(lagged, told);
      const missing = id - mortal.handled.length;
      if (delivery === 'lossless') assert.equal(missing, deadLetters);
      else assert.ok(missing <= lagged + deadLetters);
    });
  }
});
