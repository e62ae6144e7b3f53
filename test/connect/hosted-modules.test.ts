/** Modules on a bus in a thread of its own: subscribed by the thread that hosts it, and by threads that it has not met. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HandlerError, hostBus, SubscriptionEvictedError } from '../../src/index.js';
import { inlineModule, LARGE_TEXT, range, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { Log, RECORDING, WAITING } from '../support/recording-module.js';
import { ScriptedThread } from '../support/scripted-thread.js';

describe('a module on a hosted bus', () => {
  test('is subscribed as on any bus, and told of once', async () => {
    const bus = await hostBus();
    const log = new Log();
    const subscription = bus.subscribe('/x/**', RECORDING, { data: log.cells });
    const errors: Error[] = [];
    bus.on('error', (error) => errors.push(error));
    for (const id of range(100)) bus.publish('/x/y', { id });
    await subscription.ready;
    const faulty = bus.subscribe('/z', inlineModule(`export default () => { throw new Error('odd'); }`));
    bus.publish('/z', { id: 0 });
    await faulty.stop({ drain: true });
    await until(() => log.ids.length === 100);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    await subscription.ended;
    assert.deepEqual(log.ids, range(100));
    assert.deepEqual(
      errors.map((error) => error instanceof HandlerError),
      [true],
    );
  });

  test('that is evicted is told of once on the bus, with its class', async () => {
    const bus = await hostBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const subscription = bus.subscribe('/a', WAITING, { data: gate });
    const told: Error[] = [];
    bus.on('evicted', (error) => told.push(error));
    subscription.on('evicted', (error) => told.push(error));
    while (told.length < 2) if (!bus.publish('/a', { text: LARGE_TEXT })) await bus.writable();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await bus.close();
    assert.deepEqual(
      told.map((error) => error instanceof SubscriptionEvictedError),
      [true, true],
    );
  });

  test('begins while the main thread is blocked, for a thread that connects meanwhile', async () => {
    const bus = await hostBus();
    const log = new Log();
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const thread = new ScriptedThread(
      `say('up');
      Atomics.wait(data.gate, 0, 0);
      const bus = ringcast.connectBus(data.bus);
      bus.publish('/a', { id: 0 });
      bus.subscribe('/a', new URL(data.module), { data: data.log });
      bus.publish('/a', { id: 1 });
      bus.publish('/a', { id: 2 });`,
      { bus: bus.handle, gate, module: RECORDING.href, log: log.cells },
    );
    await thread.said();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    // From here on this thread is blocked, by which the port of that thread would have to come.
    while (Atomics.load(log.cells, 0) < 2) Atomics.wait(log.cells, 0, Atomics.load(log.cells, 0), 100);
    assert.deepEqual(log.ids, [1, 2]);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    await thread.ended;
  });

  test('waits for what it is subscribed with, where that comes behind the request: by the channel, or by the port', async () => {
    for (const way of ['channel', 'port'] as const) {
      const bus = await hostBus();
      const [seen, log] = [new Log(), new Log()] as const;
      const gate = new Int32Array(new SharedArrayBuffer(8));
      await bus.subscribe('/seen', RECORDING, { data: seen.cells }).ready;
      const thread = new ScriptedThread(
        `import { BroadcastChannel } from 'node:worker_threads';
        const { postMessage } = BroadcastChannel.prototype;
        const late = [];
        BroadcastChannel.prototype.postMessage = function (message) {
          if (message.offer === undefined) postMessage.call(this, message);
          else late.push([this.name, message]);
        };
        say('up');
        Atomics.wait(data.gate, 0, 0);
        const bus = ringcast.connectBus(data.bus);
        bus.publish('/seen', { id: 0 });
        bus.subscribe('/a', new URL(data.module), { data: data.log });
        for (const id of [1, 2]) bus.publish('/a', { id });
        bus.publish('/seen', { id: 3 });
        Atomics.wait(data.gate, 1, 0);
        if (data.way === 'channel') for (const [name, message] of late) postMessage.call(new BroadcastChannel(name), message);`,
        { bus: bus.handle, gate, module: RECORDING.href, log: log.cells, way },
      );
      await thread.said();
      const open = (cell: number): void => {
        Atomics.store(gate, cell, 1);
        Atomics.notify(gate, cell);
      };
      const blockUntil = ({ cells }: Log, count: number): void => {
        while (Atomics.load(cells, 0) < count) Atomics.wait(cells, 0, Atomics.load(cells, 0), 100);
      };
      open(0);
      // The port of that thread does not come while this one is blocked.
      blockUntil(seen, 1);
      open(1);
      if (way === 'channel') blockUntil(log, 2);
      await until(() => seen.ids.length === 2 && log.ids.length === 2);
      assert.deepEqual(
        [seen.ids, log.ids],
        [
          [0, 3],
          [1, 2],
        ],
      );
      await thread.worker.terminate();
      assert.deepEqual(await bus.close(), { undelivered: 0 });
    }
  });
});
