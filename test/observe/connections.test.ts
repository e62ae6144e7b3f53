import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Bus, createBus, type Sample } from '../../src/index.js';
import { SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { LIBRARY } from '../support/published.js';
import { follow, sampleWhere } from '../support/stats-client.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rc-'));
  process.env.XDG_RUNTIME_DIR = folder;
});
after(() => rmSync(folder, { recursive: true }));

/** Events that wait on the heap of a {@link stubborn} thread. */
const QUEUED = 3;

/**
 * A connected thread that publishes until three of its events wait on its heap, and then blocks: it never has another turn in which they
 * could go into its uplink.
 */
async function stubborn(bus: Bus, name: string): Promise<{ readonly worker: Worker; readonly published: number }> {
  const program = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { connectBus } = await import(workerData.lib);
    const bus = connectBus(workerData.bus, { name: workerData.name });
    let published = 0;
    for (; bus.stats().pending.events < ${QUEUED}; published++) bus.publish('/a', 'x'.repeat(2_000));
    parentPort.postMessage(published);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const worker = new Worker(url, { workerData: { lib: LIBRARY, name, bus: bus.handle } });
  const [published] = (await once(worker, 'message')) as [number];
  return { worker, published };
}

describe('a connection whose thread is stuck', { timeout: 600_000 }, () => {
  test('shows in stats and in health by its name, and what it takes with it when it ends', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    bus.subscribe('/a', () => {});
    const { worker, published } = await stubborn(bus, 'resizer');
    await until(() => bus.stats().connections[0]?.received === published - QUEUED);
    const [connection] = bus.stats().connections;
    assert.deepEqual([connection!.published, connection!.pending, connection!.uplinkBytes], [published, QUEUED, 0]);
    assert.equal(bus.stats().published, published - QUEUED);
    await until(() => !bus.health().ok);
    const [waiting] = bus.health().problems;
    assert.deepEqual([waiting!.kind, waiting!.subject], ['connection-waiting', 'resizer']);
    assert.match(
      waiting!.message,
      /^Connection resizer has 3 events waiting on its thread, the first for \d+\.\d s\.$/,
    );
    const over = once(bus, 'disconnect');
    await worker.terminate();
    const [report] = (await over) as [object];
    const { threadId: _, ...told } = report as { threadId: number };
    assert.deepEqual(told, { name: 'resizer', reason: 'thread ended', lost: QUEUED });
    const { last, ...counts } = bus.stats().cut;
    assert.deepEqual([counts, last!.name, last!.events], [{ connections: 1, events: QUEUED }, 'resizer', QUEUED]);
    const [cut] = bus.health().problems;
    assert.deepEqual([cut!.kind, cut!.subject], ['connection-cut', 'resizer']);
    assert.match(
      cut!.message,
      /^Connection resizer ended \d+\.\d s ago with 3 accepted events on its thread: they are lost\.$/,
    );
  });

  test('is not blamed while a subscription holds the ring', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    bus.subscribe('/a', () => new Promise(() => {}), { name: 'stuck' });
    // Else all that is in the uplink could find room in the ring.
    while (bus.tryPublish('/a', 'x'.repeat(2_000)));
    const { worker } = await stubborn(bus, 'victim');
    await until(() => (bus.stats().connections[0]?.pendingMs ?? 0) >= 1_000 && bus.stats().ring.stalledMs >= 1_000);
    const { problems } = bus.health();
    assert.deepEqual(
      problems.map(({ kind, subject }) => [kind, subject]),
      [['ring-held', 'subscription "stuck"']],
    );
    assert.match(problems[0]!.message, /; 3 events wait on connected threads\.$/);
    await worker.terminate();
    bus.destroy();
  });
});

describe('served statistics of connections', { timeout: 600_000 }, () => {
  test('are those of stats()', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { path } = await bus.serveStats();
    bus.subscribe('/a', () => {});
    const { worker, published } = await stubborn(bus, 'resizer');
    await until(() => bus.stats().connections[0]?.received === published - QUEUED);
    const { stats } = await sampleWhere(path, (sample) => sample.stats.connections[0]?.received === published - QUEUED);
    const [ours] = bus.stats().connections;
    assert.deepEqual(stats.connections, [{ ...ours, pendingMs: stats.connections[0]!.pendingMs }]);
    assert.ok(stats.connections[0]!.pendingMs > 0);
    // What came from connections is counted as it comes, and not when the bus's own thread publishes next.
    assert.deepEqual([stats.published, stats.written], [published - QUEUED, published - QUEUED]);
    await worker.terminate();
  });

  test("go on while the bus's thread is blocked", async () => {
    const program = `
      import { parentPort, workerData, Worker } from 'node:worker_threads';
      const { createBus } = await import(workerData.lib);
      const bus = createBus({ capacityBytes: 65_536 });
      const { path } = await bus.serveStats({ name: 'owner' });
      bus.subscribe('/a', () => {});
      const publisher = new Worker(new URL('data:text/javascript,' + encodeURIComponent(workerData.publisher)), {
        workerData: { lib: workerData.lib, bus: bus.handle, go: workerData.go },
      });
      while (bus.stats().connections.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      parentPort.postMessage(path, []);
      // The snapshot with the connection in it has to be out.
      while (Atomics.load(workerData.go, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      Atomics.store(workerData.go, 2, 1);
      Atomics.notify(workerData.go, 2);
      Atomics.wait(workerData.go, 1, 0);
      process.exit();`;
    const publisher = `
      import { workerData } from 'node:worker_threads';
      const { connectBus } = await import(workerData.lib);
      const bus = connectBus(workerData.bus, { name: 'feeder' });
      // Until the owner blocks: what is in the uplink stays there.
      Atomics.wait(workerData.go, 2, 0);
      while (bus.stats().pending.events < 10) bus.publish('/a', 'x'.repeat(2_000));
      Atomics.wait(workerData.go, 1, 0);`;
    const go = new Int32Array(new SharedArrayBuffer(12));
    const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const owner = new Worker(url, { workerData: { lib: LIBRARY, go, publisher } });
    const [path] = (await once(owner, 'message')) as [string];
    const samples: Sample[] = [];
    const socket = follow(path, (sample) => samples.push(sample));
    await until(() => samples.at(-1)?.stats.connections.length === 1);
    Atomics.store(go, 0, 1);
    Atomics.notify(go, 0);
    const isTold = ({ blockedMs, stats: { connections } }: Sample): boolean =>
      blockedMs > 1_000 && connections[0]?.pending === 10 && connections[0].pendingMs > 1_000;
    await until(() => samples.some(isTold));
    const { stats, health } = samples.find(isTold)!;
    const [feeder] = stats.connections;
    assert.ok(feeder!.uplinkBytes > 30_000, `${feeder!.uplinkBytes}`);
    // Whoever waits for a thread that is blocked is not to blame.
    assert.deepEqual(
      health.problems.map(({ kind }) => kind),
      ['blocked'],
    );
    socket.destroy();
    Atomics.store(go, 1, 1);
    Atomics.notify(go, 1);
    await once(owner, 'exit');
  });
});
