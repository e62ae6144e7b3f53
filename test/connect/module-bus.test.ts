/** `context.bus`: what a subscriber module publishes from its own thread arrives once, in order, however its thread ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bus, createBus, type DisconnectReport, type Envelope } from '../../src/index.js';
import { createTestBus } from '../../src/testing/index.js';
import { closeDelivered, inlineModule, LARGE_TEXT, range, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { LIBRARY } from '../support/published.js';

/** Passes each event on, once it has been handled. */
const PASSING_ON = inlineModule(`export default ({ event }, { bus }) => void bus.publish('/out', event)`);

function outputs(bus: Bus, topic = '/out'): unknown[] {
  const got: unknown[] = [];
  bus.subscribe(topic, ({ event }: Envelope) => void got.push(event));
  return got;
}

describe('the bus of a module', () => {
  test('is a connection with the name of its subscription, made when the module first asks for it', async () => {
    const bus = createBus();
    const got = outputs(bus);
    const idle = bus.subscribe('/in', inlineModule('export default () => {}'), { name: 'idle' });
    await idle.ready;
    bus.subscribe('/in', PASSING_ON, { name: 'passing on' });
    bus.publish('/in', 1);
    await until(() => got.length === 1);
    assert.deepEqual(
      bus.stats().connections.map(({ name }) => name),
      ['passing on'],
    );
    await closeDelivered(bus);
    assert.deepEqual(got, [1]);
  });

  test('is what the module is given in setup, in each event and batch, and in teardown', async () => {
    const bus = createBus();
    const got = outputs(bus);
    const module = inlineModule(`export default {
      async setup({ bus }) { bus.publish('/out', 'setup'); },
      handleBatch(envelopes, { bus }) { for (const { event } of envelopes) bus.publish('/out', event); },
      async teardown({ bus }) { bus.publish('/out', 'teardown'); },
    }`);
    const subscription = bus.subscribe('/in', module);
    await subscription.ready;
    for (const id of range(3)) bus.publish('/in', id);
    const gone = once(bus, 'disconnect') as Promise<[DisconnectReport]>;
    await subscription.stop({ drain: true });
    assert.equal((await gone)[0].reason, 'closed');
    await closeDelivered(bus);
    assert.deepEqual(got, ['setup', 0, 1, 2, 'teardown']);
  });

  test('is the connection that connectBus returns there, and its handle goes on to other threads', async () => {
    const bus = createBus();
    const got = outputs(bus, '/**');
    const module = inlineModule(`
      import { Worker } from 'node:worker_threads';
      import { connectBus, BusConnection } from '${LIBRARY}';
      export default async (_, { bus }) => {
        bus.publish('/same', [connectBus(bus.handle) === bus, bus instanceof BusConnection]);
        const inner = "const { workerData } = require('node:worker_threads'); import('${LIBRARY}').then(({ connectBus }) => connectBus(workerData).publish('/inner', 1))";
        const worker = new Worker(inner, { eval: true, workerData: bus.handle });
        await new Promise((resolve) => worker.on('exit', resolve));
      };
    `);
    bus.subscribe('/in', module);
    bus.publish('/in', 0);
    await until(() => got.length === 3);
    await closeDelivered(bus);
    assert.deepEqual(got, [0, [true, true], 1]);
  });

  test('is what emit emits to there, without an emitter having been given', async () => {
    const bus = createBus({ namespace: 'here' });
    const got: unknown[] = [];
    bus.subscribe('/out', ({ event, namespace }: Envelope) => void got.push([event, namespace]));
    const module = inlineModule(`
      import { currentEmitter, emit, runWithEmitter, tryEmit, withNamespace } from '${LIBRARY}';
      export default async ({ event }, { bus }) => {
        emit('/out', event);
        await null;
        tryEmit('/out', event + 1);
        withNamespace('there', () => emit('/out', event + 2));
        runWithEmitter(bus.emitter({ namespace: 'given' }), () => emit('/out', event + 3));
        currentEmitter().emit('no topic', 0);
      };
    `);
    bus.subscribe('/in', module);
    bus.publish('/in', 1);
    await until(() => got.length === 4);
    await closeDelivered(bus);
    assert.deepEqual(got, [
      [1, 'here'],
      [2, 'here'],
      [3, 'there'],
      [4, 'given'],
    ]);
  });

  test('works in a loop of its own, whose event loop does not turn', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got = outputs(bus);
    const module = inlineModule(`export default ({ event }, { bus }) => {
      for (let i = 0; i < 4; i++) bus.publish('/out', { id: event.id * 4 + i, text: event.text });
    }`);
    bus.subscribe('/in', module, { loop: 'dedicated' });
    for (const id of range(60)) if (!bus.publish('/in', { id, text: 'x'.repeat(3_000) })) await bus.writable();
    await until(() => got.length === 240);
    await closeDelivered(bus);
    assert.deepEqual(
      got.map((event) => (event as { id: number }).id),
      range(240),
    );
  });

  test('takes what the module was told is accepted, once, when the bus closes in the middle', async () => {
    for (const rounds of [1, 400]) {
      const bus = createBus();
      const got = outputs(bus);
      const told = new Int32Array(new SharedArrayBuffer(8));
      const module = inlineModule(`export default ({ event }, { bus, data }) => {
        try { bus.publish('/out', event); Atomics.add(data, 0, 1); }
        catch (error) { if (error.code === 'BUS_CLOSED') Atomics.add(data, 1, 1); else throw error; }
      }`);
      const subscription = bus.subscribe('/in', module, { data: told });
      await subscription.ready;
      for (const id of range(1_000)) bus.publish('/in', id);
      bus.flush();
      await until(() => Atomics.load(told, 0) >= rounds);
      await closeDelivered(bus);
      assert.equal(told[0]! + told[1]!, 1_000);
      assert.deepEqual(got, range(told[0]!));
    }
  });

  test('takes over what a thread that dies had published, before its next life publishes', async () => {
    const bus = createBus();
    const got: { id: number; life: number }[] = [];
    bus.subscribe('/out', ({ event }: Envelope) => void got.push(event as (typeof got)[number]));
    const lives = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule(`
      let life;
      export default {
        setup({ data }) { life = Atomics.add(data, 0, 1); },
        handle({ event }, { bus }) {
          bus.publish('/out', { id: event, life });
          if (life < 3 && event === life * 10 + 7) process.exit(1);
        },
      };
    `);
    const reasons: string[] = [];
    bus.on('disconnect', ({ reason }) => reasons.push(reason));
    bus.subscribe('/in', module, { data: lives, restart: { maxRestarts: 10, backoffMs: 1 } });
    for (const id of range(30)) bus.publish('/in', id);
    await until(() => got.some(({ id }) => id === 29));
    await closeDelivered(bus);
    // What was in hand comes again, and is published again: each life on its own goes on without a gap.
    for (const life of [0, 1, 2, 3]) {
      const ids = got.filter((event) => event.life === life).map(({ id }) => id);
      assert.deepEqual(
        ids,
        range(ids.length).map((i) => ids[0]! + i),
        `life ${life}`,
      );
    }
    assert.deepEqual(
      got.map(({ life }) => life),
      got.map(({ life }) => life).sort(),
    );
    assert.deepEqual([...new Set(got.map(({ id }) => id))], range(30));
    assert.deepEqual(reasons, ['thread ended', 'thread ended', 'thread ended', 'bus closed']);
  });

  test('takes what a module publishes in its end, though the ring is full of what its own reader held', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got = outputs(bus);
    const module = inlineModule(`export default {
      handle() {},
      async teardown({ bus }) {
        for (let id = 0; id < 40; id++) if (!bus.publish('/out', { id, text: '${LARGE_TEXT}' })) await bus.writable();
      },
    }`);
    const subscription = bus.subscribe('/in', module);
    bus.publish('/in', 0);
    await subscription.ready;
    await subscription.stop({ drain: true });
    await until(() => got.length === 40);
    await closeDelivered(bus);
  });

  for (const filter of ['/**', '/in'] as const) {
    test(`ends with the module where that subscribes ${filter} by it, and gets what was accepted before`, async () => {
      const bus = createBus();
      const errors: Error[] = [];
      bus.on('error', (error) => errors.push(error));
      const counts = new Int32Array(new SharedArrayBuffer(8));
      // Of those that end last: whoever wants dead letters ends after those who may cause one.
      const module = inlineModule(`export default {
        async setup({ bus, data }) { await bus.subscribe('/**', () => void Atomics.add(data, 0, 1)).ready; },
        handle(_, { data }) { Atomics.add(data, 1, 1); },
      }`);
      const subscription = bus.subscribe(filter, module, { data: counts });
      subscription.on('error', (error) => errors.push(error));
      await subscription.ready;
      for (const id of range(20)) bus.publish('/in', id);
      await closeDelivered(bus);
      assert.deepEqual([...counts], [20, 20]);
      assert.deepEqual(errors, []);
    });
  }

  test('cannot be cloned to another thread', async () => {
    const bus = createBus();
    const got = outputs(bus, '/said');
    const module = inlineModule(`export default (_, context) => {
      context.bus.publish('/said', 1);
      try { structuredClone(context.bus); } catch (error) { context.bus.publish('/said', error.message); }
    }`);
    bus.subscribe('/in', module);
    bus.publish('/in', 0);
    await until(() => got.length === 2);
    assert.match(String(got[1]), /send its handle/);
    await closeDelivered(bus);
  });
});

test('a module that runs in the thread of a test publishes and emits as in a thread of its own', async () => {
  const bus = createTestBus();
  await bus.subscribeInThread(
    '/in',
    new URL(
      `data:text/javascript,${encodeURIComponent(`
    import { emit } from '${LIBRARY}';
    export default ({ event }, { bus }) => { bus.publish('/out', event); emit('/out', event + 1); };
  `)}`,
    ),
  );
  bus.publish('/in', 1);
  await bus.settled();
  const events = bus.published.filter(({ topic }) => topic === '/out').map(({ event }) => event as number);
  assert.deepEqual(events.sort(), [1, 2]);
  await bus.close();
});
