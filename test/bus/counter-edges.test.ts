import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Bus } from '../../src/bus/bus.js';
import { createBus, TooManyReadersError } from '../../src/index.js';
import {
  closeDelivered,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
} from '../support/bus-scene.js';
import { Mortal } from '../support/deaths.js';
import { covering } from '../support/full.js';

/** Units of half a ring of the smallest size, so that every counter passes its edge in the middle of the test. */
const BEFORE = 1_000;
const EDGES: readonly [name: string, position: number][] = [
  ['2^30 units, an epoch', 2 ** 30],
  ['2^31 units, where cells turn negative', 2 ** 31],
  ['3 * 2^30 units, an epoch', 3 * 2 ** 30],
  ['2^32 units, where cells start again', 2 ** 32],
  ['2^33 units', 2 ** 33],
  ['2^45 units', 2 ** 45],
];

describe('a bus whose ring passes', { timeout: 600_000 }, () => {
  for (const [name, edge] of covering(EDGES, 3)) {
    test(`${name}, delivers everything to handlers, streams and threads, and counts what a lossy reader missed`, async () => {
      const bus = new Bus({ capacityBytes: SMALL_RING_BYTES }, edge - BEFORE);
      const { ids } = record(bus, '/a');
      const streamed: number[] = [];
      const stream = bus.subscribe('/a');
      const reading = (async () => {
        for await (const envelope of stream) streamed.push(idOf(envelope));
      })();
      const mortal = new Mortal(bus, '/a', 'exit', { 5: 1 });
      const latch = new Latch();
      const lossy = bus.subscribe('/a', () => latch.opened, { delivery: 'lossy' });
      for (const id of range(60)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
      latch.open();
      const late = record(bus, '/a', { from: { last: 3 } });
      await closeDelivered(bus);
      await reading;
      assert.deepEqual(ids, range(60));
      assert.deepEqual(streamed, range(60));
      assert.deepEqual(mortal.handled, range(60));
      assert.deepEqual(late.ids.slice(-3), [57, 58, 59]);
      const { delivered, lagged } = lossy.stats();
      assert.ok(lagged > 0);
      assert.equal(delivered + lagged, 60);
    });
  }
});

describe('a bus', { timeout: 600_000 }, () => {
  test('whose table of topics is full delivers events on further topics all the same', async () => {
    await using bus = createBus({ maxTopics: 2 });
    const topics: string[] = [];
    bus.subscribe('/t/*', ({ topic }) => void topics.push(topic));
    const mortal = new Mortal(bus, '/t/*', 'never', {});
    const published: string[] = [];
    for (const id of range(40)) {
      published.push(`/t/${id % 5}`);
      bus.publish(`/t/${id % 5}`, { id });
    }
    await closeDelivered(bus);
    assert.deepEqual(topics, published);
    assert.deepEqual(mortal.log.values, range(40));
    assert.equal(bus.stats().topics, 2);
  });

  test('serves 64 readers, refuses the 65th, and changes nothing by that', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const readers = range(64).map((i) =>
      record(bus, '/a', { isolate: true, delivery: i % 4 === 3 ? 'lossy' : 'lossless' }),
    );
    for (const refused of [
      () => bus.subscribe('/a', () => {}, { isolate: true }),
      () => bus.subscribe('/a'),
      () => bus.subscribe('/a', () => {}, { from: { last: 1 } }),
      () => bus.subscribe('/a', new URL('data:text/javascript,export default () => {}')),
    ]) {
      assert.ok(thrownBy(refused) instanceof TooManyReadersError);
    }
    for (const id of range(60)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await until(() => readers.every(({ ids }, i) => i % 4 === 3 || ids.length === 60));
    for (const [i, { ids, subscription }] of readers.entries()) {
      if (i % 4 === 3) continue;
      assert.deepEqual(ids, range(60));
      assert.equal(subscription.stats().rescued, 0);
    }
    await readers[17]!.subscription.stop();
    const next = record(bus, '/a', { isolate: true });
    await turn();
    bus.publish('/a', { id: 60 });
    await until(() => next.ids.length === 1);
  });
});
