/** A bus in a thread of its own: whoever blocks delays nobody but itself, and the end of either side is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { BroadcastChannel } from 'node:worker_threads';
import { connectBus, type HostedBus, hostBus } from '../../src/index.js';
import { SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** Publishes `data.count` events, each as soon as it may, and says so. */
const PUBLISHING = `
  const bus = ringcast.connectBus(data.bus);
  say('connected');
  Atomics.wait(data.gate, 0, 0);
  for (let id = 0; id < data.count; id++) { bus.publishSync('/x', { id }, { timeoutMs: 30_000 }); Atomics.add(data.gate, 1, 1); }
  await bus.close();
`;

describe('a hosted bus', () => {
  test('goes on while the thread that asked for it is blocked, and counts for it', async () => {
    const bus = await hostBus({ capacityBytes: SMALL_RING_BYTES, namespace: 'hosted', keepUnwanted: true });
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const thread = new ScriptedThread(PUBLISHING, { bus: bus.handle, gate, count: 5_000 });
    await thread.said();
    while ((await bus.busStats()).connections.length < 2);
    const gone = once(bus, 'disconnect');
    // From here to the end of the loop this thread is blocked. The uplink takes a fraction of the events: the host takes them over.
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    while (Atomics.load(gate, 1) < 5_000) Atomics.wait(gate, 1, Atomics.load(gate, 1), 100);
    assert.equal((await gone)[0].reason, 'closed');
    bus.publish('/x', { id: 5_000 });
    assert.equal(bus.stats().published, 1);
    const stats = await bus.busStats();
    assert.ok(stats.published >= 5_000);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    assert.throws(() => bus.publish('/x', 1), { code: 'BUS_CLOSED' });
    await assert.rejects(bus.busStats(), { code: 'BUS_HOST_ENDED' });
  });

  test('is one connection in the thread that asked for it, and closes with the last use of it', async () => {
    const bus = await hostBus();
    const again = connectBus(bus.handle);
    assert.equal(again, bus);
    await again.close();
    assert.ok(bus.publish('/x', 1));
    const closing = bus.close();
    assert.equal(bus.close(), closing);
    assert.deepEqual(await closing, { undelivered: 0 });
  });

  test('that closes refuses its other connections, and destroyed it abandons them', async () => {
    const bus = await hostBus();
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const thread = new ScriptedThread(PUBLISHING, { bus: bus.handle, gate, count: 1e9 });
    await thread.said();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await until(() => Atomics.load(gate, 1) > 10);
    bus.destroy();
    await assert.rejects(thread.ended, { code: 'BUS_CLOSED' });
    await bus.close();
  });

  test('whose thread ends by itself says so, once, and everything after is refused', async () => {
    const bus = await hostBus({ types: [new URL('../fixtures/workers/crashing-types.js', import.meta.url)] });
    const failed = once(bus, 'error') as Promise<[Error & { code: string }]>;
    const channel = new BroadcastChannel('crashing-types');
    channel.postMessage('now');
    channel.close();
    // A host holds no process open.
    const open = setInterval(() => {}, 1_000);
    const [error] = await failed;
    clearInterval(open);
    assert.equal(error.code, 'BUS_HOST_ENDED');
    assert.match(error.message, /struck by lightning/);
    assert.throws(() => bus.publish('/x', 1), { code: 'BUS_CLOSED' });
    assert.deepEqual(await bus.close(), { undelivered: 0 });
  });

  test('refuses what cannot be sent to a thread, and what createBus refuses, before a thread is started', async () => {
    const unsendable = () => 65_536;
    for (const options of [
      ...[{ clock: Date.now }, { types: [class {}] }, { size: 1 }, null],
      ...[{ capacityBytes: 5 }, { capacityBytes: unsendable }, { capacityBytes: Symbol('64 KiB') }],
    ]) {
      await assert.rejects(hostBus(options as never), { code: /^BUS_(INVALID|UNKNOWN)_/ });
    }
    await assert.rejects(hostBus({ topicTypes: { '/x': 'no.such.Type' } }), { code: 'BUS_UNKNOWN_TYPE' });
  });

  test('to which the thread that asked for it cannot connect rejects', async () => {
    const types = [new URL('../fixtures/workers/other-thread-types.js', import.meta.url)];
    await assert.rejects(hostBus({ types }), { code: 'BUS_TYPES_MODULE' });
  });
});

describe('closing a hosted bus', { timeout: 600_000 }, () => {
  const ways: Readonly<Record<string, (bus: HostedBus, end: () => Promise<unknown>) => Promise<unknown>>> = {
    'a handler': (bus, end) =>
      new Promise((resolve, reject) => {
        bus.subscribe('/end', () => end().then(resolve, reject), { isolate: true });
      }),
    'the body of a for await': async (bus, end) => {
      for await (const _ of bus.subscribe('/end')) return await end();
      return undefined;
    },
  };
  for (const [where, endIn] of Object.entries(ways)) {
    test(`does not wait for ${where} that asks for it, and delivers everything else`, async () => {
      const bus = await hostBus();
      const got: unknown[] = [];
      bus.subscribe('/x', ({ event }) => void got.push(event));
      const open = setInterval(() => {}, 1_000);
      const ended = endIn(bus, () => bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }));
      bus.publish('/end', 0);
      for (let id = 0; id < 3; id++) bus.publish('/x', id);
      assert.deepEqual(await ended, { undelivered: 0 });
      clearInterval(open);
      assert.deepEqual(got, [0, 1, 2]);
    });
  }

  test('waits for as long as a timer can, and destroy ends that, or one without a limit, at once', async (t) => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    t.after(() => process.off('warning', note));
    for (const drainTimeoutMs of [2 ** 31 - 1, Number.POSITIVE_INFINITY]) {
      const bus = await hostBus();
      const thread = new ScriptedThread(
        `
        const bus = ringcast.connectBus(data);
        const subscription = bus.subscribe('/x', () => (say('handles'), new Promise(() => {})));
        await subscription.ready;
        say('ready');
        setInterval(() => {}, 1_000);
      `,
        bus.handle,
      );
      t.after(() => thread.worker.terminate());
      await thread.said();
      bus.publish('/x', 1);
      assert.equal(await thread.said(), 'handles');
      const closing = bus.close({ drainTimeoutMs });
      // The host lives, and waits.
      assert.equal((await bus.busStats()).subscriptions.length, 1);
      bus.destroy();
      assert.deepEqual(await closing, { undelivered: 1 });
      assert.equal(bus.close(), closing);
      bus.destroy();
    }
    assert.ok(!warnings.includes('TimeoutOverflowWarning'));
  });
});
