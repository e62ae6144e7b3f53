import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createBus } from '../../src/index.js';
import {
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  turn,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

const STALL_MS = 300;
const IMPATIENT = { capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: STALL_MS };

function blockThisThread(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe('a reader that holds up a publisher that waits', { timeout: 600_000 }, () => {
  test('is evicted: its subscription, the bus and the process are told, and the publisher goes on', async () => {
    await using bus = createBus(IMPATIENT);
    const log = new SharedLog(1_000);
    const stuck = bus.subscribe('/a', workerModule('lag-recorder'), { data: log.buffer, name: 'stuck' });
    let told = 0;
    stuck.on('lagged', ({ count }) => {
      told += count;
    });
    await stuck.ready;
    bus.publish('/a', { id: 0, text: LARGE_TEXT });
    // It is stuck before anybody waits: from then on its time runs.
    await log.reaches(2);
    const accepted = 1 + fillRing(bus, '/a', 1);
    const [evicted, onBus, warned] = [once(stuck, 'evicted'), once(bus, 'evicted'), once(process, 'warning')];
    assert.equal(bus.stats().ring.heldBy, 'subscription "stuck"');
    await bus.writable();
    for (const [error] of await Promise.all([evicted, onBus, warned])) {
      assert.equal(error.code, 'BUS_EVICTED');
      assert.match(
        error.message,
        /^subscription "stuck" blocked a waiting publisher for 300 ms .* demoted from lossless to lossy/,
      );
    }
    assert.equal(bus.stats().evictions, 1);
    assert.equal(bus.stats().ring.heldBy, undefined);
    // Lossy from now on: nothing waits for it, and what it misses is counted.
    const total = accepted + 50;
    for (let id = accepted; id < total; id++) assert.equal(bus.publish('/a', { id, text: LARGE_TEXT }), true);
    log.open();
    await stuck.stop({ drain: true });
    const { delivered, lagged, scanned } = stuck.stats();
    assert.ok(lagged > 0);
    assert.equal(lagged, told);
    assert.equal(delivered + lagged, total);
    assert.equal(scanned + lagged, total);
    const { values } = log;
    let next = 0;
    for (let i = 0; i < values.length; i += 2) {
      assert.equal(values[i]! - next, values[i + 1]);
      next = values[i]! + 1;
    }
  });

  test('is called by the handlers that have an event in hand, not by all that share it', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const gate = new Latch();
    bus.subscribe('/a', () => {}, { name: 'quick' });
    bus.subscribe('/a', () => gate.opened, { name: 'slow' });
    bus.subscribe('/a', () => gate.opened, { name: 'slower' });
    bus.publish('/a', { id: 0, text: LARGE_TEXT });
    await turn();
    await until(() => bus.stats().subscriptions[0]!.delivered === 1);
    assert.equal(bus.stats().ring.heldBy, 'subscriptions "slow" and "slower"');
    gate.open();
  });

  test('is evicted by publishSync too, however often that gives up first', async () => {
    await using bus = createBus(IMPATIENT);
    const log = new SharedLog(1_000);
    const stuck = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    const evicted = once(stuck, 'evicted');
    await stuck.ready;
    let id = 0;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    let refusals = 0;
    for (;;) {
      try {
        bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: 50 });
        break;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUS_PUBLISH_TIMEOUT');
        refusals++;
      }
    }
    assert.ok(refusals > 0);
    await evicted;
    assert.equal(bus.stats().evictions, 1);
    log.open();
  });

  test('is evicted by the first look of a publishSync: those who await writable or drain go on all the same', async () => {
    await using bus = createBus(IMPATIENT);
    const log = new SharedLog(1_000);
    const stuck = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    await stuck.ready;
    fillRing(bus, '/a');
    const drained = once(bus, 'drain');
    const writable = bus.writable();
    while (bus.stats().evictions === 0) {
      // Parked again after the block of the call before; the timer that looks every 100 ms is hardly ever the first.
      await turn();
      try {
        bus.publishSync('/a', { text: LARGE_TEXT }, { timeoutMs: 1 });
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUS_PUBLISH_TIMEOUT');
      }
    }
    await Promise.all([writable, drained]);
    log.open();
  });

  test('is evicted by publishSync: who subscribes when told of it gets the event that had to wait', async () => {
    await using bus = createBus(IMPATIENT);
    record(bus, '/other');
    const log = new SharedLog(1_000);
    await bus.subscribe('/a', workerModule('lag-recorder'), { data: log.buffer }).ready;
    await until(() => bus.stats().subscriptions[0]!.asleep);
    let late: number[] = [];
    bus.once('evicted', () => {
      late = record(bus, '/a').ids;
    });
    let id = 0;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: 60_000 });
    bus.publish('/a', { id: id + 1 });
    await until(() => late.length === 2);
    assert.deepEqual(late, [id, id + 1]);
    assert.equal(bus.stats().rescued, 0);
    log.open();
  });

  test('on the thread of the bus is evicted with all its handlers; those that come later are lossless again', async () => {
    await using bus = createBus(IMPATIENT);
    const latch = new Latch();
    const first = bus.subscribe('/a', () => latch.opened, { name: 'first' });
    const second = record(bus, '/a');
    const evicted = [once(first, 'evicted'), once(second.subscription, 'evicted')];
    const accepted = fillRing(bus, '/a');
    await bus.writable();
    await Promise.all(evicted);
    assert.equal(bus.stats().evictions, 1);
    const closed = new Latch();
    const later: number[] = [];
    bus.subscribe('/a', async (envelope) => {
      await closed.opened;
      later.push(idOf(envelope));
    });
    const more = fillRing(bus, '/a', accepted);
    assert.equal(bus.publish('/a', { id: accepted + more }), false);
    closed.open();
    await bus.writable();
    latch.open();
    await bus.close();
    assert.deepEqual(
      later,
      range(more + 1).map((id) => accepted + id),
    );
    const { delivered, lagged } = first.stats();
    assert.equal(delivered + lagged, accepted + more + 1);
  });

  test('is evicted without a word to those who used its slot before', async () => {
    await using bus = createBus(IMPATIENT);
    const latch = new Latch();
    const stopped = bus.subscribe('/a', () => latch.opened, { isolate: true });
    let told = 0;
    stopped.on('evicted', () => told++);
    bus.publish('/a', { id: 0 });
    await until(() => stopped.stats().scanned === 1);
    void stopped.stop();
    await turn();
    const stuck = bus.subscribe('/a', () => latch.opened, { isolate: true });
    const evicted = once(stuck, 'evicted');
    fillRing(bus, '/a');
    await bus.writable();
    await evicted;
    assert.equal(stopped.stats().state, 'stopping');
    latch.open();
    assert.equal(told, 0);
  });

  test('is not evicted while it moves, however slowly', async () => {
    await using bus = createBus(IMPATIENT);
    const ids: number[] = [];
    const slow = bus.subscribe('/a', async (envelope) => {
      await setTimeout(STALL_MS / 6);
      ids.push(idOf(envelope));
    });
    for (const id of range(24)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await slow.stop({ drain: true });
    assert.deepEqual(ids, range(24));
    assert.equal(bus.stats().evictions, 0);
  });

  test('is not evicted for the time that the publisher itself was blocked', async () => {
    // More than the few looks add up to that the publisher takes outside of its block, whatever the time between them.
    await using bus = createBus({ ...IMPATIENT, stallTimeoutMs: 1_000 });
    const latch = new Latch();
    const slow = bus.subscribe('/a', () => latch.opened);
    fillRing(bus, '/a');
    const writable = bus.writable();
    await setTimeout(150);
    blockThisThread(1_500);
    await setTimeout(10);
    assert.equal(bus.stats().evictions, 0);
    latch.open();
    await writable;
    assert.equal(slow.stats().lagged, 0);
  });
});

describe('a reader that holds up nobody', { timeout: 600_000 }, () => {
  test('is not evicted although the ring is full, and no time counts', async () => {
    await using bus = createBus({ ...IMPATIENT, stallTimeoutMs: 50 });
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { name: 'slow', isolate: true });
    let accepted = 0;
    while (bus.tryPublish('/a', { id: accepted, text: LARGE_TEXT })) accepted++;
    await setTimeout(400);
    const { evictions, ring } = bus.stats();
    assert.deepEqual([evictions, ring.stalledMs, ring.heldBy], [0, 0, 'subscription "slow"']);
    latch.open();
  });

  test('is not evicted while its handler takes long and the ring has room', async () => {
    await using bus = createBus({ ...IMPATIENT, stallTimeoutMs: 50 });
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened);
    bus.publish('/a', { id: 0 });
    await bus.writable();
    await setTimeout(400);
    assert.equal(bus.stats().evictions, 0);
    latch.open();
  });

  test('and in whose eviction the bus is destroyed: publishSync throws BUS_CLOSED, and nothing is written', async () => {
    const bus = createBus({ ...IMPATIENT, stallTimeoutMs: 50 });
    const log = new SharedLog(100);
    const slow = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    await slow.ready;
    let id = 0;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    await log.reaches(1);
    bus.on('evicted', () => bus.destroy());
    const { published } = bus.stats();
    assert.throws(() => bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: 2 ** 31 - 1 }), {
      code: 'BUS_CLOSED',
    });
    assert.equal(bus.stats().published, published);
    log.open();
    await bus.close();
  });

  test('any more leaves no stalled time behind in the stats', async () => {
    await using bus = createBus({ ...IMPATIENT, stallTimeoutMs: 60_000 });
    const log = new SharedLog(100);
    const slow = bus.subscribe('/a', workerModule('blocked-recorder'), { data: log.buffer });
    await slow.ready;
    let id = 0;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    await log.reaches(1);
    // Twice: the second one's first look counts what has passed since the first one's.
    for (const _ of range(2)) {
      assert.throws(() => bus.publishSync('/a', { id, text: LARGE_TEXT }, { timeoutMs: 50 }), {
        code: 'BUS_PUBLISH_TIMEOUT',
      });
    }
    assert.ok(bus.stats().ring.stalledMs > 0);
    log.open();
    await log.reaches(id);
    while (bus.stats().ring.heldBy !== undefined) await setTimeout(1);
    assert.equal(bus.stats().ring.stalledMs, 0);
  });
});
