/** Threads that subscribe over connections, and what of their readers is left when they block, end, or are ended. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus, type DisconnectReport, type Envelope } from '../../src/index.js';
import { SMALL_RING_BYTES, takenSlots, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

describe('a thread that subscribes over a connection', () => {
  test('gets events of the bus, of itself and of other threads in one order', async () => {
    const bus = createBus();
    const order: string[] = [];
    bus.subscribe('/a', ({ event }: Envelope) => void order.push(event as string));
    const body = `
      const bus = ringcast.connectBus(data.bus, { name: data.name });
      const got = [];
      const subscription = bus.subscribe('/a', ({ event }) => void got.push(event)).ref();
      await subscription.ready;
      say('ready');
      await bus.next('/go');
      for (let i = 0; i < 50; i++) {
        bus.publish('/a', data.name + i);
        if (i % 10 === 0) await new Promise(setImmediate);
      }
      subscription.on('end', () => say(got));
    `;
    const threads = ['x', 'y'].map((name) => new ScriptedThread(body, { bus: bus.handle, name }));
    for (const thread of threads) assert.equal(await thread.said(), 'ready');
    await until(() => bus.stats().subscriptions.filter(({ filter }) => filter === '/go').length === 2);
    bus.publish('/go', 1);
    for (let i = 0; i < 50; i++) {
      bus.publish('/a', `o${i}`);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    await until(() => order.length === 150);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    for (const thread of threads) assert.deepEqual(await thread.said(), order);
  });

  test('that is terminated gives its readers back, and nobody else loses anything', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got: unknown[] = [];
    bus.subscribe('/a', ({ event }: Envelope) => void got.push((event as { id: number }).id));
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      const streams = [bus.subscribe('/a'), bus.subscribe('/a')];
      await bus.subscribe('/a', () => { for (;;); }).ref().ready;
      say('ready');
    `,
      { bus: bus.handle },
    );
    assert.equal(await thread.said(), 'ready');
    const gone = once(bus, 'disconnect') as Promise<[DisconnectReport]>;
    // Until the ring is full, and held by the thread.
    let id = 0;
    while (bus.publish('/a', { id: id++, filler: 'x'.repeat(500) }));
    await until(() => / of connection "thread-/.test(bus.stats().ring.heldBy ?? ''));
    await thread.worker.terminate();
    await bus.writable();
    assert.equal((await gone)[0].reason, 'thread ended');
    assert.deepEqual(
      bus.stats().subscriptions.map(({ thread }) => thread),
      ['bus'],
    );
    assert.equal(takenSlots(bus), 1);
    await bus.close();
    assert.deepEqual(
      got,
      Array.from({ length: id }, (_, index) => index),
    );
  });

  test('that blocks for ever is evicted, and told so when it goes on', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      const subscription = bus.subscribe('/a', () => void Atomics.wait(data.gate, 0, 0), { name: 'stuck' }).ref();
      const told = [];
      subscription.on('evicted', ({ code }) => told.push(code));
      bus.on('evicted', ({ code, subscription }) => told.push(code, subscription));
      const lagged = new Promise((resolve) => subscription.on('lagged', ({ count }) => resolve(count > 0)));
      await subscription.ready;
      say('ready');
      await bus.next('/end');
      told.push(await lagged);
      say(told);
      subscription.stop();
    `,
      { bus: bus.handle, gate },
    );
    assert.equal(await thread.said(), 'ready');
    await until(() => bus.stats().subscriptions.some(({ filter }) => filter === '/end'));
    const evicted = once(bus, 'evicted');
    while (bus.publish('/a', 'x'.repeat(500)));
    const [{ code, message }] = (await evicted) as [{ code: string; message: string }];
    assert.equal(code, 'BUS_EVICTED');
    assert.match(message, /"stuck"/);
    await bus.writable();
    for (let i = 0; i < 300; i++) {
      bus.publish('/a', 'x'.repeat(500));
      await bus.writable();
    }
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    // The reader of next was not evicted, or is by now: either way it hears of what comes.
    await until(() => bus.publish('/end', 1) && bus.stats().subscriptions.every(({ filter }) => filter !== '/end'));
    const told = (await thread.said()) as unknown[];
    assert.ok(told.includes('BUS_EVICTED'));
    assert.ok(told.some((value) => typeof value === 'string' && value.includes('"stuck"')));
    assert.ok(told.includes(true), 'it was told what it missed');
    await bus.close();
  });

  test('that holds the ring itself can publish on, or gets a coded error', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, maxPendingBytes: 64 * 1024, stallTimeoutMs: 2 ** 31 - 1 });
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      const codes = [];
      let handled = 0;
      const subscription = bus.subscribe('/a', async () => {
        if (handled++ > 0) return;
        const publish = () => bus.publish('/a', 'x'.repeat(500));
        try { for (;;) publish(); } catch ({ code }) { codes.push(code); }
        codes.push(bus.tryPublish('/a', 1));
        try { bus.publishSync('/a', 1, { timeoutMs: Infinity }); } catch ({ code }) { codes.push(code); }
        say(codes);
      }).ref();
      bus.publish('/a', 'first');
      subscription.on('evicted', ({ code }) => say(code));
    `,
      { bus: bus.handle },
    );
    const codes = (await thread.said()) as unknown[];
    assert.deepEqual(codes, ['BUS_QUEUE_FULL', false, 'BUS_WOULD_DEADLOCK']);
    await thread.worker.terminate();
    await bus.close();
  });

  test('whose owner dies is told by the end of its subscriptions', async () => {
    const owner = new ScriptedThread(
      `
      const bus = ringcast.createBus();
      bus.subscribe('/up', () => {});
      say(bus.handle);
      setInterval(() => {}, 1000);
    `,
      {},
    );
    const handle = await owner.said();
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      const subscription = bus.subscribe('/a', () => {}).ref();
      await subscription.ready;
      say('ready');
      await subscription.ended;
      try { bus.publish('/a', 1); } catch ({ code }) { say(code); }
    `,
      { bus: handle },
    );
    assert.equal(await thread.said(), 'ready');
    await owner.worker.terminate();
    assert.equal(await thread.said(), 'BUS_CLOSED');
    assert.equal(await thread.ended, 0);
  });

  test('is held open by its streams and waits, and not by its handlers', async () => {
    const bus = createBus();
    const body = `
      const bus = ringcast.connectBus(data.bus);
      bus.subscribe('/a', () => say('handled'));
      if (data.waits) bus.next('/b').then(({ event }) => say(event));
    `;
    const idle = new ScriptedThread(body, { bus: bus.handle, waits: false });
    assert.equal(await idle.ended, 0);
    const waiting = new ScriptedThread(body, { bus: bus.handle, waits: true });
    await until(() => bus.stats().subscriptions.length === 2);
    bus.publish('/b', 'it came');
    assert.equal(await waiting.said(), 'it came');
    assert.equal(await waiting.ended, 0);
    await until(() => bus.stats().connections.length === 0);
    assert.deepEqual(bus.stats().subscriptions, []);
    await bus.close();
  });
});

test('a thread that destroys its connection ends, whatever the owner has not answered', async () => {
  const bus = createBus();
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const body = `
    const bus = ringcast.connectBus(data.bus);
    await bus.subscribe('/met', () => {}).ready;
    say('met');
    Atomics.wait(data.cells, 0, 0);
    const early = bus.subscribe('/early', () => {}, { isolate: true });
    await early.stop();
    await new Promise(setImmediate);
    bus.destroy();
    Atomics.store(data.cells, 1, 1);
    Atomics.notify(data.cells, 1);`;
  const thread = new ScriptedThread(body, { bus: bus.handle, cells: answered });
  await thread.said();
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
  // The owner has no turn before the thread has destroyed its connection.
  Atomics.wait(answered, 1, 0);
  assert.equal(await thread.ended, 0);
  await bus.close();
});

/** Lines of a thread in which nothing has used an async context before its first stream has an event. */
const READING = `
  const bus = data.bus === undefined ? ringcast.createBus() : ringcast.connectBus(data.bus);
  const got = [];
  let tell;
  const isReading = new Promise((resolve) => { tell = resolve; });
  const closing = closeWhenItReads();
  const stream = bus.subscribe('/a');
  const reading = read();
  for (let i = 0; i < 10; i++) bus.publish('/a', i);
  await reading;
  say({ got, ...(await closing) });
`;

describe('a thread whose first use of async contexts is to read a stream', () => {
  const all = { got: Array.from({ length: 10 }, (_, index) => index), undelivered: 0 };
  /** It waits from before the stream is there. */
  const closer = 'async function closeWhenItReads() { await isReading; return bus.close(); }';
  const readers = {
    'for await': `
      async function read() {
        for await (const { event } of stream) {
          got.push(event);
          tell();
          await new Promise(setImmediate);
        }
      }`,
    'next().then()': `
      const read = () => stream.next().then(async ({ done, value }) => {
        if (done) return;
        got.push(value.event);
        tell();
        await new Promise(setImmediate);
        return read();
      });`,
  };
  for (const [way, reader] of Object.entries(readers)) {
    for (const place of ['a connection', 'its own bus']) {
      test(`closes ${place} beside the code that reads, by ${way}, and that gets what was accepted before`, async () => {
        const bus = createBus();
        const data = place === 'a connection' ? { bus: bus.handle } : {};
        const thread = new ScriptedThread(`${reader}${closer}${READING}`, data);
        assert.deepEqual(await thread.said(), all);
        await bus.close();
      });
    }
  }

  test('closes a connection in the code that reads, and that is not waited for', async () => {
    const bus = createBus();
    const body = `
      const bus = ringcast.connectBus(data.bus);
      const stream = bus.subscribe('/a');
      bus.publish('/a', 1);
      for await (const _ of stream) say(await bus.close({ drainTimeoutMs: Infinity }));
    `;
    const thread = new ScriptedThread(body, { bus: bus.handle });
    assert.deepEqual(await thread.said(), { undelivered: 0 });
    await bus.close();
  });
});
