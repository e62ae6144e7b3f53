/** Modules that connections subscribe: started and supervised by the owner, told of on the connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { SHARE_ENV } from 'node:worker_threads';
import {
  type Bus,
  type BusConnection,
  connectBus,
  createBus,
  HandlerError,
  ModuleLoadError,
  SubscriptionEvictedError,
  type SubscriptionStats,
  TooManyReadersError,
  WorkerExitedError,
} from '../../src/index.js';
import { inlineModule, LARGE_TEXT, Latch, range, SMALL_RING_BYTES, takenSlots, until } from '../support/bus-scene.js';
import { Log, RECORDING, WAITING } from '../support/recording-module.js';
import { ScriptedThread } from '../support/scripted-thread.js';

/** A bus, and a connection to it. */
function connected(options: Parameters<typeof createBus>[0] = {}): { bus: Bus; connection: BusConnection } {
  const bus = createBus(options);
  return { bus, connection: connectBus(bus.handle, { name: 'here' }) };
}

/** What the owner says of a subscription. */
function seenBy(bus: Bus, name: string): SubscriptionStats | undefined {
  return bus.stats().subscriptions.find((each) => each.name === name);
}

describe('a module that a connection subscribes', () => {
  test('begins, changes its filter and ends in the order of what its thread publishes', async () => {
    const { bus, connection } = connected();
    const log = new Log();
    connection.publish('/a', { id: 0 });
    const subscription = connection.subscribe('/a', RECORDING, { data: log.cells });
    connection.publish('/a', { id: 1 });
    await subscription.ready;
    bus.publish('/a', { id: 2 });
    await until(() => log.ids.length === 2);
    connection.publish('/a', { id: 3 });
    subscription.setFilter('/b');
    assert.equal(subscription.filter, '/b');
    connection.publish('/a', { id: 4 });
    connection.publish('/b', { id: 5 });
    const ended = subscription.stop({ drain: true });
    connection.publish('/b', { id: 6 });
    await ended;
    assert.deepEqual(log.ids, [1, 2, 3, 5]);
    const { delivered, state, thread } = subscription.stats();
    assert.deepEqual({ delivered, state, thread }, { delivered: 4, state: 'ended', thread: 'own' });
    assert.equal(takenSlots(bus), 0);
    await connection.close();
    await bus.close();
  });

  test('counts the same on both sides, under one name, with that of its connection', async () => {
    const { bus, connection } = connected();
    const log = new Log();
    const subscription = connection.subscribe('/a', RECORDING, { data: log.cells });
    for (const id of range(100)) connection.publish('/a', { id });
    await subscription.ready;
    await until(() => subscription.stats().delivered === 100 && subscription.stats().asleep);
    const stats = subscription.stats();
    assert.deepEqual(stats, seenBy(bus, 'subscription-1'));
    assert.equal(stats.connection, 'here');
    assert.equal(stats.state, 'reading');
    assert.deepEqual(connection.stats().subscriptions, [stats]);
    assert.deepEqual(await connection.close(), { undelivered: 0 });
    assert.equal(subscription.stats().delivered, 100);
    assert.deepEqual(bus.stats().subscriptions, []);
    await bus.close();
  });

  test('gets each event once while its thread dies and is started again, and the one that kills it never', async () => {
    const { bus, connection } = connected();
    const log = new Log();
    const module = inlineModule(`export default ({ event }, { data }) => {
      if (event.id === 3) process.exit(7);
      data[1 + Atomics.load(data, 0)] = event.id;
      Atomics.add(data, 0, 1);
    }`);
    const restarts: Error[] = [];
    const dead = once(bus, 'deadLetter');
    const subscription = connection.subscribe('/a', module, { data: log.cells, restart: { backoffMs: 0 }, name: 'x' });
    subscription.on('restart', (error) => restarts.push(error));
    for (const id of range(10)) connection.publish('/a', { id });
    const [report] = await dead;
    assert.equal(report.subscription, 'x');
    await until(() => log.ids.length === 9 && subscription.stats().state === 'reading' && subscription.stats().asleep);
    assert.deepEqual(log.ids, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    for (const error of restarts) {
      assert.ok(error instanceof WorkerExitedError);
      assert.match(error.message, /exit code 7/);
    }
    const stats = subscription.stats();
    assert.ok(restarts.length >= 3);
    assert.deepEqual([stats.restarts, stats.deadLetters], [restarts.length, 1]);
    assert.deepEqual(stats, seenBy(bus, 'x'));
    await bus.close();
    await subscription.ended;
    assert.equal(subscription.stats().restarts, restarts.length);
  });

  test('tells of its failures with their class, their code and their cause', async () => {
    const { bus, connection } = connected();
    const broken = connection.subscribe(
      '/a',
      inlineModule(`export default {
      setup() { throw new RangeError('no such table'); }, handle() {},
    }`),
    );
    const told = once(broken, 'error') as Promise<[WorkerExitedError]>;
    const isOwn = (error: unknown): boolean =>
      error instanceof WorkerExitedError &&
      error.code === 'BUS_WORKER_EXITED' &&
      error.cause instanceof RangeError &&
      /no such table/.test(error.message);
    await assert.rejects(broken.ready, isOwn);
    assert.ok(isOwn((await told)[0]));
    await broken.ended;
    assert.equal(broken.stats().state, 'ended');
    assert.throws(() => broken.setFilter('/b'), { code: 'BUS_SUBSCRIPTION_ENDED' });

    // Unheard on the subscription, the connection is told.
    const missing = once(connection, 'error') as Promise<[ModuleLoadError]>;
    const unheard = connection.subscribe('/a', new URL('./no-such-module.js', import.meta.url));
    await assert.rejects(unheard.ready, { code: 'BUS_MODULE_LOAD' });
    const [loadError] = await missing;
    assert.ok(loadError instanceof ModuleLoadError);
    assert.match(loadError.url, /no-such-module/);

    const faulty = connection.subscribe('/a', inlineModule(`export default () => { throw new TypeError('odd'); }`));
    const failure = once(faulty, 'error') as Promise<[HandlerError]>;
    connection.publish('/a', { id: 1 });
    const [error] = await failure;
    assert.ok(error instanceof HandlerError);
    assert.deepEqual([error.topic, error.name, error.subscription], ['/a', 'HandlerError', faulty.name]);
    assert.ok(error.cause instanceof TypeError);
    await faulty.stop({ drain: true });
    assert.equal(faulty.stats().failed, 1);
    assert.equal(takenSlots(bus), 0);
    await bus.close();
  });

  test('is denied what only the owner can know, and leaves nothing behind', async () => {
    const { bus, connection } = connected();
    const streams = range(64).map(() => bus.subscribe('/slots'));
    const denied = connection.subscribe('/a', RECORDING, { data: new Log().cells });
    const told = once(denied, 'error');
    await assert.rejects(denied.ready, (error: unknown) => {
      assert.ok(error instanceof TooManyReadersError);
      assert.equal(error.maxReaders, 64);
      return true;
    });
    assert.equal((await told)[0].code, 'BUS_TOO_MANY_READERS');
    await denied.ended;
    for (const stream of streams) void stream.stop();
    // Nobody wants it any more, the denied module neither.
    connection.publish('/a', { id: 1 });
    await until(() => connection.stats().unwanted + bus.stats().unwanted > 0);
    await connection.close();
    await bus.close();
  });

  test('is refused where neither uplink nor heap has room, and leaves nothing behind', async () => {
    const { bus, connection } = connected({ capacityBytes: SMALL_RING_BYTES, maxPendingBytes: SMALL_RING_BYTES });
    const latch = new Latch();
    bus.subscribe('/f', () => latch.opened);
    await until(() => bus.stats().connections.length === 1);
    const fill = (text: string): void => {
      for (;;) connection.publish('/f', text);
    };
    // The smallest that fits as well: what is left then is less than a hundred bytes.
    for (const size of [7_000, 500, 0]) assert.throws(() => fill('x'.repeat(size)), { code: 'BUS_QUEUE_FULL' });
    const offered: number[] = [];
    const { link } = connection.parts;
    const { offer } = link;
    link.offer = (given) => {
      offered.push(given.key);
      offer.call(link, given);
    };
    const accepted: string[] = [];
    for (let refused = 0; refused < 3; ) {
      try {
        accepted.push(connection.subscribe('/a', RECORDING, { data: new Log().cells }).name);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUS_QUEUE_FULL');
        refused++;
      }
    }
    assert.equal(offered.length, accepted.length);
    assert.deepEqual(
      connection.stats().subscriptions.map(({ name }) => name),
      accepted,
    );
    latch.open();
    await connection.writable();
    const log = new Log();
    const asked = connection.subscribe('/a', RECORDING, { data: log.cells });
    await asked.ready;
    connection.publish('/a', { id: 1 });
    await until(() => log.ids.length === 1);
    assert.equal(bus.stats().subscriptions.length, 2 + accepted.length);
    await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
  });

  test('is refused at once what cannot cross, and nothing is sent', async () => {
    const { bus, connection } = connected();
    await until(() => bus.stats().connections.length === 1);
    const buffer = new ArrayBuffer(8);
    const given: [string, object][] = [
      ['env', { env: SHARE_ENV }],
      ['transferList', { data: buffer, transferList: [buffer], restart: 'never' }],
      ['data', { data: () => {} }],
      ['data', { data: new MessageChannel().port1 }],
      ['loop', { loop: 'idle' }],
    ];
    for (const [option, options] of given) {
      assert.throws(() => connection.subscribe('/a', RECORDING, options), { code: 'BUS_INVALID_OPTION', option });
    }
    assert.equal(buffer.byteLength, 8);
    assert.throws(() => connection.subscribe('/a', RECORDING, { many: 1 } as object), { code: 'BUS_UNKNOWN_OPTION' });
    assert.throws(() => connection.subscribe('/a/[', RECORDING), { code: 'BUS_INVALID_GLOB' });
    assert.throws(() => connection.subscribe('/a', RECORDING, { exceptOrigins: [''] }), { code: 'BUS_INVALID_ORIGIN' });
    assert.deepEqual(connection.stats().subscriptions, []);
    assert.equal(connection.stats().uplink.usedBytes, 0);
    await bus.close();
  });

  test('has its options: replay, the environment of its thread, arguments, a loop of its own', async () => {
    const { bus, connection } = connected({ keepUnwanted: true });
    const log = new Log();
    for (const id of range(5)) bus.publish('/a', { id });
    process.env.RINGCAST_TEST_OF_MODULES = '42';
    const module = inlineModule(`export default {
      setup({ data }) { data[1] = Number(process.env.RINGCAST_TEST_OF_MODULES); data[2] = Number(process.argv[2]); data[0] = 2; },
      handle({ event }, { data }) { data[1 + data[0]] = event.id; Atomics.add(data, 0, 1); },
    }`);
    const options = { data: log.cells, from: { last: 2 }, argv: ['43'], loop: 'dedicated' } as const;
    const subscription = connection.subscribe('/a', module, options);
    delete process.env.RINGCAST_TEST_OF_MODULES;
    connection.publish('/a', { id: 5 });
    await subscription.stop({ drain: true });
    assert.deepEqual(log.ids, [42, 43, 3, 4, 5]);
    await bus.close();
  });

  test('hands what its threads print to its subscription on the connection, over restarts, to the last line', async () => {
    const { bus, connection } = connected();
    const source = `
      export default ({ event }) => {
        process.stdout.write('out ' + event + '\\n');
        process.stderr.write('err ' + event + '\\n');
        if (event === 2) process.exit(1);
      };`;
    const options = { stdout: true, stderr: true, restart: { backoffMs: 0 } };
    const subscription = connection.subscribe('/a', inlineModule(source), options);
    const printed = Promise.all([text(subscription.stdout!), text(subscription.stderr!)]);
    for (const id of [1, 2, 3]) connection.publish('/a', id);
    await subscription.stop({ drain: true });
    const [out, err] = await printed;
    // What a thread prints right before it exits may be lost with it.
    assert.match(out, /^out 1\n(out 2\n)*out 3\n$/);
    assert.match(err, /^err 1\n(err 2\n)*err 3\n$/);
    const quiet = inlineModule(`export default ({ event }) => console.log('out', event);`);
    const destroyed = connection.subscribe('/b', quiet, { stdout: true });
    assert.equal(destroyed.stderr, undefined);
    destroyed.stdout!.destroy();
    connection.publish('/b', 1);
    await destroyed.stop({ drain: true });
    assert.equal(destroyed.stats().delivered, 1);
    const open = connection.subscribe('/c', quiet, { stdout: true });
    const ended = text(open.stdout!);
    await open.ready;
    connection.publish('/c', 1);
    // With the last words of the module, which come before its end.
    await connection.close();
    assert.equal(await ended, 'out 1\n');
    await bus.close();
  });

  test('that holds up a publisher is evicted, and told so, and of what it missed', async () => {
    const { bus, connection } = connected({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const subscription = connection.subscribe('/a', WAITING, { data: gate });
    await subscription.ready;
    const evicted = once(subscription, 'evicted');
    const lagged = once(subscription, 'lagged');
    let published = 0;
    while (!seenBy(bus, subscription.name)!.evicted) {
      if (!bus.publish('/a', { id: published++, text: LARGE_TEXT })) await bus.writable();
    }
    const [error] = await evicted;
    assert.ok(error instanceof SubscriptionEvictedError);
    assert.match(error.message, /"subscription-1" of connection "here"/);
    for (const id of range(20)) bus.publish('/a', { id, text: LARGE_TEXT });
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await lagged;
    await until(() => subscription.stats().asleep);
    assert.deepEqual(subscription.stats(), seenBy(bus, subscription.name));
    await subscription.stop({ drain: true });
    const { delivered, lagged: count, evicted: was } = subscription.stats();
    assert.equal(delivered + count, published + 20);
    assert.ok(was);
    await bus.close();
  });

  test('is asked for behind what its options subscribe while they are read', async () => {
    const { bus, connection } = connected();
    const logs = [new Log(), new Log()] as const;
    const data = {
      get cells() {
        connection.subscribe('/a', RECORDING, { data: logs[0].cells });
        return logs[1].cells;
      },
    };
    const module = inlineModule(`export default ({ event }, { data: { cells } }) => {
      cells[1] = event.id;
      Atomics.add(cells, 0, 1);
    }`);
    connection.subscribe('/a', module, { data });
    connection.publish('/a', { id: 7 });
    await connection.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    assert.deepEqual(
      logs.map(({ ids }) => ids),
      [[7], [7]],
    );
    await bus.close();
  });

  test('ends by its signal, also before the owner has heard of it', async () => {
    const { bus, connection } = connected();
    const data = new Log().cells;
    const aborted = connection.subscribe('/a', RECORDING, { data, signal: AbortSignal.abort() });
    assert.equal(aborted.active, false);
    const controller = new AbortController();
    const subscription = connection.subscribe('/a', RECORDING, { data, signal: controller.signal });
    await subscription.ready;
    controller.abort();
    assert.equal(subscription.active, false);
    await Promise.all([aborted.ended, subscription.ended]);
    assert.equal(takenSlots(bus), 0);
    await bus.close();
  });

  test('has delivered what was accepted when its connection, or the bus, is closed', async () => {
    for (const side of ['connection', 'bus'] as const) {
      const { bus, connection } = connected();
      const log = new Log();
      const subscription = connection.subscribe('/a', RECORDING, { data: log.cells });
      for (const id of range(1_000)) connection.publish('/a', { id });
      const result = await { bus, connection }[side].close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
      assert.deepEqual(result, { undelivered: 0 });
      assert.deepEqual(log.ids, range(1_000));
      await subscription.ended;
      assert.equal(subscription.stats().delivered, 1_000);
      await bus.close();
    }
  });

  test('is counted in what a bus that is closed at once has not delivered', async () => {
    const { bus, connection } = connected();
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const subscription = connection.subscribe('/a', WAITING, { data: gate });
    await subscription.ready;
    for (const id of range(10)) bus.publish('/a', { id });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 0 }), { undelivered: 10 });
    await subscription.ended;
  });

  test('ends with the thread that subscribed it: its thread and its slot come back, and errors go to the bus', async () => {
    const bus = createBus();
    const errors: Error[] = [];
    bus.on('error', (error) => errors.push(error));
    const module = inlineModule(`export default {
      handle() {},
      teardown() { throw new Error('cannot tear down'); },
    }`);
    const body = `
      const bus = ringcast.connectBus(data.bus, { name: 'mortal' });
      const subscription = bus.subscribe('/a', new URL(data.module), { name: 'orphan' });
      await subscription.ready;
      parentPort.once('message', () => { throw new Error('by itself'); });
      say('ready');
    `;
    for (const end of ['terminated', 'throws'] as const) {
      const thread = new ScriptedThread(body, { bus: bus.handle, module: module.href });
      await thread.said();
      assert.equal(seenBy(bus, 'orphan')?.connection, 'mortal');
      if (end === 'terminated') await thread.worker.terminate();
      else thread.worker.postMessage('end');
      await until(() => bus.stats().subscriptions.length === 0);
      await until(() => bus.stats().connections.length === 0);
      assert.equal(takenSlots(bus), 0);
    }
    assert.equal(errors.length, 2);
    for (const { message } of errors) assert.match(message, /its teardown failed/);
    await bus.close();
  });

  test('holds its thread open, unless it is told not to, and never that of the bus', async () => {
    const bus = createBus();
    const data = new Log().cells;
    const run = (then: string): ScriptedThread =>
      new ScriptedThread(
        `const bus = ringcast.connectBus(data.bus);
        const subscription = bus.subscribe('/a', new URL(data.module), { data: data.log, name: 'open' });
        await subscription.ready; say('ready'); ${then}`,
        { bus: bus.handle, module: RECORDING.href, log: data },
      );
    const open = run('');
    const free = run('subscription.unref();');
    // The owner of a bus, and a connection to it, in one thread.
    const owner = new ScriptedThread(
      `const bus = ringcast.connectBus(ringcast.createBus().handle);
      const subscription = bus.subscribe('/a', new URL(data.module));
      await subscription.ready;
      subscription.unref();`,
      { module: inlineModule('export default () => {}').href },
    );
    assert.equal(await owner.ended, 0);
    await Promise.all([open.said(), free.said()]);
    assert.equal(await free.ended, 0);
    await until(() => bus.stats().subscriptions.length === 1);
    await bus.close();
    assert.equal(await open.ended, 0);
  });

  test('subscribes modules itself, by its bus', async () => {
    const { bus, connection } = connected();
    const log = new Log();
    const outer = inlineModule(`export default {
      setup({ bus, data }) { bus.subscribe('/inner', new URL(data.inner), { data: data.log, name: 'inner' }); },
      handle({ event }, { bus }) { bus.publish('/inner', event); },
    }`);
    const subscription = connection.subscribe('/outer', outer, { data: { inner: RECORDING.href, log: log.cells } });
    for (const id of range(50)) connection.publish('/outer', { id });
    await until(() => log.ids.length === 50);
    assert.deepEqual(log.ids, range(50));
    await subscription.stop({ drain: true });
    await until(() => bus.stats().subscriptions.length === 0);
    await bus.close();
  });
});
