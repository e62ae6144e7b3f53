import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { type Bus, connectBus, createBus, type ModuleOptions, type Subscription } from '../../src/index.js';
import type { Fault } from '../fixtures/workers/faulty.js';
import {
  closeDelivered,
  inlineModule,
  LARGE_TEXT,
  range,
  record,
  SMALL_RING_BYTES,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { covering } from '../support/full.js';
import { SharedLog } from '../support/shared-log.js';

interface Reported extends Error {
  readonly code?: string;
}

/** The error and the end of a subscription that cannot go on. */
async function endOf(subscription: Subscription): Promise<Reported> {
  const reported = once(subscription, 'error');
  await subscription.ended;
  const [error] = await reported;
  return error as Reported;
}

/** Nothing of a dead subscription is left: its reader is free, the ring is nobody's. */
async function assertGone(bus: Bus): Promise<void> {
  assert.deepEqual(bus.stats().subscriptions, []);
  assert.equal(bus.stats().ring.heldBy, undefined);
  const { ids, subscription } = record(bus, '/a');
  for (const id of range(30)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
  await subscription.stop({ drain: true });
  assert.deepEqual(ids, range(30));
}

describe('a subscriber module that cannot be used', { timeout: 600_000 }, () => {
  const cases: readonly [name: string, module: URL, code: string, message: RegExp][] = [
    ['does not exist', new URL('file:///nowhere/at-all.js'), 'BUS_MODULE_LOAD', /nowhere\/at-all/],
    ['does not parse', inlineModule('export default ('), 'BUS_MODULE_LOAD', /does not load/],
    ['throws as it loads', inlineModule('throw new Error("mine")'), 'BUS_MODULE_LOAD', /mine/],
    ['throws a number as it loads', inlineModule('throw 5'), 'BUS_MODULE_LOAD', /does not load: 5$/],
    ['throws a function as it loads', inlineModule('throw () => 7'), 'BUS_MODULE_LOAD', /does not load: \(\) => 7$/],
    ['throws a bare object as it loads', inlineModule('throw { status: 7, f() {} }'), 'BUS_MODULE_LOAD', /status: 7/],
    [
      'throws an object that inherits from Error as it loads',
      inlineModule('throw Object.assign(Object.create(Error.prototype), { message: "mine" })'),
      'BUS_MODULE_LOAD',
      /does not load: mine$/,
    ],
    ['is aborted as it loads', inlineModule('AbortSignal.abort().throwIfAborted()'), 'BUS_MODULE_LOAD', /was aborted$/],
    [
      'throws as its default export is looked at',
      inlineModule('export default { get handle() { throw new Error("mine") } }'),
      'BUS_MODULE_LOAD',
      /does not load: mine$/,
    ],
    ['has no default export', inlineModule('export const handle = () => {}'), 'BUS_MODULE_SHAPE', /default export/],
    ['exports a number', inlineModule('export default 5'), 'BUS_MODULE_SHAPE', /number/],
    ['exports null', inlineModule('export default null'), 'BUS_MODULE_SHAPE', /null/],
    ['has no handle', inlineModule('export default { setup() {} }'), 'BUS_MODULE_SHAPE', /neither/],
    ['has two', inlineModule('export default { handle() {}, handleBatch() {} }'), 'BUS_MODULE_SHAPE', /both/],
    ['has a handle that is no function', inlineModule('export default { handle: 5 }'), 'BUS_MODULE_SHAPE', /handle/],
    [
      'throws in setup',
      inlineModule('export default { setup() { throw new Error("mine") }, handle() {} }'),
      'BUS_WORKER_EXITED',
      /setup failed: mine/,
    ],
    [
      'rejects in setup with something odd',
      inlineModule(
        'export default { async setup() { throw Object.assign(Object.create(null), { f() {} }) }, handle() {} }',
      ),
      'BUS_WORKER_EXITED',
      /setup failed/,
    ],
  ];
  for (const [name, module, code, message] of covering(cases, 2)) {
    test(`because it ${name} reports it, rejects ready and frees its reader`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const subscription = bus.subscribe('/a', module);
      bus.publish('/a', { id: 0 });
      const error = await endOf(subscription);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      await assert.rejects(subscription.ready, { code });
      await assertGone(bus);
    });
  }

  for (const [name, source] of [
    ['throws as it loads', 'throw new RangeError("mine", { cause: () => {} })'],
    ['throws as its default export is looked at', 'export default { get setup() { throw new RangeError("mine") } }'],
  ] as const) {
    test(`because it ${name} tells the cause`, async () => {
      await using bus = createBus();
      const error = await endOf(bus.subscribe('/a', inlineModule(source)));
      assert.equal((error.cause as Error).message, 'mine');
      assert.match(`${(error.cause as Error).stack}`, /RangeError: mine/);
    });
  }

  test('because it does not exist tells the code of the cause', async () => {
    await using bus = createBus();
    const { cause } = await endOf(bus.subscribe('/a', new URL('file:///nowhere/at-all.js')));
    assert.equal((cause as NodeJS.ErrnoException).code, 'ERR_MODULE_NOT_FOUND');
  });

  for (const [where, open] of [
    ['on a bus', (bus: Bus) => bus],
    ['on a connection', (bus: Bus) => connectBus(bus.handle)],
  ] as const) {
    test(`is not active any more for whoever hears that it will never be ready, ${where}`, async () => {
      const bus = createBus();
      const client = open(bus);
      const seen: boolean[] = [];
      const hears = (subscription: Subscription): Promise<void> =>
        subscription.on('error', () => {}).ready.catch(() => void seen.push(subscription.active));
      await hears(client.subscribe('/a', new URL('file:///nowhere/at-all.js')));
      const starting = hears(client.subscribe('/a', inlineModule('export default () => {}')));
      bus.destroy();
      await starting;
      assert.deepEqual(seen, [false, false]);
    });
  }

  test('because a types module does not load in its thread says which', async () => {
    await using bus = createBus({ types: [workerModule('bus-thread-types')] });
    const error = await endOf(bus.subscribe('/a', workerModule('counter')));
    assert.equal(error.code, 'BUS_TYPES_MODULE');
    assert.match(error.message, /bus-thread-types.*not in this thread/);
  });

  test('reports a teardown that throws, after everything was delivered', async () => {
    await using bus = createBus();
    const cells = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule(
      'export default { handle(_, { data }) { Atomics.add(data, 0, 1) }, teardown() { throw new Error("mine") } }',
    );
    const subscription = bus.subscribe('/a', module, { data: cells });
    for (const id of range(5)) bus.publish('/a', { id });
    const reported = once(subscription, 'error');
    await subscription.stop({ drain: true });
    const [error] = await reported;
    assert.equal(error.code, 'BUS_WORKER_EXITED');
    assert.match(error.message, /teardown/);
    assert.equal(cells[0], 5);
  });
});

describe('a handler in a thread', { timeout: 600_000 }, () => {
  const cases = (['throw', 'reject', 'throw odd'] as const).flatMap((fault) =>
    (['cooperative', 'dedicated'] as const).map((loop) => ({ fault, loop })),
  );
  // Not by two or three: each fault, and each loop.
  for (const { fault, loop } of covering(cases, 5)) {
    test(`that fails (${fault}, ${loop}) is reported and counted, and the next event comes`, async () => {
      await using bus = createBus();
      const log = new SharedLog(10);
      const data = { buffer: log.buffer, fault };
      const subscription = bus.subscribe('/a', workerModule('faulty'), { data, loop, name: 'faulty' });
      const reported = once(subscription, 'error');
      for (const id of range(4)) bus.publish('/a', { id });
      const [error] = await reported;
      await closeDelivered(bus);
      assert.equal(error.code, 'BUS_HANDLER_FAILED');
      assert.deepEqual([error.subscription, error.topic, error.sequence], ['faulty', '/a', 1]);
      if (fault !== 'throw odd') assert.ok(error.cause instanceof RangeError);
      if (fault === 'throw') assert.equal(error.cause.code, 'MINE');
      assert.deepEqual(log.values, range(4));
      assert.deepEqual([subscription.stats().delivered, subscription.stats().failed], [3, 1]);
    });
  }
});

describe('a subscriber thread that dies', { timeout: 600_000 }, () => {
  const cases: readonly [fault: Fault, message: RegExp, options?: ModuleOptions][] = [
    ['throw outside', /mine/],
    ['reject outside', /mine/],
    ['exit', /exit code 7/],
    ['heap', /memory/i, { resourceLimits: { maxOldGenerationSizeMb: 32 } }],
  ];
  for (const [fault, message, options] of cases) {
    test(`(${fault}) reports why, frees its reader, and lets a publisher go on that waited for it`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const log = new SharedLog(1_000);
      const other = record(bus, '/a');
      const data = { buffer: log.buffer, fault };
      const subscription = bus.subscribe('/a', workerModule('faulty'), { data, restart: 'never', ...options });
      const ended = endOf(subscription);
      await subscription.ready;
      // More than the ring holds: only its death makes room for the last ones.
      for (const id of range(40)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
      const error = await ended;
      assert.equal(error.code, 'BUS_WORKER_EXITED');
      assert.match(error.message, message);
      assert.deepEqual(log.values, [0, 1]);
      await until(() => other.ids.length === 40);
      assert.deepEqual(other.ids, range(40));
      await other.subscription.stop();
      await assertGone(bus);
    });
  }

  test('before it was made, because the system has none to give, is tried again, and frees its reader', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    // A stack that no address space has room for.
    const resourceLimits = { stackSizeMb: 1e9 };
    const options = { resourceLimits, restart: { maxRestarts: 2, backoffMs: 1 } };
    const subscription = bus.subscribe('/a', workerModule('counter'), options);
    let restarts = 0;
    subscription.on('restart', () => restarts++);
    const ended = endOf(subscription);
    for (const id of range(40)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    const error = await ended;
    assert.equal(error.code, 'BUS_WORKER_EXITED');
    assert.match(
      error.message,
      /^the thread of subscription "subscription-1" ended: no thread could be made .*restarted 2 times/,
    );
    assert.equal(restarts, 2);
    await assertGone(bus);
  });

  test('in a dedicated loop is noticed as well', async () => {
    await using bus = createBus();
    const data = { buffer: new SharedLog(10).buffer, fault: 'exit' };
    const subscription = bus.subscribe('/a', workerModule('faulty'), { data, loop: 'dedicated', restart: 'never' });
    for (const id of range(3)) bus.publish('/a', { id });
    assert.equal((await endOf(subscription)).code, 'BUS_WORKER_EXITED');
    await assertGone(bus);
  });

  test('without a listener is a process warning', async () => {
    await using bus = createBus();
    const warned = once(process, 'warning');
    bus.subscribe('/a', inlineModule('export default () => process.exit(3)'), { restart: 'never' });
    bus.publish('/a', null);
    const [warning] = await warned;
    assert.equal(warning.code, 'BUS_WORKER_EXITED');
  });

  test('while the bus closes does not hold up the close', async () => {
    const bus = createBus();
    const data = { buffer: new SharedLog(10).buffer, fault: 'exit' };
    const subscription = bus.subscribe('/a', workerModule('faulty'), { data, restart: 'never' });
    subscription.on('error', () => {});
    for (const id of range(5)) bus.publish('/a', { id });
    await bus.close();
    await subscription.ended;
  });
});

describe('a module whose Error.prepareStackTrace throws', { timeout: 600_000 }, () => {
  test('fails on each event as its handler throws, and its thread goes on', async () => {
    await using bus = createBus();
    const module = inlineModule(`
      Error.prepareStackTrace = () => { throw new Error('spoilt'); };
      export default ({ event }) => {
        throw new Error('mine ' + event.id, { cause: new Error('below') });
      };`);
    const subscription = bus.subscribe('/a', module, { restart: 'never' });
    const causes: string[] = [];
    subscription.on('error', ({ cause }) => causes.push((cause as Error).message));
    for (const id of range(3)) bus.publish('/a', { id });
    await closeDelivered(bus);
    assert.deepEqual(causes, ['mine 0', 'mine 1', 'mine 2']);
    assert.equal(subscription.stats().failed, 3);
  });
});
