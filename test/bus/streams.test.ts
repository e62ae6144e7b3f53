import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type Envelope } from '../../src/index.js';
import { fillRing, idOf, Latch, range, SMALL_RING_BYTES, turn, until } from '../support/bus-scene.js';

async function drain(stream: AsyncIterable<Envelope>): Promise<number[]> {
  const ids: number[] = [];
  for await (const envelope of stream) ids.push(idOf(envelope));
  return ids;
}

describe('a stream', { timeout: 600_000 }, () => {
  test('gives what was accepted after subscribe, in order, and ends when the bus closes, after everything was delivered', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    bus.publish('/a', { id: -1 });
    const stream = bus.subscribe('/a');
    const filled = fillRing(bus, '/a');
    const reading = drain(stream);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    assert.deepEqual(await reading, range(filled));
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  });

  for (const leave of ['break', 'throw', 'return'] as const) {
    test(`ends by ${leave}, frees its reader, and leaves others alone`, async () => {
      await using bus = createBus();
      const stream = bus.subscribe('/a');
      const other = drain(bus.subscribe('/a'));
      for (const id of range(10)) bus.publish('/a', { id });
      const seen: number[] = [];
      const read = async (): Promise<void> => {
        for await (const envelope of stream) {
          seen.push(idOf(envelope));
          if (seen.length < 3) continue;
          if (leave === 'break') break;
          if (leave === 'throw') throw new Error('mine');
          return;
        }
      };
      if (leave === 'throw') await assert.rejects(read(), /mine/);
      else await read();
      await stream.ended;
      assert.equal(stream.active, false);
      assert.equal((await stream.next()).done, true);
      await bus.close();
      assert.deepEqual(seen, range(3));
      assert.deepEqual(await other, range(10));
    });
  }

  test('answers concurrent calls of next in order, events first, then done', async () => {
    await using bus = createBus();
    const stream = bus.subscribe('/a');
    const asked = range(5).map(() => stream.next());
    for (const id of range(3)) bus.publish('/a', { id });
    const got = await Promise.all(asked.slice(0, 3));
    assert.deepEqual(
      got.map(({ value }) => idOf(value!)),
      range(3),
    );
    await bus.close();
    assert.deepEqual(
      (await Promise.all(asked)).map(({ done }) => done),
      [false, false, false, true, true],
    );
  });

  test('holds the ring at the event that its consumer works on', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const stream = bus.subscribe('/a', { name: 'worker' });
    fillRing(bus, '/a');
    await stream.next();
    for (const _ of range(10)) await turn();
    assert.match(bus.stats().ring.heldBy!, /worker/);
    assert.equal(stream.stats().delivered, 0);
    await stream.next();
    await until(() => stream.stats().delivered === 1);
    await stream.stop();
    assert.equal(bus.stats().ring.usedBytes, 0);
  });

  test('stops at once when its signal is aborted', async () => {
    await using bus = createBus();
    const controller = new AbortController();
    const stream = bus.subscribe('/a', { signal: controller.signal });
    const pending = stream.next();
    controller.abort();
    assert.equal((await pending).done, true);
    const never = bus.subscribe('/a', { signal: AbortSignal.abort() });
    bus.publish('/a', { id: 0 });
    assert.deepEqual(await drain(never), []);
  });

  test('whose consumer closes the bus in its loop gets the rest after it', async () => {
    await using bus = createBus();
    const ids: number[] = [];
    const stream = bus.subscribe('/a');
    for (const id of range(3)) bus.publish('/a', { id });
    let closed: unknown;
    for await (const envelope of stream) {
      ids.push(idOf(envelope));
      if (ids.length === 3) closed = await bus.close();
    }
    assert.deepEqual(closed, { undelivered: 0 });
    assert.deepEqual(ids, range(3));
  });

  test('ends for those who wait although somebody removed all its listeners', async () => {
    await using bus = createBus();
    const stream = bus.subscribe('/a');
    stream.removeAllListeners();
    const next = stream.next();
    await stream.stop();
    assert.equal((await next).done, true);
  });

  test('gives nothing that a close has counted as undelivered', async () => {
    await using bus = createBus();
    const stream = bus.subscribe('/a');
    for (const id of range(3)) bus.publish('/a', { id });
    await until(() => bus.stats().ring.usedBytes > 0);
    for (const _ of range(3)) await turn();
    assert.deepEqual(await bus.close({ drainTimeoutMs: 1 }), { undelivered: 3 });
    assert.equal((await stream.next()).done, true);
  });

  test('ends for those who wait, too, when it is stopped with drain', async () => {
    await using bus = createBus();
    const stream = bus.subscribe('/a');
    const latch = new Latch();
    for (const id of range(3)) bus.publish('/a', { id });
    const reading = latch.opened.then(() => drain(stream));
    const stopped = stream.stop({ drain: true });
    bus.publish('/a', { id: 3 });
    latch.open();
    await stopped;
    assert.deepEqual(await reading, range(3));
  });
});
