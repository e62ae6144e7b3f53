import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bridge, createBus } from '../../src/index.js';
import { healthOf } from '../../src/observe/health.js';
import { fillRing, inlineModule, Latch, SMALL_RING_BYTES, until } from '../support/bus-scene.js';

describe('health', { timeout: 600_000 }, () => {
  test('is ok for a bus that works, and not for one that is closing or closed', async () => {
    const bus = createBus();
    bus.subscribe('/a', () => {});
    bus.publish('/a', 1);
    assert.deepEqual(bus.health(), { ok: true, message: 'ok', problems: [] });
    const closing = bus.close();
    assert.deepEqual(bus.health().problems, [{ kind: 'closed', subject: 'bus', message: 'The bus is closing.' }]);
    await closing;
    assert.equal(bus.health().message, 'The bus is closed.');
  });

  test('names who has held the ring for a second, and what waits behind it', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { name: 'stuck' });
    fillRing(bus, '/a');
    assert.equal(bus.health().ok, true);
    await until(() => !bus.health().ok);
    const [held] = bus.health().problems;
    assert.deepEqual([held!.kind, held!.subject], ['ring-held', 'subscription "stuck"']);
    assert.match(
      held!.message,
      /^The ring is full: .*stuck.* has held it for \d+\.\d s without moving; 1 events \(\d+ bytes\)/,
    );
    latch.open();
  });

  test('names who was evicted', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 50 });
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { name: 'stuck' });
    bus.on('evicted', () => {});
    fillRing(bus, '/a');
    await until(() => bus.stats().evictions === 1);
    const { problems } = bus.health();
    assert.deepEqual(
      problems.map(({ kind, subject }) => [kind, subject]),
      [['evicted', 'stuck']],
    );
    latch.open();
  });

  test('names a thread that is being started again, and for which time, until it reads', async () => {
    await using bus = createBus();
    const module = inlineModule('export default () => process.exit(1);');
    const subscription = bus.subscribe('/a', module, { name: 'mortal', restart: { backoffMs: 300 } });
    await subscription.ready;
    assert.equal(bus.health().ok, true);
    bus.publish('/a', 1);
    await once(subscription, 'restart');
    assert.equal(subscription.stats().state, 'restarting');
    const { ok, message, problems } = bus.health();
    assert.equal(ok, false);
    assert.deepEqual([problems[0]!.kind, problems[0]!.subject], ['restarting', 'mortal']);
    assert.match(message, /thread of mortal ended by itself and is being started again, for the 1st time\./);
    bus.destroy();
  });

  test('is ok again when the thread reads again', async () => {
    await using bus = createBus();
    const module = inlineModule('export default { handle({ redelivered }) { if (!redelivered) process.exit(1); } };');
    const subscription = bus.subscribe('/a', module, { restart: { backoffMs: 1 } });
    bus.publish('/a', 1);
    // What it has counted may be seen before it is heard that it reads.
    await until(() => subscription.stats().delivered === 1 && subscription.stats().state === 'reading');
    assert.equal(bus.health().ok, true);
  });

  test('names a bridge that is away', async () => {
    await using bus = createBus();
    const bridge = Object.assign(new EventEmitter(), {
      name: 'nats',
      ready: Promise.resolve(),
      stats: () => ({}),
      close: () => {},
    }) satisfies Bridge;
    bus.attach(bridge);
    assert.equal(bus.health().ok, true);
    bridge.emit('disconnected', new Error('ECONNREFUSED'));
    const { problems } = bus.health();
    assert.deepEqual([problems[0]!.kind, problems[0]!.subject], ['bridge-away', 'nats']);
    assert.match(problems[0]!.message, /^Bridge nats has been disconnected for \d+\.\d s: ECONNREFUSED\.$/);
    bridge.emit('connected');
    assert.equal(bus.health().ok, true);
    for (const [error, said] of [
      ['Connection refused.', ': Connection refused.'],
      ['two\n  lines.\n', ': two lines.'],
      ['', '.'],
    ] as const) {
      bridge.emit('disconnected', new Error(error));
      assert.equal(bus.health().message.replace(/^.* s(?=[:.])/s, ''), said);
    }
  });

  test('counts the times of a restart as people do', () => {
    const connected = { connections: [], cut: { connections: 0, events: 0, last: undefined } };
    const stats = {
      pending: { events: 0, bytes: 0 },
      ring: { heldBy: undefined, stalledMs: 0 },
      bridges: [],
      ...connected,
    };
    const times = [1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 101, 111].map((restarts) => {
      const subscription = { name: 'a', state: 'restarting', restarts } as never;
      return /(\d+\w\w) time/.exec(healthOf({ ...stats, subscriptions: [subscription] }, undefined).message)![1];
    });
    assert.equal(times.join(' '), '1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 101st 111th');
  });
});
