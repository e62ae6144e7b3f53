/** What threads and the bus say to each other while the other side does not listen: few messages wait, and nothing is lost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessagePort } from 'node:worker_threads';
import type { LagRange } from '../../src/index.js';
import { closeDelivered, inlineModule, SMALL_RING_BYTES, until } from '../support/bus-scene.js';

/** Messages that any two sides post in any of the tests, which hold thousands of events. */
const MOST_MESSAGES = 200;

// Before the bus is loaded, which takes the method it finds.
let posted = 0;
const { postMessage } = MessagePort.prototype;
MessagePort.prototype.postMessage = function (this: MessagePort, ...args: [never]) {
  posted++;
  return postMessage.apply(this, args);
};
const { createBus } = await import('../../src/index.js');

const GAPS = 400;

/** Writes down what it gets: [events, gaps, records missed, and that it may go on]. */
const SLOW = `export default (envelope, { data }) => {
  if (envelope.lagged > 0) Atomics.add(data, 1, 1);
  Atomics.add(data, 2, envelope.lagged);
  Atomics.add(data, 0, 1);
  if (data[3] > 0 && !envelope.redelivered && data[1] >= data[3]) { data[3] = 0; process.exit(7); }
  Atomics.wait(data, 4, 0, 0.2);
}`;

describe('a lossy module that is overtaken again and again while the bus thread is blocked', {
  timeout: 600_000,
}, () => {
  for (const loop of ['cooperative', 'dedicated'] as const) {
    for (const dies of [false, true]) {
      test(`in a ${loop} loop${dies ? ', and dies of it' : ''}: few messages tell of all that it missed`, async () => {
        await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
        const data = new Int32Array(new SharedArrayBuffer(20));
        data[3] = dies ? GAPS / 2 : 0;
        const subscription = bus.subscribe('/a', inlineModule(SLOW), { loop, data, delivery: 'lossy' });
        const told: LagRange[] = [];
        subscription.on('lagged', (range) => told.push(range));
        await subscription.ready;
        let published = 0;
        const most = dies ? GAPS / 2 : GAPS;
        while (Atomics.load(data, 1) < most) {
          for (let i = 0; i < 150; i++) bus.publish('/a', { id: published++, text: 'x'.repeat(500) });
          // More than the ring holds, and than the module gets through meanwhile: to go on at once would only take a core.
          Atomics.wait(data, 4, 0, 4);
        }
        assert.equal(told.length, 0);
        await closeDelivered(bus);
        const { lagged, scanned, restarts } = subscription.stats();
        assert.equal(restarts, dies ? 1 : 0);
        assert.ok(told.length < MOST_MESSAGES, `${told.length} messages`);
        assert.equal(
          told.reduce((sum, { count }) => sum + count, 0),
          lagged,
        );
        assert.equal(scanned + lagged, published);
        // What the ring lost of an event in hand counts as missed, although it was handled.
        if (dies) assert.ok(data[0]! + lagged >= published, `${data[0]} + ${lagged} of ${published}`);
        else assert.deepEqual([data[0]! + lagged, data[2]], [published, lagged]);
        // The gaps follow one another, and nothing is told twice.
        let behind = 0;
        for (const { first, count, until: end = first + count } of told) {
          assert.ok(first >= behind && count <= end - first, JSON.stringify({ first, count, end, behind }));
          behind = end;
        }
      });
    }
  }
});

/** Hangs in its first event until it may go on; then writes down what it got. */
const HANGS = `export default (envelope, { data }) => {
  const { id } = envelope.event;
  if (id < 0) { data[data.length - 1] = 1; Atomics.wait(data, 0, 0); }
  else data[id] = 1;
}`;

describe('a module that hangs', { timeout: 600_000 }, () => {
  for (const loop of ['cooperative', 'dedicated'] as const) {
    for (const delivery of ['lossless', 'lossy'] as const) {
      test(`in a ${loop} loop, ${delivery}: changes of its filter wait in few messages, and each decides what was accepted after it`, async () => {
        await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, keepUnwanted: true });
        // More than the ring holds where that holds nobody back.
        const changes = delivery === 'lossy' ? 5_000 : 200;
        const data = new Int32Array(new SharedArrayBuffer((2 * changes + 3) * 4));
        const subscription = bus.subscribe('/**', inlineModule(HANGS), { loop, data, delivery });
        await subscription.ready;
        bus.publish('/a', { id: -1 });
        await until(() => data.at(-1) === 1);
        const before = posted;
        const wanted = new Set<number>();
        for (let i = 0; i < changes; i++) {
          // The last one counts.
          for (const filter of ['/nobody', '/**', i % 2 === 0 ? '/a' : '/b']) subscription.setFilter(filter);
          const id = 2 * i + 1;
          wanted.add(id + (i % 2));
          assert.equal(bus.tryPublish('/a', { id }), true);
          assert.equal(bus.tryPublish('/b', { id: id + 1 }), true);
          if (i % 100 === 0) await null;
        }
        assert.ok(posted - before < MOST_MESSAGES, `${posted - before} messages`);
        Atomics.store(data, 0, 1);
        Atomics.notify(data, 0);
        await closeDelivered(bus);
        const got = [...data.keys()].filter((id) => id > 0 && id < data.length - 1 && data[id] === 1);
        assert.deepEqual(
          got.filter((id) => !wanted.has(id)),
          [],
        );
        const { lagged } = subscription.stats();
        if (delivery === 'lossless') assert.equal(got.length, wanted.size);
        else assert.ok(lagged > 0 && got.length > 0 && got.at(-1) === 2 * changes, `${got.length} of ${wanted.size}`);
      });
    }
  }

  test('is stopped over and over by few messages, and looked after by few while publishSync waits for it', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const data = new Int32Array(new SharedArrayBuffer(40_004));
    const subscription = bus.subscribe('/**', inlineModule(HANGS), { data });
    await subscription.ready;
    let id = -1;
    while (bus.tryPublish('/a', { id })) id++;
    const before = posted;
    for (let i = 0; i < 2_000; i++)
      assert.throws(() => bus.publishSync('/a', { id }, { timeoutMs: 0 }), { code: 'BUS_PUBLISH_TIMEOUT' });
    for (let i = 0; i < 2_000; i++) void subscription.stop({ drain: true });
    for (let i = 0; i < 2_000; i++) void subscription.stop();
    assert.ok(posted - before < MOST_MESSAGES, `${posted - before} messages`);
    Atomics.store(data, 0, 1);
    Atomics.notify(data, 0);
    await subscription.ended;
    await until(() => subscription.stats().state === 'ended');
  });
});
