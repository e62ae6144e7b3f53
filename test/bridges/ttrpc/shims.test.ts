/** Events that real shims publish, and what they do while nobody takes them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { serveEvents } from '../../../src/bridges/ttrpc/index.js';
import { type BusOptions, createBus, type Envelope } from '../../../src/index.js';
import { assertHas } from '../../support/assert-has.js';
import { LARGE_TEXT, Latch, SMALL_RING_BYTES, until } from '../../support/bus-scene.js';
import { CONTAINER_LIFE, Containerd, noContainerd } from '../../support/containerd.js';
import { runCommand } from '../../support/run-command.js';

/** Those that come from the shim. */
const TASK_LIFE = CONTAINER_LIFE.slice(1, 5);
/** For how long a shim waits for an answer before it gives a call up, and keeps the event. */
const SHIM_DEADLINE_MS = 5_000;

/** A daemon, a bus that its shims may publish to, and the runtime whose shims do. */
async function scene(t: TestContext, busOptions: BusOptions = {}) {
  const daemon = await Containerd.start(t);
  const bus = createBus(busOptions);
  t.after(() => bus.destroy());
  const address = join(daemon.directory, 'events.ttrpc');
  const wrapper = join(daemon.directory, 'containerd-shim-ringcast-v1');
  await runCommand(['shim-wrapper', '--out', wrapper, '--address', address]);
  assert.match(readFileSync(wrapper, 'utf8'), /containerd-shim-runc-v2/);
  const serve = () => serveEvents(bus, { address, forwardTo: daemon.ttrpcAddress });
  const runDetached = ['run', '-d', '--runtime', wrapper, ...daemon.runOptions];
  // A runtime with a path gets no `--runc-root`: ids are in runc's own folder, with those of other tests and daemons.
  const idOf = (name: string) => `${name}-${basename(daemon.directory)}`;
  return { daemon, bus, wrapper, serve, runDetached, idOf };
}

/** Each event of the task, and none of them twice; a retried one may come after younger ones. */
function checkOnce(got: readonly Envelope[], topics: readonly string[]): void {
  assert.deepEqual(got.map(({ topic }) => topic).sort(), [...topics].sort());
  assert.equal(new Set(got.map(({ topic, timestamp }) => `${topic} ${timestamp}`)).size, got.length);
}

describe('the shim of a container that a wrapper started', { skip: noContainerd(), timeout: 600_000 }, () => {
  test('publishes its events, and those again that it could not while nobody was there', async (t) => {
    const { daemon, bus, wrapper, serve, runDetached, idOf } = await scene(t);
    const got: Envelope[] = [];
    bus.subscribe('/tasks/*', (envelope) => void got.push(envelope));
    let server = await serve();
    await daemon.runContainer(idOf('one'), '--runtime', wrapper);
    // On the bus before the daemon has answered.
    await until(() => got.length >= 4 && server.stats().passedOn >= 4);
    assert.deepEqual(
      got.map(({ topic }) => topic),
      TASK_LIFE,
    );
    assertHas(server.stats(), { accepted: 4, passedOn: 4, repeated: 0 });
    // Nobody there: the shim keeps its events, and tries again after 1 s, 2 s, ….
    await server.close();
    await daemon.ctr(...runDetached, idOf('two'), '/bin/true');
    server = await serve();
    await until(() => got.length >= 7);
    await daemon.ctr('task', 'delete', idOf('two')).catch(() => {});
    await until(() => got.length >= 8);
    checkOnce(got, [...TASK_LIFE, ...TASK_LIFE]);
    await server.close();
  });

  test('is told that the bus is full, and its events arrive once each when there is room again', async (t) => {
    const { daemon, bus, serve, runDetached, idOf } = await scene(t, {
      capacityBytes: SMALL_RING_BYTES,
      maxPendingBytes: 0,
    });
    const latch = new Latch();
    const got: Envelope[] = [];
    bus.subscribe('/**', (envelope) => {
      if (envelope.topic.startsWith('/tasks/')) got.push(envelope);
      return latch.opened;
    });
    const server = await serve();
    while (bus.tryPublish('/fill', { text: LARGE_TEXT }));
    while (bus.tryPublish('/fill', {}));
    await daemon.ctr(...runDetached, idOf('one'), '/bin/true');
    // Its first event was answered with 14 after 4 s.
    await until(() => server.stats().full >= 1);
    assert.equal(server.stats().accepted, 0);
    latch.open();
    // Its shim ends with the task, and drops what it still keeps.
    await until(() => got.length >= 3);
    await daemon.ctr('task', 'delete', idOf('one')).catch(() => {});
    await until(() => got.length >= 4);
    checkOnce(got, TASK_LIFE);
    const { calls, full, accepted, repeated, refused } = server.stats();
    assert.deepEqual([accepted, repeated, refused], [4, 0, 0]);
    assert.equal(calls, full + accepted);
    await server.close();
  });

  test('gives up calls that are not answered in time and repeats them: what had been taken is not put on the bus again', async (t) => {
    const { daemon, bus, serve, runDetached, idOf } = await scene(t);
    const got: Envelope[] = [];
    bus.subscribe('/tasks/*', (envelope) => void got.push(envelope));
    const server = await serve();
    // This thread, which would have to answer, hears nothing from before the container starts until a call was given up.
    const { status, stderr } = spawnSync('ctr', ['-a', daemon.address, ...runDetached, idOf('one'), '/bin/true']);
    assert.equal(status, 0, `${stderr}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SHIM_DEADLINE_MS + 500);
    await until(() => server.stats().repeated >= 1 && got.length >= 3);
    await daemon.ctr('task', 'delete', idOf('one')).catch(() => {});
    await until(() => got.length >= 4);
    checkOnce(got, TASK_LIFE);
    assertHas(server.stats(), { accepted: 4, full: 0, refused: 0 });
    await server.close();
  });
});
