/** How a connection begins, what it shares with the bus, and how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import {
  type BusHandle,
  connectBus,
  createBus,
  type DisconnectReport,
  type Envelope,
  runWithEmitter,
} from '../../src/index.js';
import { LIBRARY } from '../support/published.js';
import { ScriptedThread } from '../support/scripted-thread.js';
import { disconnects } from './publishers.js';

const lib = new URL('../../lib/index.js', import.meta.url).href;

/** Collects the events on all topics of a bus. */
function collect(bus: ReturnType<typeof createBus>): unknown[] {
  const events: unknown[] = [];
  bus.subscribe('/**', ({ topic, event }) => void events.push([topic, event]));
  return events;
}

describe('a handle', () => {
  test('is plain data: a second thread gets it from the first', async () => {
    const bus = createBus();
    const events = collect(bus);
    const thread = new ScriptedThread(
      `
      import { Worker } from 'node:worker_threads';
      const bus = ringcast.connectBus(data.bus);
      bus.publish('/first', 1);
      await bus.close();
      const inner = new Worker(new URL('data:text/javascript,' + encodeURIComponent(data.inner)), {
        workerData: { bus: bus.handle, library: data.library },
      });
      await new Promise((resolve) => inner.on('exit', resolve));
    `,
      {
        bus: bus.handle,
        library: LIBRARY,
        inner: `
          import { workerData as data } from 'node:worker_threads';
          const { connectBus } = await import(data.library);
          const bus = connectBus(data.bus);
          bus.publish('/second', 2);
          await bus.close();
        `,
      },
    );
    assert.equal(await thread.ended, 0);
    await bus.close();
    assert.deepEqual(events, [
      ['/first', 1],
      ['/second', 2],
    ]);
  });

  test('of another layout, or no handle, is refused with a code', async () => {
    const bus = createBus();
    const { handle } = bus;
    assert.throws(() => connectBus({ ...handle, ringcastLayout: 1 }), { code: 'BUS_LAYOUT_MISMATCH' });
    for (const none of [undefined, null, 1, 'bus', {}, { ringcastLayout: 'x' }, bus]) {
      assert.throws(() => connectBus(none as never), { code: 'BUS_INVALID_OPTION', message: /handle/ });
    }
    assert.throws(() => connectBus(handle, { name: '' }), { code: 'BUS_INVALID_OPTION' });
    assert.throws(() => connectBus(handle, { nme: 'x' } as never), { code: 'BUS_UNKNOWN_OPTION' });
    await bus.close();
    assert.throws(() => bus.handle, { code: 'BUS_CLOSED' });
    const late = connectBus(handle);
    assert.throws(() => late.publish('/late', 1), { code: 'BUS_CLOSED' });
    assert.deepEqual(await late.close(), { undelivered: 0 });
  });
});

describe('a connection', () => {
  test('in the thread of the bus works as any other, and cannot be waited for there', async () => {
    const bus = createBus({ capacityBytes: 64 * 1024 });
    const events = collect(bus);
    const connection = connectBus(bus.handle, { name: 'here' });
    connection.publish('/a', 1);
    bus.publish('/b', 2);
    await connection.close();
    // Taken over, and handled when the loop of this thread has had its turn.
    while (events.length < 2) await setTimeout(1);
    const again = connectBus(bus.handle);
    assert.notEqual(again, connection);
    while (again.tryPublish('/c', 'x'.repeat(1000)));
    assert.throws(() => again.publishSync('/c', 'x'.repeat(1000)), { code: 'BUS_WOULD_DEADLOCK' });
    assert.equal(again.stats().refused, 1);
    await again.writable();
    assert.ok(again.tryPublish('/c', 3));
    await bus.close();
    assert.deepEqual(events.at(-1), ['/c', 3]);
  });

  test('is one for a thread, however often it connects, and is over when all of them have closed it', async () => {
    const bus = createBus();
    const gone = once(bus, 'disconnect') as Promise<[DisconnectReport]>;
    const one = connectBus(bus.handle, { name: 'first' });
    const two = connectBus(bus.handle, { name: 'second' });
    assert.equal(one, two);
    await one.close();
    two.publish('/a', 1);
    assert.equal(bus.stats().connections.length, 1);
    await two.close();
    assert.throws(() => two.publish('/a', 1), { code: 'BUS_CLOSED' });
    const [{ name, reason }] = await gone;
    assert.deepEqual({ name, reason }, { name: 'first', reason: 'closed' });
    await bus.close();
  });

  test('of another copy of the package is the same connection', async () => {
    const two = (await import(lib)) as { connectBus: typeof connectBus };
    const bus = createBus();
    const connection = connectBus(bus.handle);
    assert.equal(two.connectBus(bus.handle), connection);
    await bus.close();
  });

  test('gives its number to the next one when it is over', async () => {
    const bus = createBus();
    const first = connectBus(bus.handle);
    await setTimeout(1);
    assert.equal(bus.stats().connections[0]!.producer, 1);
    await first.close();
    connectBus(bus.handle);
    assert.equal(bus.stats().connections[0]!.producer, 1);
    await bus.close();
  });

  test('has the namespace, the declared types and the type modules of the bus', async () => {
    const types = new URL('../fixtures/workers/acme-types.js', import.meta.url);
    const bus = createBus({
      namespace: 'here',
      topicTypes: { '/tasks/exit': 'containerd.events.TaskExit' },
      types: [types.href],
    });
    const got: Envelope[] = [];
    bus.subscribe('/**', (envelope) => void got.push(envelope));
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      bus.publish('/tasks/exit', { exitStatus: 3 });
      bus.publish('/plain', { a: 1 }, { namespace: 'there' });
      say(bus.anyPack({ a: 1 }).typeUrl);
      await bus.close();
    `,
      { bus: bus.handle },
    );
    await thread.ended;
    await bus.close();
    assert.deepEqual(
      got.map(({ namespace, typeUrl }) => [namespace, typeUrl]),
      [
        ['here', 'containerd.events.TaskExit'],
        ['there', got[1]!.typeUrl],
      ],
    );
    assert.equal((got[0]!.event as { exitStatus: number }).exitStatus, 3);
  });

  test('forwards, emits through the context, and refuses what the bus refuses', async () => {
    const bus = createBus();
    const events = collect(bus);
    const connection = connectBus(bus.handle);
    const source = createBus();
    const next = source.next('/x');
    source.publish('/x', 'forwarded');
    connection.forward((await next).toBinary());
    await runWithEmitter(connection.emitter({ prefix: '/images' }), async () => {
      const { emit } = await import('../../src/index.js');
      emit('pulled', 1);
    });
    assert.throws(() => connection.publish('no topic', 1), { code: 'BUS_INVALID_TOPIC' });
    assert.throws(() => connection.publish('/ringcast/dead-letter', 1), { code: 'BUS_INVALID_TOPIC' });
    assert.throws(() => connection.publish('/big', 'x'.repeat(1024 * 1024)), { code: 'BUS_EVENT_TOO_LARGE' });
    assert.throws(() => connection.forward(Buffer.from('nonsense')), { code: 'BUS_MALFORMED_ENVELOPE' });
    await connection.close();
    await bus.close();
    await source.close();
    assert.deepEqual(events, [
      ['/x', 'forwarded'],
      ['/images/pulled', 1],
    ]);
  });

  test('has the traces and origins of its events arrive as they were given, and excepted', async () => {
    const bus = createBus();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    bus.publish('/x', 0, { origin: 'first of the bus' });
    const got: unknown[] = [];
    const note = ({ event, origin, traceparent: trace }: Envelope): void => void got.push([event, origin, trace]);
    bus.subscribe('/x', note, { exceptOrigins: ['mine'] });
    const connection = connectBus(bus.handle);
    connection.publish('/x', 1, { origin: 'theirs', traceparent });
    connection.publish('/x', 2, { origin: 'mine' });
    connection.publish('/x', 3, { traceparent });
    connection.publish('/x', 4);
    connection.publish('/x', 5, { origin: 'theirs' });
    await bus.close();
    assert.deepEqual(got, [
      [1, 'theirs', traceparent],
      [3, undefined, traceparent],
      [4, undefined, undefined],
      [5, 'theirs', undefined],
    ]);
  });

  test('that is destroyed drops what waits on its heap, and nothing else', async () => {
    const bus = createBus({ capacityBytes: 64 * 1024 });
    const events = collect(bus);
    const connection = connectBus(bus.handle);
    let written = 0;
    while (connection.publish('/a', written)) written++;
    connection.destroy();
    assert.throws(() => connection.publish('/a', 1), { code: 'BUS_CLOSED' });
    await once(bus, 'disconnect');
    await bus.close();
    assert.equal(events.length, written);
  });

  for (const [when, blocks] of [
    ['before it connects', false],
    ['before they have met', true],
  ] as const) {
    test(`whose owner has died ${when} is refused, and told what was not taken over`, async () => {
      const never = new Int32Array(new SharedArrayBuffer(4));
      const owner = new ScriptedThread(
        `
        const bus = ringcast.createBus();
        setInterval(() => {}, 1_000);
        // Told and blocked in one turn: the owner hears nobody between the two.
        say(bus.handle);
        data.blocks && Atomics.wait(data.never, 0, 0);
      `,
        { never, blocks },
      );
      const handle = (await owner.said()) as BusHandle;
      if (!blocks) await owner.worker.terminate();
      const connection = connectBus(handle);
      for (let i = 0; i < 3; i++) connection.publish('/a', i);
      await owner.worker.terminate();
      // Nobody takes it over, so it is waited for until that is known.
      assert.deepEqual(await connectBus(handle).close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), {
        undelivered: 3,
      });
      assert.throws(() => connection.publish('/a', 4), { code: 'BUS_CLOSED' });
      assert.deepEqual(await connection.close(), { undelivered: 3 });
    });
  }

  test('that waits in publishSync without a limit is refused when its owner dies', { timeout: 600_000 }, async (t) => {
    const never = new Int32Array(new SharedArrayBuffer(4));
    const owner = new ScriptedThread(
      `
      const bus = ringcast.createBus({ capacityBytes: 65_536 });
      bus.subscribe('/a', () => {});
      say(bus.handle);
      parentPort.once('message', () => {
        say('takes nothing over any more');
        Atomics.wait(data.never, 0, 0);
      });
    `,
      { never },
    );
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data);
      await bus.subscribe('/b', () => {}).ready;
      say('has met the owner');
      parentPort.once('message', () => {
        while (bus.tryPublish('/a', 'x'.repeat(5_000)));
        say('full');
        try {
          bus.publishSync('/a', 'x'.repeat(5_000), { timeoutMs: Infinity });
        } catch ({ code }) {
          say(code);
        }
      });
    `,
      (await owner.said()) as BusHandle,
    );
    t.after(() => Promise.all([owner.worker.terminate(), thread.worker.terminate()]));
    await thread.said();
    owner.worker.postMessage('stop');
    await owner.said();
    thread.worker.postMessage('publish');
    assert.equal(await thread.said(), 'full');
    await owner.worker.terminate();
    assert.equal(await thread.said(), 'BUS_CLOSED');
    assert.equal(await thread.ended, 0);
  });

  test('whose owner dies when it has heard of the thread, and before its port has come, is refused and told so', async () => {
    const cells = new Int32Array(new SharedArrayBuffer(4));
    const owner = new ScriptedThread(
      `
      const { subscribe } = await import('node:diagnostics_channel');
      subscribe('ringcast:connection:opened', () => {
        // In the same turn: the port, which comes by way of the main thread, is never met.
        Atomics.store(data.cells, 0, 1);
        Atomics.notify(data.cells, 0);
        process.exit();
      });
      say(ringcast.createBus().handle);
      setInterval(() => {}, 1_000);
    `,
      { cells },
    );
    const handle = (await owner.said()) as BusHandle;
    const thread = new ScriptedThread(
      `
      say('loaded');
      const bus = ringcast.connectBus(data.handle);
      for (let i = 0; i < 3; i++) bus.publish('/a', i);
      say(await ringcast.connectBus(data.handle).close({ drainTimeoutMs: Infinity }));
      try {
        bus.publish('/a', 4);
      } catch ({ code }) {
        say(code);
      }
      say(await bus.close());
    `,
      { handle },
    );
    assert.equal(await thread.said(), 'loaded');
    // The main thread, which would pass the port on, has no turn until the owner has heard of the thread.
    assert.notEqual(Atomics.wait(cells, 0, 0, 30_000), 'timed-out');
    assert.deepEqual(await thread.said(), { undelivered: 3 });
    assert.equal(await thread.said(), 'BUS_CLOSED');
    assert.deepEqual(await thread.said(), { undelivered: 3 });
    assert.equal(await thread.ended, 0);
    await owner.ended;
  });

  test('cannot be cloned to another thread', () => {
    const bus = createBus();
    assert.throws(() => structuredClone(connectBus(bus.handle)), { name: 'DataCloneError' });
    bus.destroy();
  });
});

describe('threads of all kinds', () => {
  for (const atomics of ['sync', 'disabled'] as const) {
    test(`tasks of a piscina pool (atomics: ${atomics}) publish, however idle their threads are afterwards`, async () => {
      const bus = createBus();
      const got = new Set<number>();
      bus.subscribe('/task', ({ event }) => void got.add(event));
      const filename = fileURLToPath(new URL('../fixtures/workers/publishing-task.js', import.meta.url));
      const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2, atomics });
      const tasks = Array.from({ length: 20 }, (_, task) => pool.run({ bus: bus.handle, from: task * 10, count: 10 }));
      await Promise.all(tasks);
      // Their event loops may be frozen: what they published comes all the same.
      while (got.size < 200) await setTimeout(1);
      const gone = disconnects(bus, bus.stats().connections.length);
      await pool.destroy();
      await gone;
      await bus.close();
    });
  }

  test('a thread with a small heap publishes', async () => {
    const bus = createBus();
    const events = collect(bus);
    const thread = new ScriptedThread(
      `const bus = ringcast.connectBus(data.bus); bus.publish('/small', 1); await bus.close();`,
      { bus: bus.handle },
      { resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 } },
    );
    assert.equal(await thread.ended, 0);
    await bus.close();
    assert.deepEqual(events, [['/small', 1]]);
  });
});

describe('what is wanted', () => {
  test('counts for a thread from the moment that subscribe returns on the owner', async () => {
    const bus = createBus();
    const order = new Int32Array(new SharedArrayBuffer(4));
    const thread = new ScriptedThread(
      `
      const bus = ringcast.connectBus(data.bus);
      bus.publish('/warm', 0);
      say('connected');
      for (let round = 1; round <= data.rounds; round++) {
        // Blocked: no event can tell this thread of the subscription.
        Atomics.wait(data.order, 0, 2 * round - 2);
        bus.publish('/wanted/' + round, round);
        Atomics.store(data.order, 0, 2 * round);
        Atomics.notify(data.order, 0);
        say(round);
      }
      await bus.close();
      say(bus.stats());
    `,
      { bus: bus.handle, order, rounds: 50 },
    );
    assert.equal(await thread.said(), 'connected');
    while (bus.stats().connections.length === 0) await setTimeout(1);
    const got: number[] = [];
    for (let round = 1; round <= 50; round++) {
      bus.subscribe(`/wanted/${round}`, ({ event }) => void got.push(event));
      Atomics.store(order, 0, 2 * round - 1);
      Atomics.notify(order, 0);
      assert.equal(await thread.said(), round);
    }
    const { unwanted } = (await thread.said()) as { unwanted: number };
    await bus.close();
    assert.deepEqual(
      got,
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    assert.ok(unwanted <= 1);
  });
});
