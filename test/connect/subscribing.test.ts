/** Subscribing on a connection: as on the bus, and in order with what the connection publishes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type BusOptions, connectBus, createBus, type Envelope } from '../../src/index.js';
import { inlineModule, SMALL_RING_BYTES, until } from '../support/bus-scene.js';

const MODULE = inlineModule('export default () => {}');

/** A bus, and a connection to it on the same thread: like any other, but that one can say what happens when. */
function scene(options: BusOptions = {}) {
  const bus = createBus(options);
  const connection = connectBus(bus.handle, { name: 'here' });
  return { bus, connection };
}

/** Lets the owner and the readers do what they can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

const eventsOf = (got: unknown[]) => {
  return ({ event }: Envelope): void => void got.push(event);
};

describe('a subscription on a connection', () => {
  test('gets what its thread publishes after the call and nothing from before; others are heard once it is ready', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    bus.subscribe('/a', () => {});
    await connection.close({ drainTimeoutMs: 0 });
    const again = connectBus(bus.handle);
    again.publish('/a', 'before');
    const subscription = again.subscribe('/a', eventsOf(got));
    again.publish('/a', 'after');
    await subscription.ready;
    again.publish('/a', 'later');
    bus.publish('/a', 'of the bus');
    bus.publish('/b', 'unwanted');
    await until(() => got.length === 3);
    // The connection's events go by way of its uplink; those of the bus may come between any of them.
    assert.deepEqual(got.slice().sort(), ['after', 'later', 'of the bus']);
    assert.ok(got.indexOf('after') < got.indexOf('later'));
    await bus.close();
    assert.equal(got.length, 3);
  });

  test('is asked for as it is, whatever somebody has put on Object.prototype', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    const prototype = Object.prototype as { toJSON?: () => unknown };
    prototype.toJSON = () => ({ kind: 'nothing' });
    try {
      const subscription = connection.subscribe('/a', eventsOf(got));
      subscription.setFilter(['/a', '/b']);
      connection.publish('/b', 'heard');
      await until(() => got.length === 1);
      assert.deepEqual(got, ['heard']);
    } finally {
      delete prototype.toJSON;
      bus.destroy();
    }
  });

  test('sees the same total order as those of the bus, events of both included', async () => {
    const { bus, connection } = scene({ capacityBytes: SMALL_RING_BYTES });
    const [here, there]: [number[], number[]] = [[], []];
    const subscription = connection.subscribe('/t/*', ({ sequence }) => void there.push(sequence));
    await subscription.ready;
    bus.subscribe('/t/*', ({ sequence }) => void here.push(sequence));
    for (let i = 0; i < 2_000; i++) {
      const client = i % 2 === 0 ? bus : connection;
      if (!client.publish(`/t/${i % 7}`, i)) await client.writable();
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    assert.deepEqual(await connection.close(), { undelivered: 0 });
    await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    assert.equal(here.length, 2_000);
    assert.equal(there.length, 2_000);
    assert.deepEqual(there, here);
  });

  test('is owed what it has not got of a bus that is destroyed, each of those that share a reader', async () => {
    const { bus, connection } = scene();
    const handlers = [connection.subscribe('/a', () => {}), connection.subscribe('/*', () => {})];
    await Promise.all(handlers.map(({ ready }) => ready));
    for (let i = 0; i < 10; i++) bus.publish('/a', i);
    bus.publish('/b', 10);
    bus.destroy();
    assert.deepEqual(await bus.close(), { undelivered: 21 });
  });

  test('shares a reader with its siblings, also with those that come while it reads', async () => {
    const { bus, connection } = scene();
    const got: string[] = [];
    const first = connection.subscribe('/a', ({ event }) => void got.push(`1 ${event}`));
    await first.ready;
    connection.publish('/a', 1);
    const second = connection.subscribe('/*', ({ event }) => void got.push(`2 ${event}`));
    connection.publish('/a', 2);
    connection.publish('/b', 3);
    await until(() => got.length === 4);
    assert.deepEqual(got, ['1 1', '1 2', '2 2', '2 3']);
    const readers = new Set([first, second].map(({ delivery }) => delivery.reader));
    assert.equal(readers.size, 1);
    const alone = connection.subscribe('/c', () => {}, { isolate: true });
    await alone.ready;
    assert.ok(!readers.has(alone.delivery.reader));
    await bus.close();
  });

  test('ends with stop, after which no handler starts; with drain after what was accepted before', async () => {
    const { bus, connection } = scene();
    const [at, drained]: [unknown[], unknown[]] = [[], []];
    const one = connection.subscribe('/a', eventsOf(at));
    const two = connection.subscribe('/a', eventsOf(drained));
    await one.ready;
    connection.publish('/a', 1);
    void one.stop();
    const ended = two.stop({ drain: true });
    connection.publish('/a', 2);
    await ended;
    await settle();
    assert.deepEqual([at, drained], [[], [1]]);
    assert.equal(one.stats().state, 'ended');
    assert.deepEqual(bus.stats().subscriptions, []);
    assert.throws(() => one.setFilter('/b'), { code: 'BUS_SUBSCRIPTION_ENDED' });
    await bus.close();
  });

  test('stopped before the owner has answered it, is over at once and leaves nothing behind', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    const shared = connection.subscribe('/a', eventsOf(got));
    await shared.ready;
    const stopped = connection.subscribe('/a', eventsOf(got));
    const ready = assert.rejects(stopped.ready, { code: 'BUS_SUBSCRIPTION_ENDED' });
    await stopped.stop();
    await ready;
    // The reader that the next one was asked to share has lost its last handler meanwhile.
    const late = connection.subscribe('/a', eventsOf(got));
    void shared.stop();
    await late.ready;
    connection.publish('/a', 1);
    await until(() => got.length === 1);
    void late.stop();
    await until(() => bus.stats().subscriptions.length === 0);
    await settle();
    assert.deepEqual(got, [1]);
    await fillSlots(bus);
    await bus.close();
  });

  test('changes its filter with neither gap nor overlap', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    const subscription = connection.subscribe('/a', eventsOf(got));
    connection.publish('/a', 'a1');
    subscription.setFilter('/b');
    assert.equal(subscription.filter, '/b');
    connection.publish('/a', 'a2');
    connection.publish('/b', 'b1');
    subscription.setFilter(['/a', '/b']);
    connection.publish('/a', 'a3');
    connection.publish('/b', 'b2');
    assert.throws(() => subscription.setFilter('/['), { code: 'BUS_INVALID_GLOB' });
    await until(() => got.length === 4);
    await settle();
    assert.deepEqual(got, ['a1', 'b1', 'a3', 'b2']);
    assert.deepEqual(bus.stats().subscriptions[0]!.filter, ['/a', '/b']);
    await bus.close();
  });

  test('replays what the ring still holds, from where it is asked to', async () => {
    const { bus, connection } = scene({ keepUnwanted: true });
    for (let i = 0; i < 10; i++) bus.publish(i % 2 === 0 ? '/even' : '/odd', i);
    const got = { oldest: [], last: [], sequence: [], now: [] } as Record<string, unknown[]>;
    connection.subscribe('/*', eventsOf(got.oldest!), { from: 'oldest' });
    connection.subscribe('/even', eventsOf(got.last!), { from: { last: 2 } });
    connection.subscribe('/*', eventsOf(got.sequence!), { from: { sequence: 7 } });
    connection.subscribe('/*', eventsOf(got.now!));
    connection.publish('/even', 10);
    await until(() => got.now!.length === 1 && got.oldest!.length === 11);
    await settle();
    assert.deepEqual(got.oldest, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(got.last, [6, 8, 10]);
    assert.deepEqual(got.sequence, [7, 8, 9, 10]);
    assert.deepEqual(got.now, [10]);
    await bus.close();
  });

  test('that is lossy is told of all that it misses, and nobody waits for it', async () => {
    const { bus, connection } = scene({ capacityBytes: SMALL_RING_BYTES });
    let release!: () => void;
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    let delivered = 0;
    let lagged = 0;
    const subscription = connection.subscribe('/a', () => (delivered++ === 0 ? blocked : undefined), {
      delivery: 'lossy',
    });
    subscription.on('lagged', ({ count }) => {
      lagged += count;
    });
    await subscription.ready;
    const events = 1_000;
    for (let i = 0; i < events; i++) {
      assert.ok(bus.publish('/a', 'x'.repeat(500)));
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    release();
    await subscription.stop({ drain: true });
    const stats = subscription.stats();
    assert.ok(lagged > 0);
    assert.equal(stats.lagged, lagged);
    assert.equal(delivered + lagged, events);
    assert.equal(stats.scanned + stats.lagged, events);
    await bus.close();
  });

  test('reports what its handler throws on the connection, and goes on', async () => {
    const { bus, connection } = scene();
    const failed = once(connection, 'error');
    const got: unknown[] = [];
    const subscription = connection.subscribe('/a', ({ event }) => {
      if (event === 1) throw new Error('no');
      got.push(event);
    });
    connection.publish('/a', 1);
    connection.publish('/a', 2);
    const [error] = (await failed) as [Error & { code: string; topic: string }];
    assert.deepEqual([error.code, error.topic], ['BUS_HANDLER_FAILED', '/a']);
    await until(() => got.length === 1);
    const { delivered, failed: count, scanned } = subscription.stats();
    assert.deepEqual([delivered, count, scanned], [1, 1, 2]);
    await bus.close();
  });

  test('leaves out events of the origins that it excepts', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    connection.subscribe('/a', eventsOf(got), { exceptOrigins: ['nats'] });
    connection.publish('/a', 1, { origin: 'nats' });
    connection.publish('/a', 2, { origin: 'other' });
    bus.publish('/a', 3, { origin: 'nats' });
    connection.publish('/a', 4);
    await until(() => got.length === 2);
    assert.deepEqual(got, [2, 4]);
    assert.throws(() => connection.subscribe('/a', () => {}, { exceptOrigins: [''] }), { code: 'BUS_INVALID_ORIGIN' });
    await bus.close();
  });

  test('refuses at once what the bus refuses at once, with the same errors', async () => {
    const { bus, connection } = scene();
    for (const act of [
      () => connection.subscribe('/[', () => {}),
      () => bus.subscribe('/[', () => {}),
      () => connection.next('x y z'),
      () => connection.subscribe('/a', () => {}, { from: 'then' as never }),
      () => connection.subscribe('/a', 5 as never),
      () => connection.next('/a', { timeoutMs: -1 }),
      () => connection.next('/a', { exceptOrigins: [''] }),
    ]) {
      assert.throws(act, (error: Error & { code?: string }) => /^BUS_INVALID/.test(error.code ?? ''));
    }
    const subscription = connection.subscribe('/a', () => {}, { signal: AbortSignal.abort() });
    assert.equal(subscription.active, false);
    const inside: unknown[] = [];
    const event = {
      get id() {
        try {
          connection.subscribe('/a', () => {});
        } catch (error) {
          inside.push((error as { code?: string }).code);
        }
        return 1;
      },
    };
    connection.subscribe('/g', () => {});
    connection.publish('/g', event);
    assert.deepEqual([...new Set(inside)], ['BUS_REENTRANT_PUBLISH']);
    await bus.close();
  });

  test('that finds no reader left is told so by ready, and on the connection', async () => {
    const { bus, connection } = scene();
    const others = Array.from({ length: 64 }, () => bus.subscribe('/a'));
    const told = once(connection, 'error');
    const subscription = connection.subscribe('/a', () => {});
    await assert.rejects(subscription.ready, { code: 'BUS_TOO_MANY_READERS' });
    assert.equal(((await told) as [{ code: string }])[0].code, 'BUS_TOO_MANY_READERS');
    await subscription.ended;
    assert.equal(subscription.active, false);
    await assert.rejects(connection.next('/a'), { code: 'BUS_TOO_MANY_READERS' });
    void others[0]!.stop();
    const later = connection.subscribe('/a', () => {});
    await later.ready;
    await bus.close();
  });

  test('that is denied wants nothing any more, whatever its filter was changed to meanwhile', async () => {
    const { bus, connection } = scene();
    connection.on('error', () => {});
    for (let i = 0; i < 64; i++) bus.subscribe('/taken');
    const denied = [
      connection.subscribe('/a', () => {}),
      connection.subscribe('/a'),
      connection.subscribe('/a', MODULE),
    ];
    for (const filter of ['/b', '/c']) for (const subscription of denied) subscription.setFilter(filter);
    for (const { ready } of denied) await assert.rejects(ready, { code: 'BUS_TOO_MANY_READERS' });
    await settle();
    for (const topic of ['/a', '/b', '/c']) connection.publish(topic, 1);
    assert.equal(connection.stats().unwanted, 3);
    await bus.close();
  });

  test('takes a filter that is longer than a record', async () => {
    const { bus, connection } = scene({ capacityBytes: 64 * 1024 });
    const got: unknown[] = [];
    const filter = Array.from({ length: 2_000 }, (_, index) => `/long/list/of/topics/${index}`);
    const subscription = connection.subscribe(filter, eventsOf(got));
    connection.publish('/long/list/of/topics/1999', 1);
    await subscription.ready;
    await until(() => got.length === 1);
    await bus.close();
  });

  test('is part of the statistics, with the connection that it belongs to', async () => {
    const { bus, connection } = scene();
    const subscription = connection.subscribe('/a', () => {}, { name: 'mine' });
    bus.subscribe('/a', () => {}, { name: 'theirs' });
    connection.publish('/a', 1);
    await subscription.ready;
    await until(() => bus.stats().subscriptions.find(({ name }) => name === 'mine')?.delivered === 1);
    const [theirs, mine] = bus.stats().subscriptions;
    assert.deepEqual([theirs!.name, theirs!.thread, theirs!.connection], ['theirs', 'bus', undefined]);
    assert.deepEqual([mine!.name, mine!.thread, mine!.connection], ['mine', 'connection', 'here']);
    assert.deepEqual([mine!.state, mine!.scanned, mine!.failed, mine!.lagged], ['reading', 1, 0, 0]);
    assert.deepEqual(
      connection.stats().subscriptions.map(({ name }) => name),
      ['mine'],
    );
    await bus.close();
  });
});

describe('a stream on a connection', () => {
  test('gives one event after another, and ends with the bus, after what was accepted', async () => {
    const { bus, connection } = scene();
    const stream = connection.subscribe('/a');
    for (let i = 0; i < 5; i++) connection.publish('/a', i);
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { event } of stream) got.push(event);
    })();
    await until(() => got.length === 5);
    bus.publish('/a', 'last');
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    await reading;
    assert.deepEqual(got, [0, 1, 2, 3, 4, 'last']);
  });

  test('ends with break', async () => {
    const { bus, connection } = scene();
    const stream = connection.subscribe('/a');
    connection.publish('/a', 1);
    for await (const { event } of stream) {
      assert.equal(event, 1);
      break;
    }
    await until(() => bus.stats().subscriptions.length === 0);
    await fillSlots(bus);
    await bus.close();
  });
});

describe('next on a connection', () => {
  test('resolves with the next event that is published here or elsewhere', async () => {
    const { bus, connection } = scene();
    connection.publish('/a', 0);
    const [one, two] = [connection.next('/a'), connection.next('/b')];
    connection.publish('/a', 1);
    assert.equal((await one).event, 1);
    bus.publish('/b', 2);
    assert.equal((await two).event, 2);
    for (let i = 0; i < 100; i++) {
      const next = connection.next('/a');
      connection.publish('/a', i);
      assert.equal((await next).event, i);
    }
    await until(() => bus.stats().subscriptions.length === 0);
    await bus.close();
  });

  test('rejects with its signal, its time, and the end of the bus', async () => {
    const { bus, connection } = scene();
    const controller = new AbortController();
    const aborted = assert.rejects(connection.next('/a', { signal: controller.signal }), /enough/);
    controller.abort(new Error('enough'));
    await aborted;
    await assert.rejects(connection.next('/a', { timeoutMs: 5 }), { code: 'BUS_TIMEOUT' });
    const waiting = connection.next('/a');
    const rejected = assert.rejects(waiting, { code: 'BUS_SUBSCRIPTION_ENDED' });
    await settle();
    await bus.close();
    await rejected;
  });
});

describe('the end of a connection', () => {
  test('delivers what was accepted, then ends its subscriptions and gives back their readers', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    const subscription = connection.subscribe('/a', async ({ event }) => {
      await new Promise(setImmediate);
      got.push(event);
    });
    for (let i = 0; i < 10; i++) connection.publish('/a', i);
    assert.deepEqual(await connection.close(), { undelivered: 0 });
    assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(subscription.stats().state, 'ended');
    assert.throws(() => connection.subscribe('/a', () => {}), { code: 'BUS_CLOSED' });
    await fillSlots(bus);
    await bus.close();
  });

  test('asked for in a handler of its own does not wait for that', async () => {
    const { bus, connection } = scene();
    const done = new Promise<unknown>((resolve, reject) => {
      connection.subscribe('/a', async () => {
        await connection.close().then(resolve, reject);
      });
    });
    connection.publish('/a', 1);
    assert.deepEqual(await done, { undelivered: 0 });
    await bus.close();
  });

  test('by destroy in a handler drops what is unread, and leaves nothing behind', async () => {
    const { bus, connection } = scene();
    const got: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      const subscription = connection.subscribe('/a', ({ event }) => {
        got.push(event);
        connection.destroy();
      });
      subscription.on('end', resolve);
    });
    for (let i = 0; i < 10; i++) connection.publish('/a', i);
    await ended;
    await until(() => bus.stats().connections.length === 0);
    assert.deepEqual(got, [0]);
    assert.deepEqual(bus.stats().subscriptions, []);
    await fillSlots(bus);
    await bus.close();
  });

  test('of the bus by destroy ends subscriptions at once', async () => {
    const { bus, connection } = scene();
    const subscription = connection.subscribe('/a', () => new Promise(() => {}));
    const stream = connection.subscribe('/a');
    await subscription.ready;
    connection.publish('/a', 1);
    await settle();
    const next = connection.next('/b');
    const rejected = assert.rejects(next, { code: 'BUS_SUBSCRIPTION_ENDED' });
    bus.destroy();
    await Promise.all([subscription.ended, rejected]);
    assert.equal((await stream.next()).done, true);
  });

  test('counts as undelivered what a handler that hangs was owed when the bus gives up', async () => {
    const { bus, connection } = scene();
    const subscription = connection.subscribe('/a', () => new Promise(() => {}));
    await subscription.ready;
    for (let i = 0; i < 5; i++) bus.publish('/a', i);
    await settle();
    assert.deepEqual(await bus.close({ drainTimeoutMs: 20 }), { undelivered: 5 });
  });
});

/** All slots of readers can be taken: none was kept. */
async function fillSlots(bus: ReturnType<typeof createBus>): Promise<void> {
  for (let round = 0; ; round++) {
    const streams = [];
    try {
      for (let i = 0; i < 64; i++) streams.push(bus.subscribe('/slots'));
      return;
    } catch (error) {
      // What a connection has said is on its way.
      if (round === 100) throw error;
    } finally {
      for (const stream of streams) void stream.stop();
    }
    await new Promise(setImmediate);
  }
}
