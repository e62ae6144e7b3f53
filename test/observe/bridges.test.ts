import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import {
  type Bridge,
  type BridgeEvents,
  type BridgeGap,
  type BridgeReport,
  type BridgeStats,
  type Bus,
  createBus,
} from '../../src/index.js';
import { closeDelivered, Latch, thrownBy, until } from '../support/bus-scene.js';

class StubBridge extends EventEmitter<BridgeEvents> implements Bridge {
  readonly opened = new Latch();
  readonly ready: Promise<unknown> = this.opened.opened;
  closes = 0;
  counts: () => Readonly<Record<string, number>> = () => ({ sent: 3 });
  onClose: () => unknown = () => {};

  constructor(readonly name = 'stub') {
    super();
  }

  stats(): Readonly<Record<string, number>> {
    return this.counts();
  }

  close(): unknown {
    this.closes++;
    return this.onClose();
  }
}

function fail(): never {
  throw new Error('no');
}

function collectReports(bus: Bus, filter = '/ringcast/bridge/*'): BridgeReport[] {
  const reports: BridgeReport[] = [];
  bus.subscribe(filter, ({ event }) => void reports.push(event as BridgeReport));
  return reports;
}

describe('a bridge', { timeout: 600_000 }, () => {
  test('shows in stats with its state, its gaps and what it counts, until it is detached', async () => {
    await using bus = createBus();
    const bridge = new StubBridge();
    const attachment = bus.attach(bridge);
    assert.equal(attachment.topic, '/ringcast/bridge/stub');
    const look = (): unknown[] => bus.stats().bridges.map((stats) => ({ ...stats, stateMs: stats.stateMs >= 0 }));
    const expected = {
      name: 'stub',
      state: 'connecting',
      stateMs: true,
      gaps: 0,
      lost: 0,
      error: undefined,
      counts: { sent: 3 },
    };
    assert.deepEqual(look(), [expected]);
    bridge.opened.open();
    await bridge.ready;
    await until(() => bus.stats().bridges[0]!.state === 'connected');
    bridge.emit('gap', { count: 4, reason: 'trimmed' });
    bridge.emit('gap', { count: undefined, reason: 'restarted' });
    bridge.emit('disconnected', new Error('gone'));
    assert.deepEqual(look(), [{ ...expected, state: 'disconnected', gaps: 2, lost: 4, error: 'gone' }]);
    bridge.emit('connected');
    assert.deepEqual(look(), [{ ...expected, state: 'connected', gaps: 2, lost: 4 }]);
    attachment.detach();
    attachment.detach();
    assert.deepEqual(look(), []);
    assert.equal(bridge.listenerCount('gap') + bridge.listenerCount('connected'), 0);
    await bus.close();
    assert.equal(bridge.closes, 0);
  });

  test('whose stats() throw is shown without counts, and says why', async () => {
    await using bus = createBus();
    const bridge = new StubBridge();
    bridge.counts = () => {
      throw new Error('not now');
    };
    bus.attach(bridge);
    const [shown] = bus.stats().bridges;
    assert.deepEqual(shown!.counts, {});
    assert.match(shown!.error!, /stats\(\) threw: .*not now/);
  });

  test('is published about on its topic, and publishes there itself; nobody else may', async () => {
    await using bus = createBus();
    const reports = collectReports(bus);
    const bridge = new StubBridge('mine');
    const attachment = bus.attach(bridge);
    bridge.emit('connected');
    bridge.emit('gap', { count: 2, reason: 'trimmed' });
    bridge.emit('disconnected', new Error('gone'));
    bridge.emit('disconnected');
    assert.equal(attachment.report({ kind: 'own', bytes: 5 }), true);
    const refused = thrownBy(() => bus.publish('/ringcast/bridge/mine', { kind: 'gap' }));
    assert.equal(refused.code, 'BUS_INVALID_TOPIC');
    await closeDelivered(bus);
    assert.deepEqual(reports, [
      { kind: 'connected' },
      { kind: 'gap', count: 2, reason: 'trimmed' },
      { kind: 'disconnected', reason: 'gone' },
      { kind: 'disconnected', reason: 'no reason was given' },
      { kind: 'own', bytes: 5 },
    ]);
    assert.equal(thrownBy(() => attachment.report(1)).code, 'BUS_CLOSED');
  });

  test('reports to nobody where nobody subscribes', async () => {
    await using bus = createBus();
    const attachment = bus.attach(new StubBridge());
    assert.equal(attachment.report({ kind: 'own' }), false);
    assert.equal(bus.stats().written, 0);
    attachment.detach();
    assert.equal(thrownBy(() => attachment.report({ kind: 'own' })).code, 'BUS_CLOSED');
  });

  test('is closed with the bus, which waits for it', async () => {
    const bus = createBus();
    const bridge = new StubBridge();
    bus.attach(bridge);
    const sent = new Latch();
    bridge.onClose = () => sent.opened;
    let closed = false;
    const closing = bus.close().then((result) => {
      closed = true;
      return result;
    });
    await until(() => bridge.closes === 1);
    assert.equal(bus.stats().bridges[0]!.state, 'closing');
    // What ends because it is closed is not away.
    bridge.emit('disconnected', new Error('as asked'));
    assert.equal(bus.stats().bridges[0]!.error, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(closed, false);
    sent.open();
    assert.deepEqual(await closing, { undelivered: 0 });
    assert.deepEqual(bus.stats().bridges, []);
  });

  test('sends what its subscription still gets while the bus closes', async () => {
    const bus = createBus();
    const out: unknown[] = [];
    const bridge = new StubBridge();
    const subscription = bus.subscribe('/**', ({ event }) => void out.push(event));
    bridge.onClose = () => subscription.stop({ drain: true });
    bus.attach(bridge);
    for (let id = 0; id < 10; id++) bus.publish('/a', id);
    await closeDelivered(bus);
    assert.deepEqual(out, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('that does not end is given up at the deadline, and one that fails is reported', async () => {
    const bus = createBus();
    const [hanging, failing] = [new StubBridge('hanging'), new StubBridge('failing')];
    hanging.onClose = () => new Promise(() => {});
    failing.onClose = () => {
      throw new Error('cannot close');
    };
    bus.attach(hanging);
    bus.attach(failing);
    const told = once(bus, 'error') as Promise<[Error]>;
    // `once` listens to errors as failures of its own wait.
    const error = told.catch((thrown: unknown) => [thrown as Error]);
    await bus.close({ drainTimeoutMs: 50 });
    assert.equal((await error)[0]!.message, 'cannot close');
    assert.deepEqual(
      bus.stats().bridges.map(({ name, state }) => [name, state]),
      [['hanging', 'closing']],
    );
  });

  test('that fails in any other way as it is closed does not keep the bus from closing', async () => {
    const unreadable = new Proxy(() => {}, { get: fail, getPrototypeOf: fail });
    const closings: Record<string, (bridge: StubBridge) => void> = {
      'rejects with what cannot be looked at': (bridge) => {
        bridge.onClose = () => Promise.reject(unreadable);
      },
      'throws what cannot be looked at': (bridge) => {
        bridge.onClose = () => {
          throw unreadable;
        };
      },
      'has an off that throws': (bridge) => {
        bridge.off = fail;
      },
    };
    for (const [how, spoil] of Object.entries(closings)) {
      const bus = createBus();
      const errors: Error[] = [];
      bus.on('error', (error) => errors.push(error));
      const bridge = new StubBridge();
      bus.attach(bridge);
      spoil(bridge);
      assert.deepEqual(await bus.close(), { undelivered: 0 }, how);
      assert.deepEqual(bus.stats().bridges, [], how);
      assert.equal(errors.length, 1, how);
    }
  });

  test('that tells nonsense is understood as far as it can be, and never fails for it', async () => {
    await using bus = createBus();
    const bridge = new StubBridge();
    bus.attach(bridge);
    const gaps: unknown[] = [
      { count: 5n, reason: 'big' },
      { count: '5', reason: 'text' },
      { count: Number.POSITIVE_INFINITY, reason: () => 1 },
      {
        get count() {
          return fail();
        },
      },
      null,
      { count: 2, reason: Symbol('two') },
    ];
    for (const gap of gaps) bridge.emit('gap', gap as BridgeGap);
    bridge.counts = () => ({ sent: 1, big: 5n, run: fail, nested: { run: fail } }) as never;
    const [{ gaps: told, lost, counts }] = bus.stats().bridges as [BridgeStats];
    assert.deepEqual([told, lost], [gaps.length, 2]);
    assert.deepEqual(
      { ...counts, run: typeof counts.run, nested: typeof counts.nested },
      {
        sent: 1,
        big: '5n',
        run: 'string',
        nested: 'string',
      },
    );
    // What other threads and processes are told.
    structuredClone(bus.stats());
  });

  test('is asked to close when the bus is destroyed, and may close the bus itself', async () => {
    const bus = createBus();
    const bridge = new StubBridge();
    bridge.onClose = () => void bus.close();
    bus.attach(bridge);
    bus.destroy();
    await bus.close();
    assert.equal(bridge.closes, 1);
  });

  test('that never gets ready has failed, and no rejection is left unhandled', async () => {
    await using bus = createBus();
    const reports = collectReports(bus);
    const bridge = Object.assign(new StubBridge(), { ready: Promise.reject(new Error('no such server')) });
    bus.attach(bridge);
    await until(() => bus.stats().bridges[0]!.state === 'failed');
    await closeDelivered(bus);
    assert.deepEqual(reports, [{ kind: 'disconnected', reason: 'no such server' }]);
  });

  test('needs a name of its own, and all its members', async () => {
    await using bus = createBus();
    bus.attach(new StubBridge());
    assert.equal(thrownBy(() => bus.attach(new StubBridge())).code, 'BUS_INVALID_OPTION');
    const bad: unknown[] = [
      undefined,
      null,
      1,
      'nats',
      {},
      new EventEmitter(),
      new StubBridge('a/b'),
      new StubBridge(''),
    ];
    bad.push(Object.assign(new StubBridge('x'), { ready: undefined }));
    for (const bridge of bad) {
      assert.equal(thrownBy(() => bus.attach(bridge as Bridge)).code, 'BUS_INVALID_OPTION');
    }
    assert.equal(bus.stats().bridges.length, 1);
    await bus.close();
    assert.equal(thrownBy(() => bus.attach(new StubBridge('late'))).code, 'BUS_CLOSED');
  });
});
