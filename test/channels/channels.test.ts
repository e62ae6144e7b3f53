import assert from 'node:assert/strict';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { threadId } from 'node:worker_threads';
import {
  type Bus,
  type BusOptions,
  type ChannelMessages,
  connectBus,
  createBus,
  type PublishTrace,
  WorkerExitedError,
} from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  inlineModule,
  LARGE_TEXT,
  Latch,
  record,
  SMALL_RING_BYTES,
  until,
} from '../support/bus-scene.js';

const page = readFileSync(new URL('../../../src/channels/README.md', import.meta.url), 'utf8');

/** The names in the cells of a table of the page: of the first column, and of the third. */
function table(pattern: RegExp): ReadonlyMap<string, readonly string[]> {
  const rows = page.split('\n').filter((line) => pattern.test(line));
  const names = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  return new Map(rows.map((row) => [names(row.split('|')[1]!)[0]!, names(row.split('|')[3]!)]));
}

type Message = { readonly bus: EventEmitter; readonly [field: string]: unknown };

const documented = table(/^\| `ringcast:/);
const heard: { readonly name: string; readonly message: Message }[] = [];
const listeners = [...documented.keys()].map((name) => {
  const listener = (message: unknown): void => void heard.push({ name, message: message as Message });
  return { name, listener };
});

/** What was told of a bus on a channel. */
function told<Name extends keyof ChannelMessages>(bus: EventEmitter, name: Name): ChannelMessages[Name][] {
  const messages = heard.filter((entry) => entry.name === name && entry.message.bus === bus);
  return messages.map(({ message }) => message as unknown as ChannelMessages[Name]);
}

const buses: EventEmitter[] = [];
function makeBus(options: BusOptions = {}): Bus {
  const bus = createBus(options);
  buses.push(bus);
  return bus;
}

describe('diagnostics channels', { timeout: 600_000 }, () => {
  before(() => {
    for (const { name, listener } of listeners) subscribe(name, listener);
  });
  after(() => {
    for (const { name, listener } of listeners) unsubscribe(name, listener);
  });

  test('tell of a bus, its subscriptions and their errors', async () => {
    const bus = makeBus({ namespace: 'mine', capacityBytes: SMALL_RING_BYTES });
    assert.deepEqual(told(bus, 'ringcast:bus:created'), [{ bus, capacityBytes: SMALL_RING_BYTES, namespace: 'mine' }]);
    const subscription = bus.subscribe('/a', ({ event }) => {
      if (event === 2) throw new Error('mine');
    });
    subscription.on('error', () => {});
    assert.deepEqual(told(bus, 'ringcast:subscription:started'), [
      { bus, subscription: subscription.name, filter: '/a', thread: 'bus' },
    ]);
    bus.publish('/a', 1);
    bus.publish('/a', 2);
    await closeDelivered(bus);
    const [error] = told(bus, 'ringcast:subscription:error');
    assert.equal((error!.error.cause as Error).message, 'mine');
    assert.deepEqual(told(bus, 'ringcast:subscription:ended'), [
      { bus, subscription: subscription.name, delivered: 1, failed: 1, lagged: 0 },
    ]);
    assert.deepEqual(told(bus, 'ringcast:bus:closed'), [{ bus, undelivered: 0 }]);
  });

  test('tell once that the ring is full, of each refusal, of the eviction, and of what was lost', async () => {
    const bus = makeBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 50 });
    bus.on('evicted', () => {});
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { name: 'stuck' });
    fillRing(bus, '/a');
    bus.publish('/a', 'one more');
    assert.deepEqual(told(bus, 'ringcast:publish:full'), [{ bus, heldBy: 'subscription "stuck"' }]);
    assert.equal(bus.tryPublish('/a', 'refused'), false);
    assert.deepEqual(told(bus, 'ringcast:publish:refused'), [{ bus, topic: '/a' }]);
    await until(() => told(bus, 'ringcast:subscription:evicted').length > 0);
    assert.equal(told(bus, 'ringcast:subscription:evicted')[0]!.subscription, 'stuck');
    const lossy = record(bus, '/b', { delivery: 'lossy', name: 'lossy' });
    await bus.writable();
    for (let id = 0; id < 5_000; id++) bus.publish('/b', { id });
    latch.open();
    await closeDelivered(bus);
    const lagged = told(bus, 'ringcast:subscription:lagged').filter(({ subscription }) => subscription === 'lossy');
    assert.ok(lagged.length > 0);
    assert.equal(
      lagged.reduce((sum, { count }) => sum + count, 0),
      lossy.subscription.stats().lagged,
    );
  });

  test('tell of a thread that is started again, and of the event that it dies of', async () => {
    const bus = makeBus();
    const module = inlineModule('export default () => process.exit(1);');
    bus.subscribe('/a', module, { name: 'mortal', restart: { backoffMs: 0 } });
    const dead = once(bus, 'deadLetter');
    bus.publish('/a', 1);
    await dead;
    await closeDelivered(bus);
    const restarts = told(bus, 'ringcast:subscription:restart');
    assert.ok(restarts.length >= 3);
    assert.match(restarts[0]!.error.message, /exit code 1/);
    const [letter] = told(bus, 'ringcast:dead-letter');
    assert.deepEqual([letter!.subscription, letter!.topic, letter!.sequence, letter!.deaths], ['mortal', '/a', 0, 3]);
  });

  test('tell of connections', async () => {
    const bus = makeBus();
    bus.subscribe('/a', () => {});
    const connection = connectBus(bus.handle, { name: 'here' });
    buses.push(connection);
    connection.publish('/a', 1);
    await connection.close();
    assert.deepEqual(told(bus, 'ringcast:connection:opened'), [{ bus, connection: 'here', threadId }]);
    assert.deepEqual(told(bus, 'ringcast:connection:closed'), [
      { bus, connection: 'here', threadId, reason: 'closed', lost: 0 },
    ]);
    await bus.close();
  });

  test('tell of bridges', async () => {
    const bus = makeBus();
    const members = { name: 'nats', ready: Promise.resolve(), stats: () => ({}), close: () => {} };
    const bridge = Object.assign(new EventEmitter(), members);
    bus.attach(bridge);
    bridge.emit('connected');
    bridge.emit('disconnected', new Error('gone'));
    bridge.emit('gap', { count: 3, reason: 'trimmed' });
    assert.deepEqual(told(bus, 'ringcast:bridge:connected'), [{ bus, bridge: 'nats' }]);
    assert.deepEqual(told(bus, 'ringcast:bridge:disconnected'), [{ bus, bridge: 'nats', reason: 'gone' }]);
    assert.deepEqual(told(bus, 'ringcast:bridge:gap'), [{ bus, bridge: 'nats', count: 3, reason: 'trimmed' }]);
    await bus.close();
  });

  test('tell on a connected thread of its own publishes, its subscriptions, and modules that it has subscribed', async () => {
    const bus = makeBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 50 });
    const connection = connectBus(bus.handle);
    buses.push(connection);
    for (const client of [bus, connection]) client.on('evicted', () => {});
    const latch = new Latch();
    const stuck = connection.subscribe('/a', () => latch.opened, { name: 'stuck' });
    const lossy = connection.subscribe('/b', () => {}, { delivery: 'lossy', name: 'lossy' });
    await Promise.all([stuck.ready, lossy.ready]);
    while (connection.publish('/a', LARGE_TEXT));
    connection.publish('/a', 'one more');
    assert.deepEqual(told(connection, 'ringcast:publish:full'), [
      { bus: connection, heldBy: 'the thread that owns the bus' },
    ]);
    assert.equal(connection.tryPublish('/a', 'refused'), false);
    assert.deepEqual(told(connection, 'ringcast:publish:refused'), [{ bus: connection, topic: '/a' }]);
    await until(() => told(connection, 'ringcast:subscription:evicted').length > 0);
    await connection.writable();
    assert.equal(told(connection, 'ringcast:publish:full').length, 1);
    while (connection.publish('/b', LARGE_TEXT));
    assert.equal(told(connection, 'ringcast:publish:full').length, 2);
    latch.open();
    await connection.writable();
    // The bus's own are written without a turn of the loop between them: more than the ring holds.
    for (let id = 0; id < 500; id++) bus.publish('/b', LARGE_TEXT);
    await until(() =>
      told(connection, 'ringcast:subscription:lagged').some(({ subscription }) => subscription === 'lossy'),
    );
    const failing = connection.subscribe('/c', () => Promise.reject(new Error('mine')));
    failing.on('error', () => {});
    const module = inlineModule('export default () => process.exit(1);');
    connection.subscribe('/d', module, { name: 'mortal', restart: { backoffMs: 0 } });
    const dead = once(connection, 'deadLetter');
    connection.publish('/c', 1);
    connection.publish('/d', 1);
    const [report] = await dead;
    assert.deepEqual([report.subscription, report.topic, report.deaths], ['mortal', '/d', 3]);
    assert.ok(report.error instanceof WorkerExitedError);
    await connection.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
    await bus.close();
    const all = [...documented.keys()].filter((name) => !/^ringcast:(bus|connection|bridge):/.test(name));
    assert.deepEqual(
      all.filter((name) => told(connection, name as keyof ChannelMessages).length === 0),
      [],
    );
    // Each of these is one thing that happened, told here once.
    for (const name of ['ringcast:dead-letter', 'ringcast:subscription:evicted'] as const) {
      assert.equal(told(connection, name).length, 1, name);
    }
  });

  test('were all sent, with the fields that the table names, and no others are opened', () => {
    assert.ok(documented.size > 10);
    const sent = new Map(heard.map(({ name, message }) => [name, Object.keys(message)]));
    assert.deepEqual(sent, new Map([...documented.keys()].map((name) => [name, sent.get(name)])));
    for (const { name, message } of heard) {
      assert.ok(buses.includes(message.bus) || name === 'ringcast:bus:created', name);
      assert.deepEqual(Object.keys(message).sort(), [...documented.get(name)!].sort(), name);
    }
    const source = readFileSync(new URL('../../../src/channels/channels.ts', import.meta.url), 'utf8');
    const opened = [...source.matchAll(/open\('([^']+)'\)/g)].map(([, name]) => name);
    assert.deepEqual(opened, [...documented.keys()]);
  });
});

interface Traced {
  readonly name: string;
  readonly message: Record<string, unknown>;
}

/** Listens to all channels of a TracingChannel while `act` runs. */
async function traced(name: string, act: () => unknown, onStart = (_: object): void => {}): Promise<Traced[]> {
  const seen: Traced[] = [];
  const listen =
    (event: string) =>
    (message: object): void => {
      if (event === 'start') onStart(message);
      seen.push({ name: event, message: { ...message } });
    };
  const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
  const subscribers = Object.fromEntries(events.map((event) => [event, listen(event)])) as never;
  const channel = tracingChannel(name);
  channel.subscribe(subscribers);
  try {
    await act();
  } finally {
    channel.unsubscribe(subscribers);
  }
  return seen;
}

const tracingFields = table(/^\| `ringcast\./);

function checkFields(name: string, traces: readonly Traced[]): void {
  for (const { message } of traces) {
    for (const field of Object.keys(message)) assert.ok(tracingFields.get(name)!.includes(field), `${name} ${field}`);
  }
}

describe('tracing channels', { timeout: 600_000 }, () => {
  test('tell of each publish, what it returned, and what it threw', async () => {
    await using bus = createBus();
    bus.subscribe('/a', () => {});
    const traces = await traced('ringcast.publish', () => {
      bus.publish('/a', 1);
      bus.tryPublish('/a', 2);
      bus.publishSync('/a', 3, { timeoutMs: 5 });
      assert.throws(() => bus.publish('/a', undefined as never), { code: 'BUS_INVALID_EVENT' });
      assert.throws(() => bus.publish('/a', 1, { nothing: 1 } as never), { code: 'BUS_UNKNOWN_OPTION' });
      assert.throws(() => bus.publish('/a', 1, null as never), { code: 'BUS_INVALID_OPTION' });
    });
    bus.publish('/a', 4);
    checkFields('ringcast.publish', traces);
    const ends = traces.filter(({ name }) => name === 'end').map(({ message }) => message);
    assert.deepEqual(
      ends.map(({ operation, event, result, error }) => [operation, event, result, (error as { code: string })?.code]),
      [
        ['publish', 1, true, undefined],
        ['tryPublish', 2, true, undefined],
        ['publishSync', 3, undefined, undefined],
        ['publish', undefined, undefined, 'BUS_INVALID_EVENT'],
        ['publish', 1, undefined, 'BUS_UNKNOWN_OPTION'],
        ['publish', 1, undefined, 'BUS_INVALID_OPTION'],
      ],
    );
    assert.equal(traces.filter(({ name }) => name === 'start').length, 6);
    assert.equal(traces.filter(({ name }) => name === 'error').length, 3);
  });

  test('let a listener give an event its trace context, in the place of another', async () => {
    await using bus = createBus();
    const seen: (string | undefined)[] = [];
    bus.subscribe('/a', ({ traceparent }) => void seen.push(traceparent));
    const [given, set] = ['1', '2'].map((id) => `00-${id.repeat(32)}-${id.repeat(16)}-01`);
    await traced(
      'ringcast.publish',
      () => {
        bus.publish('/a', 1);
        bus.publishSync('/a', 2, { traceparent: given });
      },
      (message) => {
        const trace = message as PublishTrace;
        seen.push(trace.traceparent);
        trace.traceparent = set;
      },
    );
    bus.publish('/a', 3);
    await closeDelivered(bus);
    assert.deepEqual(seen, [undefined, given, set, set, undefined]);
  });

  test('tell of each handler, whether it is pending, and what it throws, and change nothing of it', async () => {
    const bus = createBus();
    const errors: unknown[] = [];
    const gate = new Latch();
    const subscription = bus.subscribe(
      '/a',
      ({ event }) => {
        if (event === 'throw') throw new Error('thrown');
        if (event === 'reject') return Promise.reject(new Error('rejected'));
        return event === 'wait' ? gate.opened : undefined;
      },
      { name: 'here' },
    );
    subscription.on('error', (error) => errors.push((error.cause as Error).message));
    const traces = await traced('ringcast.handle', async () => {
      for (const event of ['return', 'throw', 'wait', 'reject']) bus.publish('/a', event);
      await until(() => subscription.stats().delivered === 1 && errors.length === 1);
      gate.open();
      await closeDelivered(bus);
    });
    checkFields('ringcast.handle', traces);
    assert.deepEqual(errors, ['thrown', 'rejected']);
    assert.deepEqual([subscription.stats().delivered, subscription.stats().failed], [2, 2]);
    assert.deepEqual(
      traces.map(({ name, message }) => [
        name,
        (message.envelopes as [{ event: unknown }])[0].event,
        message.isPending,
      ]),
      [
        ['start', 'return', false],
        ['end', 'return', false],
        ['start', 'throw', false],
        ['error', 'throw', false],
        ['end', 'throw', false],
        ['start', 'wait', false],
        ['end', 'wait', true],
        ['asyncStart', 'wait', true],
        ['asyncEnd', 'wait', true],
        ['start', 'reject', false],
        ['end', 'reject', true],
        ['error', 'reject', true],
        ['asyncStart', 'reject', true],
        ['asyncEnd', 'reject', true],
      ],
    );
    for (const { message } of traces) assert.deepEqual([message.bus, message.subscription], [bus, 'here']);
  });

  test('run a handler within what a listener puts around it', async () => {
    await using bus = createBus();
    const order: string[] = [];
    bus.subscribe('/a', () => void order.push('handler'));
    await traced(
      'ringcast.handle',
      async () => {
        bus.publish('/a', 1);
        await closeDelivered(bus);
      },
      (message) =>
        Object.assign(message, {
          around: (handle: () => unknown) => {
            order.push('before');
            const result = handle();
            order.push('after');
            return result;
          },
        }),
    );
    assert.deepEqual(order, ['before', 'handler', 'after']);
  });

  for (const handler of ['handle', 'handleBatch']) {
    test(`tell of ${handler} on the thread where it runs`, async () => {
      await using bus = createBus();
      const counts = new Int32Array(new SharedArrayBuffer(16));
      const module = inlineModule(`
        import { tracingChannel } from 'node:diagnostics_channel';
        export default {
          setup({ data }) {
            tracingChannel('ringcast.handle').subscribe({
              start({ bus, subscription, envelopes }) {
                if (bus === undefined && subscription === 'there') Atomics.add(data, 0, envelopes.length);
              },
              asyncEnd({ isPending }) { if (isPending) Atomics.add(data, 1, 1); },
            });
          },
          async ${handler}() {},
        };`);
      const subscription = bus.subscribe('/a', module, { name: 'there', data: counts });
      await subscription.ready;
      const here = await traced('ringcast.handle', async () => {
        bus.publish('/a', 1);
        await closeDelivered(bus);
      });
      assert.deepEqual([...counts.subarray(0, 2), here.length], [1, 1, 0]);
    });
  }
});
