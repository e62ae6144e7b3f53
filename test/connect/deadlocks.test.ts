/** Whoever waits for room that its own reader holds is told so; everything else goes on. The table is in `src/connect/README.md`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  inlineModule,
  LARGE_TEXT,
  range,
  SMALL_RING_BYTES,
  until,
} from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** Publishes twice what it gets until it may not wait any more; says with what it ended in `data`. */
function feeding(to: string, wait: string): URL {
  return inlineModule(`
    let id = 0;
    export default async (_, { bus, data }) => {
      if (Atomics.load(data, 0) !== 0) return;
      try {
        for (let i = 0; i < 200; i++) { ${wait} }
      } catch (error) {
        if (error.code !== 'BUS_WOULD_DEADLOCK') throw error;
        Atomics.add(data, 0, 1);
      }
    };
    const event = () => ({ id: id++, text: '${LARGE_TEXT}' });
    const to = '${to}';
  `);
}

const WAYS = {
  'awaits writable': 'if (!bus.publish(to, event())) await bus.writable();',
  'calls publishSync': 'bus.publishSync(to, event(), { timeoutMs: 60_000 });',
} as const;

const MORE_WAYS = {
  ...WAYS,
  'calls publishSync while others of its thread await writable': `
    while (bus.publish(to, event()));
    elsewhere(() => bus.writable());
    bus.publishSync(to, event(), { timeoutMs: 60_000 });`,
  'calls publishSync with an event that calls it in a getter': `
    const nested = { get id() { try { bus.publishSync(to, 0); } catch {} return id++; }, text: event().text };
    bus.publishSync(to, nested, { timeoutMs: 60_000 });`,
  'awaits writable and tries publishSync meanwhile': `
    if (!bus.publish(to, event())) {
      const room = bus.writable();
      await new Promise((resolve) => setImmediate(resolve));
      try { bus.publishSync(to, event(), { timeoutMs: 0 }); } catch {}
      await room;
    }`,
} as const;

describe('a module that holds the ring, and waits for room to publish', () => {
  for (const [way, wait] of Object.entries(WAYS)) {
    test(`is told that it would deadlock, where it ${way}`, async () => {
      const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
      const told = new Int32Array(new SharedArrayBuffer(4));
      const failures: Error[] = [];
      bus.on('error', (error) => failures.push(error));
      bus.subscribe('/self', feeding('/self', wait), { data: told });
      bus.publish('/self', { id: 0 });
      await until(() => Atomics.load(told, 0) > 0);
      await closeDelivered(bus);
      assert.deepEqual(failures, []);
    });
  }

  test('is told so when another one holds it that waits as well, one of the two at least', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
    const told = new Int32Array(new SharedArrayBuffer(4));
    bus.subscribe('/a', feeding('/b', WAYS['awaits writable']), { data: told });
    bus.subscribe('/b', feeding('/a', WAYS['awaits writable']), { data: told });
    bus.publish('/a', { id: 0 });
    await until(() => Atomics.load(told, 0) > 0);
    await closeDelivered(bus);
  });

  test('is told so while the owner is blocked in publishSync, which goes on', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
    const told = new Int32Array(new SharedArrayBuffer(8));
    const module = inlineModule(`
      export default async (_, { bus, data }) => {
        if (Atomics.load(data, 0) !== 0) return;
        try {
          for (;;) {
            while (bus.publish('/else', '${LARGE_TEXT}'));
            // From here on the owner may block.
            Atomics.store(data, 1, 1);
            await bus.writable();
          }
        } catch (error) { if (error.code === 'BUS_WOULD_DEADLOCK') Atomics.store(data, 0, 1); }
      };
    `);
    // The ring holds what the module has not released: the other one reads on, in a thread that nobody blocks.
    bus.subscribe('/in', module, { data: told });
    bus.subscribe('/else', inlineModule('export default () => {};'));
    bus.publish('/in', 0);
    await until(() => Atomics.load(told, 1) === 1);
    while (bus.tryPublish('/in', LARGE_TEXT));
    bus.publishSync('/in', LARGE_TEXT, { timeoutMs: 60_000 });
    // The module had been told: only then it could let go of the ring.
    assert.equal(Atomics.load(told, 0), 1);
    await closeDelivered(bus);
  });

  test('and does not await it in a handler is told nothing: it may settle by itself', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const told = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule(`
      let waited;
      export default async ({ event }, { bus, data }) => {
        if (waited !== undefined) return;
        waited = new Promise((resolve) => setTimeout(async () => {
          for (let i = 0; i < 100; i++) if (!bus.publish('/out', { id: i, text: '${LARGE_TEXT}' })) await bus.writable();
          Atomics.store(data, 0, 1);
          resolve();
        }));
      };
    `);
    const got: number[] = [];
    bus.subscribe('/in', module, { data: told });
    bus.subscribe('/out', ({ event }) => void got.push(event.id));
    bus.publish('/in', 0);
    await until(() => Atomics.load(told, 0) === 1);
    await closeDelivered(bus);
    assert.deepEqual(got, range(100));
  });
});

/** A handler that fills ring, uplink and heap, then awaits the end of its connection. */
const CLOSING = `
  let id = 0;
  const publish = (bus) => bus.publish('/self', { id: id++, text: '${LARGE_TEXT}' });
  const closeOn = async (bus, drainTimeoutMs) => {
    if (id > 1) return;
    while (publish(bus));
    const { undelivered } = await bus.close({ drainTimeoutMs });
    say({ undelivered, accepted: id });
  };
`;

describe('while a ring is full', () => {
  test('and the owner is in publishSync, its event is written when there is room, and uplinks go on afterwards', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const seen = new Int32Array(new SharedArrayBuffer(4));
    // Holds the ring until the gate is opened, which happens while the owner is blocked.
    bus.subscribe(
      '/x',
      inlineModule(`export default (_, { data }) => { Atomics.wait(data.gate, 0, 0); Atomics.add(data.seen, 0, 1); }`),
      { data: { gate, seen } },
    );
    const filled = fillRing(bus, '/x') - 1;
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      for (let i = 0; i < 50; i++) bus.publish('/x', { id: i });
      say('published');
      Atomics.wait(data.blocked, 0, 0, 50);
      Atomics.store(data.gate, 0, 1);
      Atomics.notify(data.gate, 0);
      await bus.close();
    `,
      { bus: bus.handle, gate, blocked: new Int32Array(new SharedArrayBuffer(4)) },
    );
    await thread.said();
    bus.publishSync('/x', { id: -1 }, { timeoutMs: 60_000 });
    await thread.ended;
    await closeDelivered(bus);
    // One more had been queued as the ring was filled.
    assert.equal(Atomics.load(seen, 0), filled + 1 + 1 + 50);
  });

  test('of what a reader holds that does not move, that is evicted, and connections go on', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    bus.subscribe('/x', () => new Promise(() => {}), { name: 'stuck' });
    const got: number[] = [];
    bus.subscribe('/x', ({ event }) => void got.push(event.id), { isolate: true });
    const evicted = once(bus, 'evicted');
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      for (let id = 0; id < 60; id++) if (!bus.publish('/x', { id, text: '${LARGE_TEXT}' })) await bus.writable();
      await bus.close({ drainTimeoutMs: Infinity });
    `,
      { bus: bus.handle },
    );
    await evicted;
    assert.equal(await thread.ended, 0);
    await until(() => got.length === 60);
    bus.destroy();
    assert.deepEqual(got, range(60));
  });
});

describe('a handler on a connected thread that holds the ring, and waits for room to publish', () => {
  for (const [way, wait] of Object.entries(MORE_WAYS)) {
    test(`is told that it would deadlock, where it ${way}`, async () => {
      const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
      const thread = new ScriptedThread(
        `
        import { AsyncResource } from 'node:async_hooks';
        // Code of the thread that is no handler.
        const elsewhere = AsyncResource.bind((act) => act());
        const bus = ringcast.connectBus(data.bus);
        const to = '/self';
        let id = 0;
        const event = () => ({ id: id++, text: '${LARGE_TEXT}' });
        let code;
        const subscription = bus.subscribe(to, async () => {
          if (code !== undefined) return;
          try { for (;;) { ${wait} } } catch (error) { code = error.code; say(code); }
        }).ref();
        bus.publish(to, event());
      `,
        { bus: bus.handle },
      );
      assert.equal(await thread.said(), 'BUS_WOULD_DEADLOCK');
      await thread.worker.terminate();
      await bus.close();
    });
  }

  test('is not waited for where it awaits close: its reader reads on, and the bus has all that was accepted', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
    const got: number[] = [];
    bus.subscribe('/self', ({ event }) => void got.push(event.id), { isolate: true });
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      ${CLOSING}
      await bus.subscribe('/self', () => closeOn(bus, Infinity)).ref().ready;
      publish(bus);
    `,
      { bus: bus.handle },
    );
    assert.equal(await thread.ended, 0);
    const { undelivered, accepted } = (await thread.said()) as { undelivered: number; accepted: number };
    await closeDelivered(bus);
    assert.equal(undelivered, 0);
    assert.deepEqual(got, range(accepted));
  });
});

test('a module that awaits close where it holds the ring waits until its time is over, and is told what it has lost', async () => {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
  const got: number[] = [];
  bus.subscribe('/self', ({ event }) => void got.push(event.id), { isolate: true });
  const { port1, port2 } = new MessageChannel();
  const module = inlineModule(`
    let say;
    ${CLOSING}
    export default (_, { bus, data }) => {
      say = (message) => data.postMessage(message);
      return closeOn(bus, 500);
    };
  `);
  bus.subscribe('/self', module, { data: port2, transferList: [port2], restart: 'never' });
  bus.publish('/self', { id: -1 });
  const [{ undelivered, accepted }] = (await once(port1, 'message')) as [{ undelivered: number; accepted: number }];
  port1.close();
  await closeDelivered(bus);
  assert.ok(undelivered > 0);
  // What was in the uplink came all the same; what waited on the heap is lost.
  assert.deepEqual(got, [-1, ...range(got.length - 1)]);
  assert.ok(got.length - 1 >= accepted - undelivered, `${got.length - 1} of ${accepted}, ${undelivered} undelivered`);
});

test('a publishSync that waits for the reader of a thread that ends throws when its time is over, and others go on', async () => {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
  const got: number[] = [];
  bus.subscribe('/x', ({ event }) => void got.push(event.id), { isolate: true });
  const thread = new ScriptedThread(
    `
    const bus = ringcast.connectBus(data.bus);
    await bus.subscribe('/x', () => void Atomics.wait(data.never, 0, 0)).ref().ready;
    say('reads');
  `,
    { bus: bus.handle, never: new Int32Array(new SharedArrayBuffer(4)) },
  );
  await thread.said();
  const filled = fillRing(bus, '/x');
  // What is left in the way is the thread's, whose handler never returns.
  await until(() => got.length > 0 && / of connection "thread-/.test(bus.stats().ring.heldBy ?? ''));
  const ended = thread.worker.terminate();
  const event = { id: -1, text: LARGE_TEXT };
  assert.throws(() => bus.publishSync('/x', event, { timeoutMs: 300 }), { code: 'BUS_PUBLISH_TIMEOUT' });
  await ended;
  await bus.writable();
  assert.ok(bus.publish('/x', { id: filled }));
  await closeDelivered(bus);
  assert.deepEqual(got, range(filled + 1));
});
