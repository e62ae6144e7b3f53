/** The conveniences of a subscription: one event as a promise, a handler for so many events, times without end. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';
import {
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
} from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';

describe('next', { timeout: 600_000 }, () => {
  test('resolves with what was accepted before its time was over, however short that is', async () => {
    await using bus = createBus();
    for (const id of range(30)) {
      const next = bus.next('/a', { timeoutMs: 0 });
      bus.publish('/a', { id });
      assert.equal(idOf(await next), id);
    }
  });

  test('resolves with what was accepted in time also where others take the turns of the event loop', async () => {
    await using bus = createBus();
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const block = () => void Atomics.wait(cell, 0, 0, 20);
    for (const _ of range(4)) bus.subscribe('/busy', block, { isolate: true });
    for (const id of range(3)) {
      for (const _ of range(3)) bus.publish('/busy', {});
      await turn();
      const next = bus.next('/a', { timeoutMs: 0 });
      bus.publish('/a', { id });
      assert.equal(idOf(await next), id);
    }
  });

  test('resolves with the first event that the filter selects, of those accepted after the call', async () => {
    await using bus = createBus();
    record(bus, '/a');
    bus.publish('/a', { id: 0 });
    const next = bus.next('/a');
    const same = bus.next(['/b', '/a']);
    const other = bus.next('/b');
    for (const id of range(3).slice(1)) bus.publish('/a', { id });
    bus.publish('/b', { id: 3 });
    assert.deepEqual((await Promise.all([next, same, other])).map(idOf), [1, 1, 3]);
    await until(() => bus.stats().subscriptions.length === 1);
  });

  test('gives each event in turn to who asks again in time', async () => {
    await using bus = createBus();
    for (const id of range(50)) {
      const next = bus.next('/a');
      bus.publish('/a', { id });
      assert.equal(idOf(await next), id);
    }
    await until(() => bus.stats().subscriptions.length === 0);
    assert.equal(bus.stats().ring.usedBytes, 0);
  });

  test('takes one reader however many wait, and none afterwards', async () => {
    await using bus = createBus();
    const waits = range(200).map(() => bus.next('/a'));
    for (const _ of range(63)) bus.subscribe('/b', () => {}, { isolate: true });
    assert.equal(thrownBy(() => bus.subscribe('/b', () => {}, { isolate: true })).code, 'BUS_TOO_MANY_READERS');
    bus.publish('/a', { id: 5 });
    assert.deepEqual((await Promise.all(waits)).map(idOf), new Array(200).fill(5));
    await turn();
    bus.subscribe('/b', () => {}, { isolate: true });
  });

  test('may be awaited in a handler, which would hold up its own reader', async () => {
    await using bus = createBus();
    const answers: number[] = [];
    const asked = new Latch();
    bus.subscribe('/question', async () => {
      const next = bus.next('/answer');
      asked.open();
      answers.push(idOf(await next));
    });
    bus.publish('/question', { id: 0 });
    await asked.opened;
    bus.publish('/answer', { id: 1 });
    await until(() => answers.length === 1);
    assert.deepEqual(answers, [1]);
  });

  test('rejects with the reason of its signal, and leaves nothing behind', async () => {
    await using bus = createBus();
    const reason = new Error('mine');
    const controller = new AbortController();
    const { signal } = controller;
    const next = bus.next('/a', { signal });
    const second = bus.next('/a', { signal, timeoutMs: 60_000 });
    controller.abort(reason);
    await assert.rejects(next, reason);
    await assert.rejects(second, reason);
    await until(() => bus.stats().subscriptions.length === 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await assert.rejects(bus.next('/a', { signal }), reason);
    assert.equal(bus.stats().subscriptions.length, 0);
  });

  test('rejects with an AbortError where its signal is a polyfill, which has no reason', async () => {
    await using bus = createBus();
    let abort = (): void => {};
    const signal = { aborted: false, addEventListener: (_: string, run: () => void) => (abort = run) };
    const next = bus.next('/a', { signal: signal as never });
    abort();
    await assert.rejects(next, { name: 'AbortError' });
    signal.aborted = true;
    await assert.rejects(bus.next('/a', { signal: signal as never }), { name: 'AbortError' });
  });

  test('leaves no listener on its signal when the event came', async () => {
    await using bus = createBus();
    const { signal } = new AbortController();
    const next = bus.next('/a', { signal, timeoutMs: Number.POSITIVE_INFINITY });
    bus.publish('/a', { id: 0 });
    await next;
    await until(() => getEventListeners(signal, 'abort').length === 0);
  });

  test('rejects when its time is over', async () => {
    await using bus = createBus();
    const next = bus.next('/a', { timeoutMs: 1 });
    await assert.rejects(next, { name: 'TimeoutError', code: 'BUS_TIMEOUT', operation: 'next', timeoutMs: 1 });
    await until(() => bus.stats().subscriptions.length === 0);
  });

  test('says in its error what came instead', async () => {
    await using bus = createBus();
    const next = bus.next('/tsks/exit', { timeoutMs: 1 });
    for (const topic of ['/tasks/exit', '/tasks/start', '/tasks/exit']) bus.publish(topic, null);
    await assert.rejects(next, {
      message: /within 1 ms; other events meanwhile: 3; topics of this bus: \/tasks\/exit, \/tasks\/start$/,
    });
    await assert.rejects(bus.next('/tasks/exit', { timeoutMs: 1 }), {
      message: /within 1 ms; wait longer, or look at explain\(filter\)$/,
    });
  });

  test('that nobody limits warns of a filter that selects no topic events come on, and of no other', async () => {
    await using bus = createBus();
    await using quiet = createBus();
    const warnings: { code?: string; message: string }[] = [];
    const warned = new Promise<void>((resolve) => {
      process.on('warning', (warning) => {
        warnings.push(warning);
        resolve();
      });
    });
    bus.publish('/tasks/exit', null);
    const waits = [
      quiet.next('/a'),
      bus.next('/tasks/exit'),
      bus.next('/tsks/exit', { timeoutMs: Number.POSITIVE_INFINITY }),
      bus.next('/tsks/exit', { signal: new AbortController().signal }),
      bus.next(['/tsks/exit', '/tsks/*']),
    ];
    bus.publish('/tasks/start', null);
    await warned;
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['BUS_NOTHING_SELECTED'],
    );
    const message =
      /for an event that \["\/tsks\/exit","\/tsks\/\*"\] selects; other events meanwhile: 1; .*: \/tasks\/exit, \/tasks\/start; .* timeoutMs/;
    assert.match(warnings[0]!.message, message);
    process.removeAllListeners('warning');
    await Promise.all([bus.close(), quiet.close(), ...waits.map((wait) => assert.rejects(wait))]);
  });

  test('rejects when the bus closes, unless its event was accepted before', async () => {
    const bus = createBus();
    const met = bus.next('/a');
    const unmet = bus.next('/b');
    bus.publish('/a', { id: 0 });
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    assert.equal(idOf(await met), 0);
    await assert.rejects(unmet, { code: 'BUS_SUBSCRIPTION_ENDED' });
    assert.equal(thrownBy(() => void bus.next('/a')).code, 'BUS_CLOSED');
    const destroyed = createBus();
    const lost = destroyed.next('/a');
    destroyed.destroy();
    await assert.rejects(lost, { code: 'BUS_SUBSCRIPTION_ENDED' });
  });

  test('refuses bad input and takes no reader for it', async () => {
    await using bus = createBus();
    assert.equal(thrownBy(() => void bus.next('/a/')).code, 'BUS_INVALID_GLOB');
    for (const [options, code] of [
      [{ signal: 5 }, 'BUS_INVALID_OPTION'],
      [{ timeoutMs: -1 }, 'BUS_INVALID_OPTION'],
      [{ timeoutMs: 2 ** 31 }, 'BUS_INVALID_OPTION'],
      [{ timeoutMs: Number.NaN }, 'BUS_INVALID_OPTION'],
      [{ timeout: 5 }, 'BUS_UNKNOWN_OPTION'],
    ] as const) {
      assert.equal(thrownBy(() => void bus.next('/a', options as never)).code, code);
    }
    assert.deepEqual(bus.stats().subscriptions, []);
  });

  test('holds the process open while it is pending, and no longer; a rejection that nobody watches ends nothing', async () => {
    const pending = await runProgram(`
      const bus = createBus();
      setTimeout(() => bus.publish('/a', { id: 7 }), 20).unref();
      console.log((await bus.next('/a')).event.id);
      bus.next('/a', { timeoutMs: 1 });
      process.on('exit', () => console.log('end'));
    `);
    assert.deepEqual(pending, { exitCode: 0, output: '7\nend\n', errors: '' });
  });
});

describe('a handler for many events', { timeout: 600_000 }, () => {
  for (const many of [1, 3]) {
    test(`is called ${many} times at most, whatever else waits, and has ended then`, async () => {
      await using bus = createBus();
      const { subscription, ids } = record(bus, '/a', { many });
      for (const id of range(10)) bus.publish('/a', { id });
      await subscription.ended;
      assert.deepEqual(ids, range(many));
      assert.equal(subscription.stats().delivered, many);
      assert.equal(bus.publish('/a', { id: 10 }), true);
      assert.equal(bus.stats().unwanted, 1);
    });
  }

  test('counts failures too, and takes numbers from 1 only, alone', async () => {
    await using bus = createBus();
    bus.on('error', () => {});
    let calls = 0;
    const fail = (): never => {
      calls++;
      throw new Error('mine');
    };
    const subscription = bus.subscribe('/a', fail, { many: 2 });
    for (const id of range(5)) bus.publish('/a', { id });
    await subscription.ended;
    assert.equal(calls, 2);
    for (const options of [{ many: 0 }, { many: 1.5 }, { many: Infinity }, { many: 2, once: true }]) {
      assert.equal(thrownBy(() => bus.subscribe('/a', () => {}, options)).code, 'BUS_INVALID_OPTION');
    }
  });
});

describe('a time of Infinity', { timeout: 600_000 }, () => {
  test('lets close wait as long as it takes', async () => {
    const bus = createBus({ stallTimeoutMs: Number.POSITIVE_INFINITY });
    let release!: () => void;
    const pending = new Promise<void>((resolve) => {
      release = resolve;
    });
    bus.subscribe('/a', () => pending);
    bus.publish('/a', { id: 0 });
    const closed = bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    for (const _ of range(20)) await turn();
    release();
    assert.deepEqual(await closed, { undelivered: 0 });
  });

  test('lets publishSync wait for a thread as long as it takes', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const source = 'export default () => {}';
    const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${source}`));
    for (const id of range(200)) {
      bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: Number.POSITIVE_INFINITY });
    }
    await subscription.stop({ drain: true });
    assert.equal(subscription.stats().delivered, 200);
  });

  test('evicts nobody who holds up a waiting publisher', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
    const stream = bus.subscribe('/a');
    const filled = fillRing(bus, '/a');
    await until(() => bus.stats().ring.stalledMs > 0);
    assert.equal(bus.stats().evictions, 0);
    for (const id of range(filled)) assert.equal(idOf((await stream.next()).value!), id);
  });
});
