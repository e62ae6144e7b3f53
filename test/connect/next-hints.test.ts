/** What a wait for an event says when that does not come: the same on a connection as on the bus, whoever has published. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bus, type BusConnection, connectBus, createBus } from '../../src/index.js';
import { until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** What the error of a wait says, of one that was told in time: other threads may be too busy to say what came. */
async function hintOf(client: Bus | BusConnection, publish: () => void): Promise<string> {
  const publishing = setInterval(publish, 5);
  try {
    for (;;) {
      const error: Error & { code?: string } = await client.next('/tsks/exit', { timeoutMs: 50 }).then(
        () => assert.fail('nobody has published that'),
        (thrown) => thrown,
      );
      assert.equal(error.code, 'BUS_TIMEOUT');
      const [, hint] = /^next: .* within 50 ms; other events meanwhile: [1-9]\d*; (.+)$/.exec(error.message) ?? [];
      if (hint !== undefined) return hint;
    }
  } finally {
    clearInterval(publishing);
  }
}

describe('a wait for an event that does not come', { timeout: 600_000 }, () => {
  test('says on a connection what came instead, of the bus and of its own thread', async () => {
    await using bus = createBus();
    const connection = connectBus(bus.handle);
    await connection.subscribe('/other', () => {}).ready;
    const hint = await hintOf(connection, () => {
      for (const topic of ['/tasks/exit', '/tasks/start', '/tasks/exit']) bus.publish(topic, null);
      connection.publish('/tasks/paused', null);
    });
    assert.equal(hint, 'topics of this bus: /tasks/paused, /tasks/exit, /tasks/start');
    assert.ok(connection.stats().unwanted > 0);
    await until(() => bus.stats().subscriptions.length === 1);
  });

  test('says nothing of others where there were none', async () => {
    await using bus = createBus();
    const connection = connectBus(bus.handle);
    bus.publish('/tasks/exit', null);
    await connection.subscribe('/other', () => {}).ready;
    await assert.rejects(connection.next('/a', { timeoutMs: 1 }), {
      message: /within 1 ms; wait longer, or look at explain\(filter\)$/,
    });
  });

  test('says on the bus, and on another connection, what threads have published that nobody wants', async () => {
    await using bus = createBus();
    const thread = new ScriptedThread(
      `const bus = ringcast.connectBus(data.bus);
       bus.subscribe('/other', () => {});
       setInterval(() => {
         for (const topic of ['/tasks/exit', '/tasks/start']) bus.publish(topic, null);
         if (bus.stats().unwanted > 0) say('dropped');
       }, 5);`,
      { bus: bus.handle },
    );
    assert.equal(await thread.said(), 'dropped');
    assert.equal(await hintOf(bus, () => {}), 'topics of this bus: /tasks/exit, /tasks/start');
    const connection = connectBus(bus.handle);
    assert.equal(await hintOf(connection, () => {}), 'topics of this bus: /tasks/exit, /tasks/start');
    await thread.worker.terminate();
  });

  test('without a limit warns on a connection of a filter that selects no topic events come on, and of no other', async () => {
    await using bus = createBus();
    const connection = connectBus(bus.handle);
    bus.publish('/tasks/exit', null);
    await connection.subscribe('/other', () => {}).ready;
    const waits = [
      connection.next('/tasks/exit'),
      connection.next('/tsks/exit', { timeoutMs: Number.POSITIVE_INFINITY }),
      connection.next('/tsks/exit'),
    ];
    await until(() => bus.stats().subscriptions.length === 4);
    bus.publish('/tasks/start', null);
    const warnings: (Error & { code?: string })[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    await once(process, 'warning');
    await bus.close();
    await Promise.all(waits.map((wait) => assert.rejects(wait)));
    process.off('warning', listener);
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['BUS_NOTHING_SELECTED'],
    );
    assert.match(
      warnings[0]!.message,
      /that "\/tsks\/exit" selects; other events meanwhile: 1; topics of this bus: \/tasks\/exit, \/tasks\/start; /,
    );
  });

  test('ends on a connection though the owner is too busy to say what came', async () => {
    await using bus = createBus();
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const thread = new ScriptedThread(
      `const bus = ringcast.connectBus(data.bus);
       await bus.subscribe('/a', () => {}).ready;
       const next = bus.next('/tsks/exit', { timeoutMs: 1 });
       say('waits');
       next.catch(({ code }) => {
         Atomics.store(data.cells, 0, code === 'BUS_TIMEOUT' ? 1 : 2);
         Atomics.notify(data.cells, 0);
       });`,
      { bus: bus.handle, cells },
    );
    assert.equal(await thread.said(), 'waits');
    // The owner's thread does nothing but wait for the end of the thread's wait.
    Atomics.wait(cells, 0, 0, 30_000);
    assert.equal(Atomics.load(cells, 0), 1);
    await thread.worker.terminate();
  });
});
