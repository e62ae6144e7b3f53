/** A bus and a real containerd. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ContainerdGap,
  type FromContainerdOptions,
  fromContainerd,
  toContainerd,
} from '../../../src/bridges/containerd/index.js';
import { type Bus, type BusOptions, createBus, type Envelope } from '../../../src/index.js';
import { assertHas } from '../../support/assert-has.js';
import { idOf, Latch, range, SMALL_RING_BYTES, turn, until } from '../../support/bus-scene.js';
import { CONTAINER_LIFE, Containerd, noContainerd } from '../../support/containerd.js';
import { size } from '../../support/full.js';
import { startCommand } from '../../support/run-command.js';

async function scene(
  t: TestContext,
  daemon: Containerd,
  options: Partial<FromContainerdOptions> = {},
  busOptions: BusOptions = {},
) {
  const bus = createBus(busOptions);
  const gaps: ContainerdGap[] = [];
  const source = await fromContainerd(bus, { address: daemon.address, onGap: (gap) => gaps.push(gap), ...options });
  t.after(async () => {
    await source.close();
    bus.destroy();
  });
  await source.ready;
  return { bus, source, gaps };
}

function collect(bus: Bus, filter = '/**'): Envelope[] {
  const got: Envelope[] = [];
  bus.subscribe(filter, (envelope) => {
    // What the bus tells of its bridges is not meant.
    if (!envelope.topic.startsWith('/ringcast/')) got.push(envelope);
  });
  return got;
}

/** The lines that a program prints, as they come. */
function linesOf(child: { stdout: NodeJS.ReadableStream }): () => string[] {
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  return () => text.split('\n').slice(0, -1);
}

describe('a bus and a real containerd', { skip: noContainerd(), timeout: size(600_000, 3_600_000) }, () => {
  /** Of all tests that do not end it. */
  let shared: Containerd;
  const ends: (() => unknown)[] = [];
  before(async () => {
    shared = await Containerd.start({ after: (end) => void ends.push(end as () => unknown) });
  });
  after(async () => {
    for (const end of ends) await end();
  });

  test('gets the six events of a container by themselves, to the byte, each with its origin', async (t) => {
    const { bus, source } = await scene(t, shared);
    const got = collect(bus);
    await shared.runContainer('one');
    await until(() => got.length >= 6);
    assert.deepEqual(
      got.map(({ topic }) => topic),
      CONTAINER_LIFE,
    );
    assert.equal(got[0]!.origin, `containerd:${shared.address}`);
    assert.equal((got[0]!.event as { id: string }).id, 'one');
    assertHas(source.stats(), { received: 6, refused: 0, subscriptions: 1 });
    assertHas(bus.stats().bridges, [{ name: 'containerd', state: 'connected' }]);
  });

  test('asks the daemon for what filters select, and fails for good on one that does not parse', async (t) => {
    const { bus } = await scene(t, shared, { filters: ['topic=="/tasks/exit"', 'topic~="^/containers/"'] });
    const got = collect(bus);
    await shared.runContainer('one');
    await until(() => got.length >= 3);
    assert.deepEqual(
      got.map(({ topic }) => topic),
      ['/containers/create', '/tasks/exit', '/containers/delete'],
    );
    const wrong = await fromContainerd(bus, { address: shared.address, filters: ['topic=='], name: 'wrong' });
    await assert.rejects(wrong.ready, { code: 'BRIDGE_CALL_FAILED', message: /filter/ });
    await wrong.close();
    // What would be taken for a list of its characters, or fail later.
    for (const filters of ['topic', [5]] as never[]) {
      await assert.rejects(fromContainerd(bus, { address: shared.address, filters }), { code: 'BUS_INVALID_OPTION' });
    }
  });

  test('ringcast events prints every line that ctr events prints beside it, in order', async (t) => {
    const ours = startCommand(['events', '--address', shared.address]);
    const theirs = spawn('ctr', ['-a', shared.address, 'events']);
    t.after(() => {
      theirs.kill();
      ours.kill('SIGKILL');
    });
    const [ourLines, theirLines] = [linesOf(ours), linesOf(theirs)];
    const ownEvents = (lines: readonly string[]): string[] =>
      lines.filter((line) => !line.includes('/ringcast-marker/'));
    // Both have begun when both have printed one event.
    for (let id = 0; ourLines().length === 0 || ownEvents(theirLines()).length === 0; id++) {
      await shared.ctr('namespaces', 'create', `warm-up-${id}`);
      await sleep(50);
    }
    const count = size(8, 1_000);
    // Four at a time: what happens in what order is the daemon's to say, to both.
    await Promise.all(
      range(4).map(async (first) => {
        for (let id = first; id < count; id += 4) await shared.runContainer(`c${id}`);
      }),
    );
    await shared.ctr('namespaces', 'create', 'last');
    for (const lines of [ourLines, theirLines]) await until(() => lines().at(-1)?.includes('"last"') ?? false);
    // Nor what its own bus tells of the bridge.
    assert.deepEqual(
      ourLines().filter((line) => line.includes(' /ringcast')),
      [],
    );
    const since = (lines: readonly string[]): string[] =>
      lines.slice(lines.findIndex((line) => line.includes('/containers/create')));
    const [mine, beside] = [since(ourLines()), since(ownEvents(theirLines()))];
    assert.equal(beside.length, 6 * count + 1);
    assert.deepEqual(mine, beside);
    ours.kill('SIGINT');
    await once(ours, 'exit');
  });

  test('tells of a gap when the daemon was killed and is back, and goes on', async (t) => {
    const daemon = await Containerd.start(t);
    const { bus, source, gaps } = await scene(t, daemon);
    const got = collect(bus);
    const told: string[] = [];
    source.on('connected', () => told.push('connected'));
    source.on('disconnected', () => told.push('disconnected'));
    await daemon.runContainer('before');
    await until(() => got.length === 6);
    await daemon.kill();
    await until(() => told.includes('disconnected'));
    assertHas(bus.stats().bridges, [{ state: 'disconnected' }]);
    await daemon.start();
    await until(() => told.includes('connected'));
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0]!.count, undefined);
    assert.ok(gaps[0]!.durationMs > 0);
    await daemon.runContainer('after');
    await until(() => got.filter(({ topic }) => topic === '/containers/delete').length === 2);
    assert.deepEqual(told, ['disconnected', 'connected']);
    assert.equal(source.stats().subscriptions, 2);
  });

  /** A bus that is full soon and waits for ever, and one that sends to the same daemon. */
  async function slowScene(t: TestContext, options: Partial<FromContainerdOptions> = {}) {
    const busOptions = { capacityBytes: SMALL_RING_BYTES, maxPendingBytes: 16_384, stallTimeoutMs: 2 ** 31 - 1 };
    const one = await scene(t, shared, options, busOptions);
    const own = createBus();
    const sink = await toContainerd(own, '/slow/**', { address: shared.address });
    t.after(() => own.destroy());
    for (const id of range(300)) own.publish(`/slow/${id}`, { id, text: 'x'.repeat(2_000) });
    return { ...one, own, sink };
  }

  test('loses nothing with a slow bus', async (t) => {
    const { bus, sink } = await slowScene(t);
    const got: string[] = [];
    bus.subscribe('/slow/**', async ({ topic }) => {
      got.push(topic);
      await turn();
    });
    await until(() => got.length === 300);
    assert.deepEqual(
      got,
      range(300).map((id) => `/slow/${id}`),
    );
    await sink.close();
  });

  test('gives up the subscription after maxPausedMs, tells of it, and begins anew', async (t) => {
    const { bus, source, gaps, own, sink } = await slowScene(t, { maxPausedMs: 1_500 });
    const latch = new Latch();
    const got: string[] = [];
    bus.subscribe('/slow/**', async ({ topic }) => {
      got.push(topic);
      await latch.opened;
    });
    await until(() => sink.stats().forwarded === 300);
    // Twice as long as the source waits. The daemon keeps nothing for a subscription that was given up.
    await until(() => bus.stats().ring.stalledMs >= 3_000);
    latch.open();
    await until(() => source.stats().subscriptions === 2);
    assert.equal(gaps.length, 1);
    assert.match(gaps[0]!.reason, /1500 ms/);
    own.publish('/slow/last', {});
    await until(() => got.at(-1) === '/slow/last');
    await sink.close();
  });

  test('what goes out to containerd is seen by its subscribers, and does not come back', async (t) => {
    const { bus, source } = await scene(t, shared);
    const sink = await toContainerd(bus, '/**', { address: shared.address });
    const other = createBus();
    t.after(() => other.destroy());
    const there = await fromContainerd(other, { address: shared.address });
    await there.ready;
    const [here, elsewhere] = [collect(bus, '/a/*'), collect(other, '/a/*')];
    for (const id of range(200)) bus.publish('/a/b', { id });
    await until(() => elsewhere.length === 200 && sink.stats().forwarded === 200);
    assert.deepEqual(elsewhere.map(idOf), range(200));
    await shared.runContainer('one');
    await until(() => source.stats().received >= 206);
    assert.equal(here.length, 200);
    assertHas(source.stats(), { received: 206, echoed: 200 });
    assertHas(sink.stats(), { forwarded: 200, refused: 0, retried: 0 });
    await there.close();
    await sink.close();
  });

  test('puts what goes out into the namespace that was asked for, and waits for a daemon that is away', async (t) => {
    const daemon = await Containerd.start(t);
    const { bus } = await scene(t, daemon);
    const other = createBus();
    t.after(() => other.destroy());
    const sink = await toContainerd(other, '/**', { address: daemon.address, namespace: 'elsewhere' });
    const got = collect(bus, '/x');
    other.publish('/x', { id: 1 });
    await until(() => got.length === 1);
    assert.equal(got[0]!.namespace, 'elsewhere');
    await daemon.kill();
    other.publish('/x', { id: 2 });
    await until(() => sink.stats().retried > 0);
    await daemon.start();
    await until(() => sink.stats().forwarded === 2);
    await sink.close();
  });

  test('a daemon that is not there is waited for', async (t) => {
    const daemon = await Containerd.start(t);
    await daemon.kill();
    const bus = createBus();
    t.after(() => bus.destroy());
    const source = await fromContainerd(bus, { address: daemon.address });
    const [error] = await once(source, 'disconnected');
    assert.equal((error as { code?: string }).code, 'BRIDGE_CALL_FAILED');
    await daemon.start();
    await source.ready;
    await source.close();
    assert.deepEqual(bus.stats().bridges, []);
  });
});
