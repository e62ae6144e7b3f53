import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';
import { sampleWhere } from '../support/stats-client.js';

describe('stats', { timeout: 600_000 }, () => {
  test('of a new bus are zeros', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    assert.deepEqual(bus.stats(), {
      published: 0,
      unwanted: 0,
      written: 0,
      refused: 0,
      pending: { events: 0, bytes: 0 },
      ring: { capacityBytes: SMALL_RING_BYTES, usedBytes: 0, heldBy: undefined, stalledMs: 0 },
      wakes: 0,
      rescued: 0,
      evictions: 0,
      topics: 0,
      subscriptions: [],
      bridges: [],
      connections: [],
      cut: { connections: 0, events: 0, last: undefined },
    });
  });

  test('agree with what happened, on this thread and on another', async () => {
    await using bus = createBus();
    const log = new SharedLog(100);
    const here = bus.subscribe('/a', ({ sequence }) => {
      if (sequence % 2 === 1) throw new Error('mine');
    });
    here.on('error', () => {});
    const data = { buffer: log.buffer, fault: 'throw' };
    const there = bus.subscribe(['/a', '/c'], workerModule('faulty'), { data, name: 'there' });
    there.on('error', () => {});
    for (const id of range(10)) bus.publish('/a', { id });
    for (const _ of range(3)) bus.publish('/b', null);
    for (const id of range(5)) bus.publish('/c', { id: 10 + id });
    const { published, unwanted, written, refused } = bus.stats();
    assert.deepEqual(
      { published, unwanted, written, refused },
      { published: 18, unwanted: 3, written: 15, refused: 0 },
    );
    await closeDelivered(bus);
    const [own, other] = [here.stats(), there.stats()];
    assert.deepEqual([own.delivered, own.failed, own.scanned, own.thread, own.rescued], [5, 5, 15, 'bus', 0]);
    assert.deepEqual(
      [other.delivered, other.failed, other.scanned, other.thread, other.rescued],
      [14, 1, 15, 'own', 0],
    );
    assert.deepEqual([other.name, other.filter, other.state], ['there', ['/a', '/c'], 'ended']);
  });

  test('of a full ring say who holds it, what waits, and what was refused', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const latch = new Latch();
    const slow = bus.subscribe('/a', () => latch.opened, { name: 'slow', isolate: true });
    const published = fillRing(bus, '/a');
    bus.tryPublish('/a', null);
    const stats = bus.stats();
    assert.equal(stats.published, published);
    assert.equal(stats.written, published - 1);
    assert.equal(stats.refused, 1);
    assert.equal(stats.pending.events, 1);
    assert.ok(stats.pending.bytes > 7_000);
    assert.match(stats.ring.heldBy!, /slow/);
    assert.ok(stats.ring.usedBytes > SMALL_RING_BYTES / 2);
    assert.equal(slow.stats().backlogBytes, stats.ring.usedBytes);
    latch.open();
    await until(() => bus.stats().ring.usedBytes === 0);
    assert.equal(slow.stats().delivered, published);
  });

  test('say which subscriptions sleep until something comes that they want', async () => {
    await using bus = createBus();
    const latch = new Latch();
    const here = bus.subscribe('/a', () => latch.opened);
    const there = bus.subscribe('/b', workerModule('recorder'), { data: new SharedLog(1).buffer });
    await until(() => here.stats().asleep && there.stats().asleep);
    bus.publish('/a', null);
    await until(() => !here.stats().asleep);
    latch.open();
    await until(() => here.stats().asleep && there.stats().asleep);
    await bus.close();
    assert.equal(here.stats().asleep, false);
  });

  test('do not count an event that was refused with an error', async () => {
    await using bus = createBus();
    record(bus, '/a');
    assert.throws(() => bus.publish('/a', Symbol('no data')));
    assert.throws(() => bus.publish('a', null));
    assert.equal(bus.stats().published, 0);
    assert.equal(bus.stats().written, 0);
  });

  test('count the topics that have an id, and no more of them than the option allows', async () => {
    await using bus = createBus({ maxTopics: 3 });
    const { ids } = record(bus, '/**');
    for (const id of range(30)) bus.publish(`/topic/t${id % 10}`, { id });
    assert.ok(bus.stats().topics > 0 && bus.stats().topics <= 3);
    await bus.close();
    assert.deepEqual(ids, range(30));
  });

  test('say of a lossy subscription that was lapped no more than the ring holds, to other processes too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rc-'));
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { path } = await bus.serveStats({ path: join(folder, 's') });
    const latch = new Latch();
    const lossy = bus.subscribe('/a', () => latch.opened, { delivery: 'lossy' });
    for (let id = 0; id < 5; id++) {
      for (let i = 0; i < 40; i++) bus.publish('/a', 'x'.repeat(2_000));
      await new Promise(setImmediate);
    }
    assert.equal(lossy.stats().backlogBytes, SMALL_RING_BYTES);
    const { stats } = await sampleWhere(path, (sample) => sample.stats.subscriptions.length === 1);
    assert.equal(stats.subscriptions[0]!.backlogBytes, SMALL_RING_BYTES);
    latch.open();
    bus.destroy();
    await bus.close();
    rmSync(folder, { recursive: true });
  });
});
