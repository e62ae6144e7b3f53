import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createBus, type Sample, type SampledSubscription } from '../../src/index.js';
import { LiveStats } from '../../src/observe/serving/live-stats.js';
import type { ServingStart } from '../../src/observe/serving/protocol.js';
import type { BurstFlush } from '../../src/publish/burst-flush.js';
import type { EventWriter } from '../../src/publish/event-writer.js';
import {
  ACCEPTED,
  allocateCounters,
  beginChange,
  CountersView,
  changesOf,
  endChange,
  PENDING_BYTES,
  PENDING_EVENTS,
  UNWANTED,
} from '../../src/publish/owner-counters.js';
import type { PendingRecord } from '../../src/publish/pending-queue.js';
import { PendingWriter } from '../../src/publish/pending-writer.js';
import { PublishOrder } from '../../src/publish/publish-order.js';
import { Readers } from '../../src/publish/readers.js';
import * as control from '../../src/ring/control-descriptor.js';
import { NO_COUNTS, storeCounts } from '../../src/ring/reader-counters.js';
import { allocateRing, attachRing, MIN_CAPACITY_BYTES } from '../../src/ring/ring-memory.js';
import type { SubscriptionStats } from '../../src/subscribe/subscription-stats.js';
import { FOREVER, inlineModule, SMALL_RING_BYTES } from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { LIBRARY } from '../support/published.js';
import { ringAt } from '../support/ring-rig.js';
import { follow, sampleWhere } from '../support/stats-client.js';

const LOOKS = 0;
const OVER = 1;

/** Looks as long as it is let, and says what did not fit together. */
const WATCHER = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { CountersView } = await import(workerData.module);
  const view = new CountersView(workerData.buffer);
  const faults = [];
  let before = view.take();
  while (Atomics.load(workerData.cells, ${OVER}) === 0) {
    const now = view.take();
    if (now.published < before.published) faults.push('published goes back');
    if (now.written < before.written) faults.push('written goes back');
    if (now.published !== now.written + now.pending.events + now.unwanted) faults.push('an event is missing');
    if (now.pending.bytes !== now.pending.events * 100) faults.push('bytes of other events');
    if (now.published !== before.published) Atomics.add(workerData.cells, ${LOOKS}, 1);
    before = now;
    if (faults.length > 10) break;
  }
  parentPort.postMessage(faults);`;

describe('the counts of one look', { timeout: 600_000 }, () => {
  test('agree, and never go back, while events are queued and written', async () => {
    const { writer } = ringAt();
    const counters = allocateCounters();
    const order = new PublishOrder(writer, counters);
    let hasRoom = false;
    const events = { writeRecord: () => hasRoom } as unknown as EventWriter;
    const burst = { written: () => {} } as unknown as BurstFlush;
    const pending = new PendingWriter(order, writer, events, burst, new Readers(), 1e6, () => {});
    const record = (): PendingRecord => ({ body: Buffer.alloc(100), endsBefore: 0 }) as PendingRecord;
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const module = new URL('../../src/publish/owner-counters.js', import.meta.url).href;
    const url = new URL(`data:text/javascript,${encodeURIComponent(WATCHER)}`);
    const watcher = new Worker(url, { workerData: { module, buffer: counters.buffer, cells } });
    const told = once(watcher, 'message') as Promise<[string[]]>;
    let isOver = false;
    void told.then(() => {
      isOver = true;
    });
    while (Atomics.load(cells, LOOKS) < size(5_000, 20_000) && !isOver) {
      for (let round = 0; round < 500; round++) {
        hasRoom = false;
        for (let event = 0; event < 3; event++) pending.enqueue(record(), order.queue.length);
        hasRoom = true;
        pending.writeAll();
        pending.written();
      }
      await new Promise(setImmediate);
    }
    Atomics.store(cells, OVER, 1);
    assert.deepEqual((await told)[0], []);
    assert.equal(new CountersView(counters.buffer).take().published, pending.accepted);
  });

  test('agree in the first look, too, at a thread that changes them over and over', () => {
    const counters = allocateCounters();
    const changes = changesOf(counters);
    let changing = 1_000;
    class View extends CountersView {
      override at(index: number): number {
        if (index === UNWANTED && changing-- > 0) {
          beginChange(counters, changes);
          counters[PENDING_EVENTS]!++;
          counters[ACCEPTED]!++;
          counters[PENDING_BYTES]! += 100;
          endChange(changes);
        }
        return super.at(index);
      }
    }
    const { published, pending } = new View(counters.buffer).take();
    assert.deepEqual({ published, ...pending }, { published: 1_000, events: 1_000, bytes: 100_000 });
  });

  test('are those before a change while a thread is stopped amid it, and those after it later', () => {
    const counters = allocateCounters();
    const changes = changesOf(counters);
    const view = new CountersView(counters.buffer);
    counters[ACCEPTED] = 7;
    beginChange(counters, changes);
    counters[PENDING_EVENTS] = 1;
    counters[PENDING_BYTES] = 100;
    for (const seen of [view, new CountersView(counters.buffer)]) {
      const { published, written, pending } = seen.take();
      assert.deepEqual([published, written, pending], [7, 7, { events: 0, bytes: 0 }]);
    }
    counters[ACCEPTED] = 8;
    endChange(changes);
    const { published, written, pending } = view.take();
    assert.deepEqual([published, written, pending], [8, 7, { events: 1, bytes: 100 }]);
  });

  test('show a reader as at the look before while it has read more than is counted as written', () => {
    const buffers = allocateRing(MIN_CAPACITY_BYTES);
    const { cells } = attachRing(buffers);
    const counters = allocateCounters();
    cells.store(control.slotOf(0) + control.STATE, control.GATING);
    const told = { name: 'reads', thread: 'own', ...NO_COUNTS } as unknown as SubscriptionStats;
    const live = new LiveStats({
      control: buffers.control,
      counters: counters.buffer,
      snapshot: {
        stats: { ring: {} },
        subscriptions: [{ id: 1, reader: 0, gates: true, stats: told }],
        connections: [],
      },
    } as unknown as ServingStart);
    const seen = (read: number, delivered: number, written: number): number[] => {
      storeCounts(cells, 0, { ...NO_COUNTS, scanned: read, delivered });
      counters[ACCEPTED] = written;
      const { subscriptions } = live.take();
      return [subscriptions[0]!.scanned, subscriptions[0]!.delivered];
    };
    assert.deepEqual(seen(1, 1, 0), [0, 0]);
    assert.deepEqual(seen(5, 4, 5), [5, 4]);
    assert.deepEqual(seen(7, 6, 6), [5, 4]);
    assert.deepEqual(seen(7, 6, 7), [7, 6]);
  });

  test('have the event that publishSync waits with among the pending, and not yet among the published', async () => {
    const program = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { createBus } = await import(workerData.lib);
      const bus = createBus({ capacityBytes: 65_536 });
      await bus.subscribe('/a', new URL('data:text/javascript,export default () => { ${FOREVER} }'), { name: 'stuck' }).ready;
      const { path } = await bus.serveStats({ name: 'waits' });
      let published = 0;
      do published++; while (bus.tryPublish('/a', 'x'.repeat(2_000)));
      parentPort.postMessage({ path, published: published - 1 });
      bus.publishSync('/a', 'x'.repeat(2_000), { timeoutMs: 60_000 });`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const owner = new Worker(url, { workerData: { lib: LIBRARY } });
    const [{ path, published }] = (await once(owner, 'message')) as [{ path: string; published: number }];
    const sample = await sampleWhere(
      path,
      ({ stats, blockedMs }) => stats.pending.events > 0 && stats.ring.stalledMs >= 1_000 && blockedMs >= 1_000,
    );
    const { stats, health } = sample;
    assert.deepEqual([stats.published, stats.written, stats.pending.events], [published, published, 1]);
    assert.equal(stats.subscriptions[0]!.backlogBytes, stats.ring.usedBytes);
    assert.deepEqual(
      health.problems.map(({ kind, subject }) => [kind, subject]),
      [
        ['blocked', 'bus'],
        ['ring-held', 'subscription "stuck"'],
      ],
    );
    await owner.terminate();
  });

  test('of a bus that publishes, reads and queues say the same of each reader, and count nothing as read that is not written', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { path } = await bus.serveStats({ name: 'busy' });
    const reading = bus.subscribe('/a', inlineModule('export default () => {};'), { name: 'reads' });
    await reading.ready;
    const samples: Sample[] = [];
    const socket = follow(path, (sample) => samples.push(sample));
    while (samples.length < 15) {
      for (let i = 0; i < 300; i++) bus.publish('/a', 'x'.repeat(500));
      await bus.writable();
      // It is full and queues for about half of the time, and takes no core for all of it.
      await setTimeout(2);
    }
    socket.destroy();
    for (const { stats } of samples) {
      const { published, written, pending, unwanted, ring } = stats;
      const [{ scanned, delivered, failed, backlogBytes }] = stats.subscriptions as [SampledSubscription];
      assert.equal(published, written + pending.events + unwanted);
      assert.equal(backlogBytes, ring.usedBytes);
      assert.equal(ring.heldBy === undefined, ring.usedBytes === 0);
      assert.ok(scanned <= written, `${scanned} of ${written} are read`);
      assert.ok(delivered + failed <= scanned, `${delivered} of ${scanned} are delivered`);
    }
  });
});
