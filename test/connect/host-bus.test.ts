/** A bus in a thread of its own: whoever blocks delays nobody but itself, and the end of either side is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { BroadcastChannel } from 'node:worker_threads';
import { connectBus, hostBus } from '../../src/index.js';
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
    for (const options of [{ clock: Date.now }, { types: [class {}] }, { capacityBytes: 5 }, { size: 1 }, null]) {
      await assert.rejects(hostBus(options as never), { code: /^BUS_(INVALID|UNKNOWN)_/ });
    }
    await assert.rejects(hostBus({ topicTypes: { '/x': 'no.such.Type' } }), { code: 'BUS_UNKNOWN_TYPE' });
  });
});
