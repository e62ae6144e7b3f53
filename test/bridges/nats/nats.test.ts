/** Buses and a real nats-server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type NatsBridge, type NatsBridgeOptions, natsBridge } from '../../../src/bridges/nats/index.js';
import { type BridgeGap, type Bus, type BusOptions, createBus } from '../../../src/index.js';
import { assertHas } from '../../support/assert-has.js';
import { closeDelivered, idOf, Latch, range, SMALL_RING_BYTES, until } from '../../support/bus-scene.js';
import { size } from '../../support/full.js';
import { NatsServer, noNatsServer } from '../../support/nats-server.js';

type Options = Partial<NatsBridgeOptions>;
const BOTH = { out: { filter: '/**' }, in: {} } satisfies Options;

interface End {
  readonly bus: Bus;
  readonly bridge: NatsBridge;
  readonly gaps: BridgeGap[];
  /** Ids of what came in, by topic. */
  readonly got: Record<string, number[]>;
}

async function end(
  t: TestContext,
  server: NatsServer,
  options: Options = {},
  busOptions: BusOptions = {},
): Promise<End> {
  const bus = createBus(busOptions);
  const got: Record<string, number[]> = {};
  bus.subscribe('/**', (envelope) => {
    if (envelope.origin !== undefined) (got[envelope.topic] ??= []).push(idOf(envelope));
  });
  t.after(() => bus.destroy());
  const { bridge, gaps } = await join(t, server, bus, options);
  return { bus, bridge, gaps, got };
}

async function join(t: TestContext, server: NatsServer, bus: Bus, options: Options = {}) {
  const connection = await server.connect();
  const bridge = await natsBridge(bus, { connection, stream: 'EVENTS', create: {}, ...BOTH, ...options });
  const gaps: BridgeGap[] = [];
  bridge.on('gap', (gap) => gaps.push(gap));
  t.after(() => bridge.close());
  await bridge.ready;
  return { bridge, gaps };
}

async function publish(bus: Bus, topic: string, count: number, first = 0): Promise<void> {
  for (const id of range(count)) if (!bus.publish(topic, { id: first + id })) await bus.writable();
}

describe('buses and a real nats-server', { skip: noNatsServer(), timeout: 600_000 }, () => {
  for (const out of [
    { filter: '/**' },
    { filter: '/**', mode: 'topic' },
    { filter: '/**', mode: 'topic', inFlight: 64 },
  ] as const) {
    test(`two buses get each other's events, each once, with out ${JSON.stringify(out)}`, async (t) => {
      const server = await NatsServer.start(t);
      const [a, b] = [await end(t, server, { out }), await end(t, server, { out })];
      const count = size(200, 2_000);
      await Promise.all([publish(a.bus, '/from/a', count), publish(b.bus, '/from/b.c', count)]);
      await until(() => (a.got['/from/b.c']?.length ?? 0) >= count && (b.got['/from/a']?.length ?? 0) >= count);
      // What comes back, and the answer of the server to whoever sent it, come in any order.
      await until(() => [a, b].every(({ bridge }) => bridge.stats().own === count && bridge.stats().acked === count));
      const ordered = (ids: number[]): number[] => ('inFlight' in out ? [...ids].sort((x, y) => x - y) : ids);
      assert.deepEqual(ordered(a.got['/from/b.c']!), range(count));
      assert.deepEqual(ordered(b.got['/from/a']!), range(count));
      for (const { got, bridge, gaps } of [a, b]) {
        assert.equal(Object.keys(got).length, 1);
        assertHas(bridge.stats(), { sent: count, received: count, repeated: 0, refused: 0 });
        assert.deepEqual(gaps, []);
      }
    });
  }

  test('messages by topic have the topic as their subject, and the envelope as their data', async (t) => {
    const server = await NatsServer.start(t);
    const { bus, got } = await end(t, server, { out: { filter: '/**', mode: 'topic' } });
    const connection = await server.connect();
    const subscription = connection.subscribe('ringcast.k8s__io.>');
    await connection.flush();
    bus.publish('/k8s.io/pods', { id: 7 });
    const { value } = await subscription[Symbol.asyncIterator]().next();
    assert.equal(value!.subject, 'ringcast.k8s__io.pods');
    // What a program without this package publishes comes in, too.
    await jetstream(connection).publish('ringcast.from.elsewhere', value!.data);
    await until(() => got['/k8s.io/pods'] !== undefined);
    assert.deepEqual(got, { '/k8s.io/pods': [7] });
  });

  test('events keep their traces, in both modes', async (t) => {
    const server = await NatsServer.start(t);
    const traces = ['0af7651916cd43dd8448eb211c80319c', '4bf92f3577b34da6a3ce929d0e0e4736'].map(
      (id) => `00-${id}-b7ad6b7169203331-01`,
    );
    const traceOf = (index: number): string | undefined => traces[Math.floor(index / 3) % 3];
    for (const mode of ['bundle', 'topic'] as const) {
      const prefixed = { stream: mode, prefix: mode, out: { filter: '/**', mode } };
      const [a, b] = [await end(t, server, prefixed), await end(t, server, prefixed)];
      const got: (string | undefined)[] = [];
      b.bus.subscribe('/a', ({ traceparent }) => got.push(traceparent));
      for (const id of range(20)) a.bus.publish('/a', { id }, { traceparent: traceOf(id) });
      await until(() => got.length === 20);
      assert.deepEqual(got, range(20).map(traceOf));
    }
  });

  test('a bundle whose headers are long, since the events that leave do not follow each other, is not too large', async (t) => {
    const server = await NatsServer.start(t);
    const out = { filter: '/a', maxBundle: 4_096, lingerMs: 1_000 };
    const [a, b] = [await end(t, server, { out }), await end(t, server)];
    const count = 9_000;
    const padding = 'x'.repeat(190);
    a.bus.subscribe('/b', () => {});
    for (const id of range(count)) {
      a.bus.publish('/b', {});
      if (!a.bus.publish('/a', { id, padding })) await a.bus.writable();
    }
    await until(() => b.got['/a']?.length === count);
    assert.deepEqual(b.got['/a'], range(count));
    // One that is too large is given up, or sent again for ever.
    await until(() => a.bridge.stats().acked === count);
    assert.deepEqual([a.bridge.stats().sent, a.gaps], [count, []]);
  });

  test('a filter on the way in keeps out what is not wanted, and one on the way out what does not leave', async (t) => {
    const server = await NatsServer.start(t);
    const a = await end(t, server, { out: { filter: ['/x/*', '/y/*'] } });
    const b = await end(t, server, { in: { filter: '/x/**' } });
    for (const topic of ['/x/1', '/y/1', '/z/1', '/x/2']) a.bus.publish(topic, { id: 1 });
    await until(() => b.got['/x/2'] !== undefined);
    assert.deepEqual(Object.keys(b.got), ['/x/1', '/x/2']);
    assert.equal(a.bridge.stats().sent, 3);
  });

  test('in a ring of three buses each event reaches each bus once, and in a chain the ends see each other', async (t) => {
    const server = await NatsServer.start(t);
    for (const closed of [false, true]) {
      const streams = ['AB', 'BC', 'CA'].map((name) => ({
        stream: `${name}${Number(closed)}`,
        prefix: `${name}${Number(closed)}`,
      }));
      const [ab, bc, ca] = streams.map((one) => ({ ...one, name: one.stream }));
      const a = await end(t, server, ab);
      const b = await end(t, server, ab);
      const c = await end(t, server, bc);
      await join(t, server, b.bus, bc);
      if (closed) {
        await join(t, server, a.bus, ca);
        await join(t, server, c.bus, ca);
      }
      const ends = { a, b, c };
      const count = 500;
      await Promise.all(Object.entries(ends).map(([name, { bus }]) => publish(bus, `/from/${name}`, count)));
      for (const [name, { got }] of Object.entries(ends)) {
        const others = Object.keys(ends).filter((other) => other !== name);
        await until(() => others.every((other) => (got[`/from/${other}`]?.length ?? 0) >= count));
      }
      // A last event of each behind all the others: what still came round would have come before it.
      for (const [name, { bus }] of Object.entries(ends)) bus.publish(`/last/${name}`, { id: 0 });
      for (const [name, { got }] of Object.entries(ends)) {
        const others = Object.keys(ends).filter((other) => other !== name);
        await until(() => others.every((other) => got[`/last/${other}`] !== undefined));
        for (const other of others) assert.deepEqual(got[`/from/${other}`], range(count), `${other} to ${name}`);
        assert.equal(got[`/from/${name}`], undefined);
      }
    }
  });

  test('loses nothing that was acked and delivers nothing twice when the server is killed in the middle', async (t) => {
    const server = await NatsServer.start(t);
    const [a, b] = [await end(t, server), await end(t, server)];
    const count = size(2_000, 20_000);
    const publishing = Promise.all([publish(a.bus, '/from/a', count), publish(b.bus, '/from/b', count)]);
    for (const share of [0.2, 0.6]) {
      await until(() => (b.got['/from/a']?.length ?? 0) > share * count);
      await server.kill();
      await server.start();
    }
    await publishing;
    await until(() => (a.got['/from/b']?.length ?? 0) >= count && (b.got['/from/a']?.length ?? 0) >= count);
    assert.deepEqual(a.got['/from/b'], range(count));
    assert.deepEqual(b.got['/from/a'], range(count));
    for (const { gaps } of [a, b]) assert.deepEqual(gaps, []);
  });

  test('replays from a sequence, from a time and from the first message', async (t) => {
    const server = await NatsServer.start(t);
    const out = { filter: '/**', mode: 'topic' } as const;
    const a = await end(t, server, { out });
    await publish(a.bus, '/a', 10);
    await until(() => a.bridge.stats().acked === 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const time = new Date();
    await publish(a.bus, '/a', 10, 10);
    await until(() => a.bridge.stats().acked === 20);
    for (const [from, first] of [
      ['all', 0],
      [{ sequence: 6 }, 5],
      [{ time }, 10],
    ] as const) {
      const late = await end(t, server, { in: { from } });
      await until(() => late.got['/a']?.at(-1) === 19);
      assert.deepEqual(late.got['/a'], range(20).slice(first));
      assert.equal(late.bridge.stats().lastSequence, 20);
      await late.bridge.close();
    }
  });

  test('a durable consumer goes on where it stopped, in another bus, too', async (t) => {
    const server = await NatsServer.start(t);
    const a = await end(t, server);
    const first = await end(t, server, { in: { durable: 'reader' } });
    await publish(a.bus, '/a', 100);
    await until(() => first.got['/a']?.length === 100);
    await first.bridge.close();
    await publish(a.bus, '/a', 100, 100);
    await until(() => a.bridge.stats().acked === 200);
    const second = await end(t, server, { in: { durable: 'reader' } });
    await until(() => second.got['/a']?.at(-1) === 199);
    // What had not been acknowledged may come again to another bus, in order, and nothing is missed.
    const got = second.got['/a']!;
    assert.deepEqual(got, range(200).slice(got[0]!));
    assert.ok(got[0]! <= 100);
  });

  test('tells of a gap when the stream has dropped what was to be read', async (t) => {
    const server = await NatsServer.start(t);
    const a = await end(t, server, { out: { filter: '/**', mode: 'topic' } });
    await publish(a.bus, '/a', 20);
    await until(() => a.bridge.stats().acked === 20);
    const admin = await jetstreamManager(await server.connect());
    await admin.streams.purge('EVENTS', { seq: 11 });
    const late = await end(t, server, { in: { from: { sequence: 5 } } });
    await until(() => late.got['/a']?.at(-1) === 19);
    assert.deepEqual(late.got['/a'], range(20).slice(10));
    // Told before anything behind it came in, and so before this test listened: the bus has counted it.
    assertHas(late.bus.stats().bridges, [{ gaps: 1 }]);
  });

  test('what a lossy way out has lost is counted at both ends', async (t) => {
    const count = size(5_000, 20_000);
    const server = await NatsServer.start(t);
    const b = await end(t, server);
    const out = { filter: '/a', mode: 'topic', delivery: 'lossy' } as const;
    const a = await end(t, server, { out }, { capacityBytes: SMALL_RING_BYTES });
    await publish(a.bus, '/a', count);
    a.bus.publish('/a', { id: -1 });
    await until(() => b.got['/a']?.at(-1) === -1);
    const lost = a.gaps.reduce((sum, { count = 0 }) => sum + count, 0);
    assert.ok(lost > 0, 'it was overtaken');
    assert.equal(b.got['/a']!.length + lost, count + 1);
    assert.equal(
      b.gaps.reduce((sum, { count = 0 }) => sum + count, 0),
      lost,
    );
  });

  test('a slow bus holds the reading up, and gets everything', async (t) => {
    const server = await NatsServer.start(t);
    const a = await end(t, server);
    const latch = new Latch();
    const b = await end(t, server, {}, { capacityBytes: SMALL_RING_BYTES, maxPendingBytes: 0 });
    let slow = 0;
    b.bus.subscribe('/a', async () => {
      slow++;
      await latch.opened;
    });
    await publish(a.bus, '/a', 5_000);
    await until(() => a.bridge.stats().acked === 5_000);
    assert.ok(b.bridge.stats().received < 2_000);
    latch.open();
    await until(() => slow === 5_000);
    assert.deepEqual(b.got['/a'], range(5_000));
  });

  test('messages that hold no events are told of and passed over', async (t) => {
    const server = await NatsServer.start(t);
    const a = await end(t, server);
    const connection = await server.connect();
    const js = jetstream(connection);
    await js.publish('ringcast.x', 'garbage');
    await js.publish('ringcast._bundle.x', Buffer.from([0xff, 0xff]));
    await js.publish('ringcast._bundle.x', Buffer.from([3, 1]));
    const b = await end(t, server);
    b.bus.publish('/after', { id: 1 });
    await until(() => a.got['/after'] !== undefined);
    assert.equal(a.bridge.stats().refused, 3);
    assert.deepEqual(
      a.gaps.map(({ count }) => count),
      [1, 1, 1],
    );
  });

  test('what was accepted before it closes is stored', async (t) => {
    const server = await NatsServer.start(t);
    const { bus, bridge } = await end(t, server, { out: { filter: '/**', lingerMs: 10_000 } });
    await publish(bus, '/a', 1_000);
    await bridge.close();
    assert.equal(bridge.stats().acked, 1_000);
    assert.deepEqual(bus.stats().bridges, []);
    const other = await end(t, server, {});
    await closeDelivered(other.bus);
    assert.deepEqual(other.bus.stats().bridges, []);
  });

  test('makes a stream or a consumer where there is none, and not where the server fails to say', async (t) => {
    const server = await NatsServer.start(t);
    const bus = createBus();
    t.after(() => bus.destroy());
    for (const asked of ['STREAM.INFO', 'CONSUMER.INFO']) {
      const connection = await server.connect();
      const request = connection.request.bind(connection);
      let isFirst = true;
      connection.request = (subject, ...rest) => {
        if (!isFirst || !subject.includes(asked)) return request(subject, ...rest);
        isFirst = false;
        return Promise.reject(new Error('the server is busy'));
      };
      const options = { connection, stream: 'EVENTS', create: {}, in: { durable: 'reader' } };
      const failure = { code: 'BRIDGE_STREAM_UNUSABLE', message: /the server is busy/ };
      await assert.rejects(natsBridge(bus, options), failure, asked);
    }
    assert.deepEqual(bus.stats().bridges, []);
  });

  test('refuses what cannot work, with a code, and leaves nothing behind', async (t) => {
    const server = await NatsServer.start(t);
    const connection = await server.connect();
    const bus = createBus();
    t.after(() => bus.destroy());
    const good = { connection, stream: 'EVENTS', ...BOTH };
    for (const [options, code] of [
      [{ ...good }, 'BRIDGE_STREAM_UNUSABLE'],
      [{ ...good, connection: {} }, 'BUS_INVALID_OPTION'],
      [{ ...good, stream: 'a.b' }, 'BUS_INVALID_OPTION'],
      [{ ...good, prefix: 'a.>' }, 'BUS_INVALID_OPTION'],
      [{ ...good, id: 'a b' }, 'BUS_INVALID_OPTION'],
      [{ ...good, create: {}, name: 'a/b' }, 'BUS_INVALID_OPTION'],
      [{ ...good, out: undefined, in: undefined }, 'BUS_INVALID_OPTION'],
      [{ ...good, out: { filter: '/**', mode: 'x' } }, 'BUS_INVALID_OPTION'],
      [{ ...good, out: { filter: '/**', maxBundle: 0 } }, 'BUS_INVALID_OPTION'],
      [{ ...good, in: { from: { sequence: 0 } } }, 'BUS_INVALID_OPTION'],
      [{ ...good, in: { form: 'all' } }, 'BUS_UNKNOWN_OPTION'],
      [{ ...good, create: {}, out: { filter: '/a/' } }, 'BUS_INVALID_GLOB'],
    ] as const) {
      await assert.rejects(natsBridge(bus, options as unknown as NatsBridgeOptions), { code });
    }
    await until(() => bus.stats().bridges.length === 0);
    assert.deepEqual(bus.stats().subscriptions, []);
  });

  test('is failed when its connection is closed, and the bus goes on', async (t) => {
    const server = await NatsServer.start(t);
    const bus = createBus();
    t.after(() => bus.destroy());
    const connection = await server.connect();
    const bridge = await natsBridge(bus, { connection, stream: 'EVENTS', create: {}, ...BOTH });
    await bridge.ready;
    await connection.close();
    await until(() => bus.stats().bridges[0]?.state === 'disconnected');
    assert.equal(bus.publish('/a', {}), true);
    await bridge.close();
  });

  test('a server that speaks nonsense never becomes a connection, and so no bridge', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await assert.rejects(connect({ servers: `127.0.0.1:${port}`, timeout: 2_000, reconnect: false }));
    server.close();
  });
});
