import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { Envelope, SubscriberModule } from '../../src/index.js';
import { createTestBus, manualClock } from '../../src/testing/index.js';
import { Latch } from '../support/bus-scene.js';

const recorder = new URL('../fixtures/workers/lifecycle.js', import.meta.url);

describe('a bus for tests', () => {
  test('records what was published, in order, and says when all of it has been dealt with', async () => {
    const bus = createTestBus();
    const handled: string[] = [];
    bus.subscribe('/orders/placed', async ({ event }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      handled.push(event.id);
      bus.publish('/orders/billed', { id: event.id });
    });
    bus.publish('/orders/placed', { id: 'a' });
    bus.publish('/orders/placed', { id: 'b' });
    assert.deepEqual(handled, []);
    await bus.settled();
    assert.deepEqual(handled, ['a', 'b']);
    const topics = bus.published.map(({ topic, event }) => `${topic} ${(event as { id: string }).id}`);
    assert.deepEqual(topics.toSorted(), [
      '/orders/billed a',
      '/orders/billed b',
      '/orders/placed a',
      '/orders/placed b',
    ]);
    bus.clearPublished();
    await bus.settled();
    assert.deepEqual(bus.published, []);
    await bus.close();
  });

  test('settles after threads too', async () => {
    const bus = createTestBus();
    const counter = new URL('../fixtures/workers/counter.js', import.meta.url);
    const subscription = bus.subscribe('/x', counter);
    for (let n = 0; n < 100; n++) bus.publish('/x', { n });
    await bus.settled({ timeoutMs: 60_000 });
    assert.equal(subscription.stats().delivered + subscription.stats().failed, 100);
    await bus.close();
  });

  test('names who is behind when it does not settle', async () => {
    const bus = createTestBus();
    const latch = new Latch();
    bus.subscribe('/x', () => latch.opened, { name: 'slow one' });
    bus.publish('/x', 1);
    await assert.rejects(bus.settled({ timeoutMs: 30 }), /not settled after 30 ms: subscription "slow one"/);
    latch.open();
    await bus.settled();
    await bus.close();
  });

  test('asserts what was published, and lists it where that is something else', async () => {
    const bus = createTestBus();
    bus.publish('/orders/placed', { id: 'a', items: [{ sku: 1, price: 5 }], at: new Date(0) });
    const found: Envelope = await bus.assertPublished('/orders/placed', { id: 'a', items: [{ sku: 1, price: 5 }] });
    assert.equal(found.topic, '/orders/placed');
    await bus.assertPublished('/orders/placed');
    await bus.assertPublished('/orders/placed', ({ items }: { items: unknown[] }) => items.length === 1);
    await bus.assertNotPublished('/orders/billed');
    await bus.assertNotPublished('/orders/placed', { id: 'b' });
    await assert.rejects(bus.assertPublished('/orders/placed', { id: 'b' }), {
      name: 'AssertionError',
      message:
        /Expected \/orders\/placed \{ id: 'b' \} to be published\. Published, in this order:\n {2}\/orders\/placed \{ id: 'a'/,
    });
    await assert.rejects(bus.assertNotPublished('/orders/placed', { id: 'a' }), /Expected nothing of the kind/);
    bus.clearPublished();
    await assert.rejects(bus.assertPublished('/x'), /Nothing was published\./);
    await bus.close();
  });

  test('refuses to assert on what is no topic: nothing would ever be found there', async () => {
    const bus = createTestBus();
    bus.publish('/orders/placed', 1);
    await assert.rejects(bus.assertNotPublished('/orders/*'), { code: 'BUS_INVALID_TOPIC' });
    await assert.rejects(bus.assertPublished('orders'), { code: 'BUS_INVALID_TOPIC' });
    await assert.rejects(bus.settled({ timeoutMs: Number.NaN }), { code: 'BUS_INVALID_OPTION' });
    await bus.close();
  });

  test('runs a module on the calling thread, from its setup to its teardown', async () => {
    const bus = createTestBus();
    const seen: unknown[] = [];
    const data = { greeting: 'hi' };
    const subscription = await bus.subscribeInThread(
      '/x',
      {
        setup: ({ name, data: given }) => void seen.push('setup', name, given),
        handleBatch: (envelopes, { signal }) => void seen.push(...envelopes.map(({ event }) => event), signal.aborted),
        teardown: ({ signal }) => void seen.push('teardown', signal.aborted),
      },
      { name: 'mine', data },
    );
    data.greeting = 'changed';
    bus.publish('/x', 1);
    await bus.settled();
    assert.equal(subscription.name, 'mine');
    await bus.close();
    assert.deepEqual(seen, ['setup', 'mine', { greeting: 'hi' }, 1, false, 'teardown', true]);
  });

  test('closes the connection of a module whose teardown throws', async () => {
    const bus = createTestBus();
    const errors: Error[] = [];
    bus.on('error', (error) => errors.push(error));
    const subscription = await bus.subscribeInThread('/x', {
      setup: ({ bus: connection }) => void connection.publish('/x', 1),
      handle() {},
      teardown() {
        throw new Error('mine');
      },
    });
    await bus.settled();
    const disconnected = once(bus, 'disconnect');
    await subscription.stop();
    await disconnected;
    assert.deepEqual(bus.stats().connections, []);
    await bus.close();
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['mine'],
    );
  });

  test('takes the options of a bus as that does', async () => {
    const bus = createTestBus({ capacityBytes: undefined } as never);
    assert.equal(bus.stats().ring.capacityBytes, 256 * 1024);
    assert.throws(() => createTestBus(null as never), { code: 'BUS_INVALID_OPTION' });
    await bus.close();
  });

  test('ends what it has begun where the module cannot be subscribed, or its setup throws', async () => {
    const bus = createTestBus();
    const seen: string[] = [];
    const module: SubscriberModule = {
      setup: () => void seen.push('setup'),
      handle() {},
      teardown: () => void seen.push('teardown'),
    };
    await assert.rejects(bus.subscribeInThread('/x/', module), { code: 'BUS_INVALID_GLOB' });
    await assert.rejects(bus.subscribeInThread('/x', module, { name: '' }), { code: 'BUS_INVALID_OPTION' });
    await assert.rejects(bus.subscribeInThread('/x', module, { nmae: 'x' } as never), { code: 'BUS_UNKNOWN_OPTION' });
    assert.deepEqual(seen, [], 'bad input reaches no module');
    const streams = Array.from({ length: 63 }, () => bus.subscribe('/x'));
    await assert.rejects(bus.subscribeInThread('/x', module), { code: 'BUS_TOO_MANY_READERS' });
    assert.deepEqual(seen, ['setup', 'teardown']);
    for (const stream of streams) await stream.stop();
    const failing: SubscriberModule = {
      setup({ bus: connection }) {
        connection.publish('/x', 1);
        throw new Error('no');
      },
      handle() {},
    };
    await assert.rejects(bus.subscribeInThread('/x', failing), /no/);
    assert.deepEqual(bus.stats().connections, []);
    await bus.close();
  });

  test('refuses on the calling thread what a thread would refuse', async () => {
    const bus = createTestBus();
    await assert.rejects(bus.subscribeInThread('/x', {} as never), { code: 'BUS_MODULE_SHAPE' });
    await assert.rejects(bus.subscribeInThread('/x', new URL('./missing.js', recorder)), { code: 'BUS_MODULE_LOAD' });
    await bus.close();
  });
});

describe('a clock that is turned by hand', () => {
  test('stamps events with the time that it shows', async () => {
    const clock = manualClock('2026-01-01T12:00:00Z');
    const bus = createTestBus({ clock });
    bus.publish('/x', 1);
    clock.advance(1_500);
    bus.publish('/x', 2);
    clock.set(new Date(7));
    bus.publish('/x', 3);
    await bus.settled();
    const start = BigInt(Date.UTC(2026, 0, 1, 12)) * 1_000_000n;
    assert.deepEqual(
      bus.published.map(({ timestamp }) => timestamp),
      [start, start + 1_500_000_000n, 7_000_000n],
    );
    assert.throws(() => clock.set('no date'), RangeError);
    assert.throws(() => clock.advance(Number.NaN), RangeError);
    await bus.close();
  });
});
