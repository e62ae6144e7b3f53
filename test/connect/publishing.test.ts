/** Publishing from other threads: what was accepted arrives once, in order, however the thread ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Bus, type BusConnection, connectBus, createBus, type DisconnectReport } from '../../src/index.js';
import { LARGE_TEXT, SMALL_RING_BYTES, thrownBy } from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { ScriptedThread } from '../support/scripted-thread.js';
import { Arrivals, disconnects, PublishingThread } from './publishers.js';

function listening(options: Parameters<typeof createBus>[0] = {}): { bus: Bus; arrivals: Arrivals } {
  const bus = createBus(options);
  const arrivals = new Arrivals();
  bus.subscribe('/numbered', arrivals.note);
  return { bus, arrivals };
}

describe('a connected thread', () => {
  for (const end of ['close', 'return', 'exit', 'throw'] as const) {
    test(`that ends by ${end} loses nothing that it was told is accepted`, async () => {
      const { bus, arrivals } = listening();
      const gone = once(bus, 'disconnect') as Promise<[DisconnectReport]>;
      const thread = new PublishingThread(bus, 1, { count: 3_000, end });
      await thread.exited;
      const [report] = await gone;
      assert.equal(report.name, 'publisher-1');
      assert.equal(report.reason, end === 'close' ? 'closed' : 'thread ended');
      assert.deepEqual(await bus.close(), { undelivered: 0 });
      arrivals.check(thread);
      assert.equal(thread.begun, 3_000);
      if (end !== 'exit') assert.equal(arrivals.ids.get(1)!.length, 3_000);
    });
  }

  for (const way of ['wait', 'queue', 'sync'] as const) {
    test(`that publishes more than fits, ${way === 'wait' ? 'waiting for room' : way}, loses nothing`, async () => {
      const { bus, arrivals } = listening({ capacityBytes: SMALL_RING_BYTES });
      const gone = disconnects(bus, 1);
      const thread = new PublishingThread(bus, 1, { count: 3_000, bytes: 300, way });
      await thread.exited;
      await gone;
      await bus.close();
      arrivals.check(thread);
      assert.equal(arrivals.ids.get(1)!.length, 3_000);
    });
  }

  test('that is terminated at any time loses at most what it had not finished, and holds nobody up', async () => {
    const { bus, arrivals } = listening({ capacityBytes: SMALL_RING_BYTES });
    const isolated = new Arrivals();
    bus.subscribe('/numbered', isolated.note, { isolate: true });
    const threads: PublishingThread[] = [];
    const gone = disconnects(bus, 12);
    for (let round = 0; round < 3; round++) {
      const together = (['wait', 'queue', 'sync', 'wait'] as const).map((way, i) => {
        const producer = round * 4 + i;
        return new PublishingThread(bus, producer, { count: 1e9, bytes: 10 + 100 * i, way, end: 'stay' });
      });
      threads.push(...together);
      await Promise.all(
        together.map(async (thread, i) => {
          while (thread.begun < 1 + 700 * i * round) await setTimeout(1);
          await thread.worker.terminate();
        }),
      );
    }
    await gone;
    assert.deepEqual(bus.stats().connections, []);
    await bus.close();
    for (const thread of threads) arrivals.check(thread);
    arrivals.checkOrder();
    assert.deepEqual(isolated.sequences, arrivals.sequences);
  });

  test('counts for the owner while it lives', async () => {
    const { bus } = listening();
    const thread = new PublishingThread(bus, 1, { count: 100, end: 'stay' });
    while ((bus.stats().connections[0]?.published ?? 0) < 100) await setTimeout(1);
    const [connection] = bus.stats().connections;
    assert.equal(connection!.name, 'publisher-1');
    assert.equal(connection!.threadId, thread.worker.threadId);
    assert.equal(connection!.producer, 1);
    while (bus.stats().connections[0]!.received < 100) await setTimeout(1);
    assert.equal(bus.stats().connections[0]!.uplinkBytes, 0);
    assert.equal(bus.stats().published, 100);
    await thread.worker.terminate();
    await bus.close();
  });

  test('is not waited for when the bus closes, and is refused from then on', async () => {
    const { bus, arrivals } = listening();
    const thread = new PublishingThread(bus, 1, { count: 1e9, end: 'stay' });
    while (thread.told < 2_000) await setTimeout(1);
    await bus.close();
    assert.equal((await thread.failed).code, 'BUS_CLOSED');
    await thread.exited;
    // Exactly: what was refused did not arrive.
    assert.equal(arrivals.ids.get(1)!.length, thread.told);
    arrivals.check(thread);
  });

  test('is told exactly how much of a run the bus has taken that closes in the middle of it', async () => {
    for (let round = 0; round < size(3, 100); round++) {
      const bus = createBus({ capacityBytes: 8 * 1024 * 1024 });
      let got = 0;
      bus.subscribe('/a', () => void got++);
      const source = createBus();
      const next = source.next('/a');
      source.publish('/a', 'x'.repeat(20));
      const envelope = (await next).toBinary();
      await source.close();
      const frame = Buffer.concat([Buffer.of(envelope.length), envelope]);
      const thread = new ScriptedThread(
        `
        const bus = ringcast.connectBus(data.bus);
        let bytes = 0;
        try {
          for (;;) {
            const consumed = bus.forwardAll(data.run);
            bytes += consumed;
            Atomics.store(data.progress, 0, 1);
            if (consumed < data.run.length) await bus.writable();
          }
        } catch ({ code, consumedBytes }) {
          say({ code, bytes: bytes + (consumedBytes ?? 0) });
        }
      `,
        {
          bus: bus.handle,
          run: Buffer.concat(Array.from({ length: 20_000 }, () => frame)),
          progress: new Int32Array(new SharedArrayBuffer(4)),
        },
      );
      while ((bus.stats().connections[0]?.received ?? 0) < 1_000 * (round + 1)) await setTimeout(0);
      assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
      const { code, bytes } = (await thread.said()) as { code: string; bytes: number };
      assert.equal(code, 'BUS_CLOSED');
      assert.equal(bytes / frame.length, got);
      await thread.worker.terminate();
    }
  });

  test('that nobody listens to encodes nothing', async () => {
    const bus = createBus();
    const thread = new PublishingThread(bus, 1, { count: 3_000, end: 'stay' });
    while (thread.told < 3_000) await setTimeout(1);
    // Nothing is known before they have met: until then everything is sent.
    while ((bus.stats().connections[0]?.published ?? 0) < 3_000) await setTimeout(1);
    await thread.worker.terminate();
    await bus.close();
    assert.equal(bus.stats().written, 0);
    assert.equal(bus.stats().published + 0, bus.stats().unwanted);
  });
});

describe('an event that comes too late because its own getter destroys the bus', { timeout: 600_000 }, () => {
  const verbs: { [name: string]: (connection: BusConnection, destroy: () => void) => unknown } = {};
  for (const verb of ['publish', 'tryPublish', 'publishSync'] as const) {
    verbs[verb] = (connection, destroy) =>
      connection[verb]('/a', {
        get id() {
          destroy();
          return 1;
        },
      });
  }
  // Queued behind what waits already.
  verbs['publish with a queue'] = (connection, destroy) => {
    while (connection.publish('/a', LARGE_TEXT));
    return verbs.publish!(connection, destroy);
  };

  for (const [verb, publish] of Object.entries(verbs)) {
    test(`is not counted as published, nor as waiting, by ${verb}`, async () => {
      const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      bus.subscribe('/a', () => {});
      const connection = connectBus(bus.handle);
      // They have met.
      await connection.subscribe('/none', () => {}).ready;
      let before = connection.stats();
      const { code } = thrownBy(() =>
        publish(connection, () => {
          before = connection.stats();
          bus.destroy();
        }),
      );
      assert.equal(code, 'BUS_CLOSED');
      const after = connection.stats();
      assert.deepEqual([after.published, after.pending], [before.published, before.pending]);
    });
  }
});
