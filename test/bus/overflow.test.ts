import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createBus, PublishTimeoutError, QueueFullError, WouldDeadlockError } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { SharedLog } from '../support/shared-log.js';

/** Of a flood of 10 KB each: many laps of the ring. */
const ROUNDS = size(60, 300);

const SMALL = { capacityBytes: SMALL_RING_BYTES };

describe('a full ring', { timeout: 600_000 }, () => {
  test('makes publish answer false; what it accepted arrives in order; writable resolves and drain is emitted', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const { ids } = record(bus, '/a');
    bus.subscribe('/a', () => latch.opened);
    const first = fillRing(bus, '/a');
    assert.equal(bus.publish('/a', { id: first }), false);
    assert.equal(bus.stats().pending.events, 2);
    const drained = once(bus, 'drain');
    let writable = false;
    const waiting = bus.writable().then(() => {
      writable = true;
    });
    for (const _ of range(20)) await turn();
    assert.equal(writable, false);
    latch.open();
    await waiting;
    await drained;
    assert.equal(bus.stats().pending.events, 0);
    assert.equal(bus.publish('/a', { id: first + 1 }), true);
    await bus.close();
    assert.deepEqual(ids, range(first + 2));
  });

  test('is followed by drain although what was queued took the room that had been made', async () => {
    await using bus = createBus(SMALL);
    bus.subscribe('/a', () => turn());
    const drained = once(bus, 'drain');
    fillRing(bus, '/a');
    // A ring that is let go of event by event: the first room is for the queue.
    await drained;
    assert.equal(bus.stats().pending.events, 0);
    assert.ok(bus.stats().ring.usedBytes <= SMALL_RING_BYTES * 0.75);
  });

  test('is followed by drain wherever publish returned false, also for the event that is being encoded', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/**');
    const drained = once(bus, 'drain');
    const returned: boolean[] = [];
    const event = {
      get id() {
        if (returned.length === 0) returned.push(bus.publish('/b', { id: 2 }));
        return 1;
      },
    };
    returned.push(bus.publish('/a', event));
    assert.deepEqual(returned, [false, true]);
    await drained;
    await closeDelivered(bus);
    assert.deepEqual(ids, [1, 2]);
  });

  test('writable resolves at once, and again and again, while there is room', async () => {
    await using bus = createBus(SMALL);
    record(bus, '/a');
    for (const id of range(3)) {
      await bus.writable();
      assert.equal(bus.publish('/a', { id }), true);
    }
  });

  test('is no reason for publish to answer false for what nobody wants', async () => {
    await using bus = createBus(SMALL);
    record(bus, '/a');
    fillRing(bus, '/a');
    assert.equal(bus.publish('/b', 1), true);
  });

  test('keeps queued and direct events in the order of their acceptance', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/**');
    let id = 0;
    for (const round of range(200)) {
      const text = round % 3 === 0 ? LARGE_TEXT : 'short';
      // publish accepts what it answers false to.
      const accepted = bus.tryPublish('/b', { id, text }) || (round % 2 === 0 && !bus.publish('/a', { id, text }));
      if (accepted) id++;
      if (round % 7 === 0) await turn();
    }
    await bus.close();
    assert.deepEqual(ids, range(id));
  });

  test('loses nothing for a slow thread whose publisher waits for writable', async () => {
    await using bus = createBus(SMALL);
    const log = new SharedLog(2_000);
    bus.subscribe('/a', workerModule('slow-recorder'), { data: log.buffer });
    let refused = 0;
    for (const id of range(2_000)) {
      if (!bus.publish('/a', { id, text: 'x'.repeat(200) })) {
        refused++;
        log.open();
        await bus.writable();
      }
    }
    assert.ok(refused > 0);
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(2_000));
  });
});

describe('the heap queue', { timeout: 600_000 }, () => {
  test('stops at maxPendingBytes with an error that names the reader and the mend, and loses nothing by it', async () => {
    await using bus = createBus({ ...SMALL, maxPendingBytes: 20_000 });
    const { ids } = record(bus, '/a', { name: 'sluggish', isolate: true });
    let id = fillRing(bus, '/a');
    let error: unknown;
    for (; error === undefined; id++) {
      try {
        bus.publish('/a', { id, text: LARGE_TEXT });
      } catch (thrown) {
        error = thrown;
        id--;
      }
    }
    assert.ok(error instanceof QueueFullError);
    assert.equal(error.code, 'BUS_QUEUE_FULL');
    assert.equal(error.maxPendingBytes, 20_000);
    assert.ok(error.pendingBytes > 0 && error.pendingBytes <= 20_000);
    assert.match(error.message, /sluggish/);
    assert.match(error.message, /writable/);
    assert.equal(bus.stats().pending.bytes, error.pendingBytes);
    assert.equal(bus.stats().published, id);
    await bus.writable();
    bus.publish('/a', { id });
    await bus.close();
    assert.deepEqual(ids, range(id + 1));
  });

  test('makes way for the next event as far as readers have made room, before it refuses that event', async () => {
    await using bus = createBus({ ...SMALL, maxPendingBytes: 20_000 });
    const log = new SharedLog(1_000);
    bus.subscribe('/a', workerModule('gated-recorder'), { data: log.buffer });
    let id = fillRing(bus, '/a');
    const fill = (): void => {
      for (;;) {
        bus.publish('/a', { id, text: LARGE_TEXT });
        id++;
      }
    };
    assert.equal(thrownBy(fill).code, 'BUS_QUEUE_FULL');
    log.open();
    const { written } = bus.stats();
    const cell = new Int32Array(new SharedArrayBuffer(4));
    // Nothing runs on this thread meanwhile that could move the queue.
    while (log.count < written) Atomics.wait(cell, 0, 0, 1);
    assert.equal(bus.publish('/a', { id: id++, text: LARGE_TEXT }), false);
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(id));
  });

  test('of no bytes refuses what does not fit the ring', async () => {
    await using bus = createBus({ ...SMALL, maxPendingBytes: 0 });
    const { ids } = record(bus, '/a');
    let accepted = 0;
    const error = thrownBy(() => {
      for (;;) accepted += bus.publish('/a', { id: accepted, text: LARGE_TEXT }) ? 1 : 0;
    });
    assert.equal(error.code, 'BUS_QUEUE_FULL');
    await bus.close();
    assert.deepEqual(ids, range(accepted));
  });
});

describe('publishSync', { timeout: 600_000 }, () => {
  test('writes at once where there is room', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    for (const id of range(5)) bus.publishSync('/a', { id });
    assert.equal(bus.stats().written, 5);
    await bus.close();
    assert.deepEqual(ids, range(5));
  });

  test('waits for a slow thread, loses nothing, keeps the order', async () => {
    await using bus = createBus(SMALL);
    const log = new SharedLog(1_000);
    const subscription = bus.subscribe('/a', workerModule('slow-recorder'), { data: log.buffer });
    await subscription.ready;
    log.open();
    for (const id of range(1_000)) bus.publishSync('/a', { id, text: 'x'.repeat(500) }, { timeoutMs: 60_000 });
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(1_000));
  });

  test('goes behind what is queued, which it writes first', async () => {
    await using bus = createBus(SMALL);
    const log = new SharedLog(1_000);
    await bus.subscribe('/a', workerModule('slow-recorder'), { data: log.buffer }).ready;
    const filled = fillRing(bus, '/a');
    for (const id of range(5)) bus.publish('/a', { id: filled + id, text: LARGE_TEXT });
    log.open();
    bus.publishSync('/a', { id: filled + 5 }, { timeoutMs: 60_000 });
    assert.equal(bus.stats().pending.events, 0);
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(filled + 6));
  });

  test('times out with an error that names the reader; the event was not accepted, what was queued before was', async () => {
    await using bus = createBus(SMALL);
    const log = new SharedLog(100);
    const subscription = bus.subscribe('/a', workerModule('gated-recorder'), { data: log.buffer, name: 'gated' });
    await subscription.ready;
    const filled = fillRing(bus, '/a');
    const published = bus.stats().published;
    const error = thrownBy(() => bus.publishSync('/a', { id: -1, text: LARGE_TEXT }, { timeoutMs: 30 }));
    assert.ok(error instanceof PublishTimeoutError);
    assert.equal(error.code, 'BUS_PUBLISH_TIMEOUT');
    assert.equal(error.timeoutMs, 30);
    assert.match(error.heldBy, /gated/);
    assert.equal(bus.stats().published, published);
    assert.equal(
      thrownBy(() => bus.publishSync('/a', { id: -1, text: LARGE_TEXT }, { timeoutMs: 0 })).code,
      error.code,
    );
    log.open();
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(filled));
  });

  test('that waited leaves those who await writable, and what is queued, as they were', async () => {
    await using bus = createBus(SMALL);
    /** Subscribes a thread that reads nothing until the gate of its log is open. */
    const subscribe = async (): Promise<SharedLog> => {
      const log = new SharedLog(1_000);
      await bus.subscribe('/a', workerModule('gated-recorder'), { data: log.buffer }).ready;
      return log;
    };
    const log = await subscribe();
    const filled = fillRing(bus, '/a');
    const writable = bus.writable();
    const drained = once(bus, 'drain');
    await turn();
    assert.throws(() => bus.publishSync('/a', { id: -1, text: LARGE_TEXT }, { timeoutMs: 10 }));
    log.open();
    await writable;
    await drained;
    // And with success while somebody waits.
    const second = await subscribe();
    const again = fillRing(bus, '/a', filled);
    const writableAgain = bus.writable();
    await turn();
    second.open();
    bus.publishSync('/a', { id: filled + again }, { timeoutMs: 60_000 });
    await writableAgain;
    const third = await subscribe();
    const last = fillRing(bus, '/a', filled + again + 1);
    third.open();
    await bus.writable();
    assert.equal(bus.stats().pending.events, 0);
    await closeDelivered(bus);
    assert.deepEqual(log.values, range(filled + again + 1 + last));
  });

  test('throws at once when the reader that holds the ring is on its own thread', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    const filled = fillRing(bus, '/a');
    const error = thrownBy(() => bus.publishSync('/a', { id: -1, text: LARGE_TEXT }, { timeoutMs: 2 ** 31 - 1 }));
    assert.ok(error instanceof WouldDeadlockError);
    assert.equal(error.code, 'BUS_WOULD_DEADLOCK');
    assert.match(error.heldBy, /^subscription "subscription-1"$/);
    await bus.writable();
    bus.publishSync('/a', { id: filled });
    await bus.close();
    assert.deepEqual(ids, range(filled + 1));
  });
});

describe('a subscriber that wants none of a flood', { timeout: 600_000 }, () => {
  for (const form of ['handler', 'isolated handler', 'stream', 'thread', 'dedicated thread'] as const) {
    test(`and sleeps through it as ${form} never makes publish answer false, and gets its rare events`, async () => {
      await using bus = createBus(SMALL);
      const log = new SharedLog(1_000);
      const rare: number[] = [];
      // Somebody has to want the flood, or it is not written.
      bus.subscribe('/flood', workerModule('counter'), { data: log.buffer });
      const stream = form === 'stream' ? bus.subscribe('/rare') : undefined;
      const subscribed =
        stream ??
        (form.endsWith('thread')
          ? bus.subscribe('/rare', workerModule('recorder'), {
              data: log.buffer,
              loop: form === 'thread' ? 'cooperative' : 'dedicated',
            })
          : bus.subscribe('/rare', (envelope) => void rare.push(idOf(envelope)), {
              isolate: form === 'isolated handler',
            }));
      await subscribed.ready;
      const reading = (async () => {
        for await (const envelope of stream ?? []) rare.push(idOf(envelope));
      })();
      const flooded = (): boolean => bus.stats().subscriptions[0]!.backlogBytes === 0;
      // Awake, it reads what comes like anybody else, and may hold the ring when its thread has to wait for a core.
      const asleep = (): boolean => bus.stats().subscriptions[1]!.asleep;
      let id = 0;
      for (const round of range(ROUNDS)) {
        await until(asleep);
        for (const _ of range(20)) bus.publish('/flood', { text: 'x'.repeat(500) });
        await until(flooded);
        assert.equal(bus.tryPublish('/flood', null), true, `round ${round}: ${JSON.stringify(bus.stats().ring)}`);
        if (round % 10 !== 0) continue;
        assert.equal(bus.publish('/rare', { id: id++ }), true);
        // Only then was it woken, and can be asleep again.
        await until(() => bus.stats().subscriptions[1]!.delivered === id);
      }
      assert.equal(bus.stats().refused, 0);
      assert.equal(bus.stats().pending.events, 0);
      assert.equal(bus.stats().rescued, 0);
      await closeDelivered(bus);
      await reading;
      assert.deepEqual(form.endsWith('thread') ? log.values : rare, range(id));
    });
  }
});
