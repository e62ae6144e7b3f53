import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import {
  type Container,
  type ContainerSpec,
  type CreateOptions,
  openServices,
  ProcessRuntime,
  type RuntimeContainer,
  type Services,
} from '../../../src/services/index.js';
import { until } from '../../support/bus-scene.js';
import { type CapturedEvent, withCapturedEvents } from '../../support/captured-events.js';
import { FULL } from '../../support/full.js';
import { cgroupsNaming, mountsNaming } from '../../support/leftovers.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';
import { runcMissing, TEST_IMAGE, testImageArchive } from '../../support/test-image.js';

const ARCHIVE = await testImageArchive();
const FOREVER = ['sh', '-c', 'sleep 1000; exit 1'];

async function openWithImage(t: TestContext, runtime: 'process' | 'runc') {
  let services: Services | undefined;
  const directory = await temporaryDirectory(t, async () => services?.close());
  services = await openServices({ directory, runtime });
  await services.importer.importArchive(Readable.from([ARCHIVE]));
  return { directory, services };
}

/** Creates and starts a container, waits for it, and gives what it wrote. */
async function run(services: Services, directory: string, options: Omit<CreateOptions, 'image'>) {
  const outputPath = join(directory, 'output');
  const output = await open(outputPath, 'w');
  try {
    const stdio = ['ignore', output.fd, output.fd] as const;
    const container = await services.containers.create({ image: TEST_IMAGE, stdio, ...options });
    await container.start();
    const { exitStatus } = await container.wait();
    return { container, exitStatus, output: await readFile(outputPath, 'utf8') };
  } finally {
    await output.close();
  }
}

function containerEvents(events: readonly CapturedEvent[]): string[] {
  return events
    .filter(({ topic }) => topic.startsWith('/service/container/'))
    .map(({ topic, event }) => {
      const action = topic.slice('/service/container/'.length);
      const execId = event.execId ?? (event.id !== event.containerId ? event.id : undefined);
      return action.startsWith('exec') || (action === 'exit' && execId !== undefined) ? `${action} ${execId}` : action;
    });
}

function isAlive(pid: number | undefined): boolean {
  assert.ok(pid !== undefined);
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function assertNothingLeft(directory: string): Promise<void> {
  assert.deepEqual(await filesBelow(join(directory, 'containers')), []);
  assert.deepEqual(mountsNaming(directory), []);
  assert.deepEqual(cgroupsNaming(`-${process.pid}-`), []);
  const snapshots = await filesBelow(join(directory, 'rootfs', 'metadata'));
  assert.equal(snapshots.length, 1, 'only the image’s own snapshot is left');
  if (existsSync(join(directory, 'runc'))) assert.deepEqual(readdirSync(join(directory, 'runc')), []);
}

const id = (name: string) => `${name}-${process.pid}`;

const missing = await runcMissing();

for (const runtime of ['process', 'runc'] as const) {
  const skip = runtime === 'runc' && missing;
  let tests = 0;
  /** A test that each runtime passes. A short run tries each with one of the two, in turn. */
  const each = (name: string, test: (t: TestContext) => Promise<void>): void => {
    const isTurn = tests++ % 2 === (runtime === 'runc' ? 0 : 1);
    if (FULL || isTurn || (missing !== false && runtime === 'process')) it(name, test);
  };

  describe(`container with the runtime ${runtime}`, { skip, timeout: 600_000 }, () => {
    for (const [name, args, status] of [
      ['that ends well', undefined, 0],
      ['that exits with 3', ['sh', '-c', 'exit 3'], 3],
      ['that is killed by its own signal', ['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'], 137],
    ] as const) {
      each(`emits create, start, exit and delete of one ${name}, with real values`, async (t) => {
        const { directory, services } = await openWithImage(t, runtime);
        await withCapturedEvents(async (events) => {
          const before = Date.now() / 1000 - 0.001;
          const options = args ? { id: id('c'), args } : { id: id('c') };
          const { container, exitStatus } = await run(services, directory, options);
          const { pid } = container;
          await Promise.all([container.delete(), container.delete({ force: true })]);
          assert.equal(exitStatus, status);
          const [created, started, exited, deleted] = events.filter(({ topic }) =>
            topic.startsWith('/service/container'),
          );
          const runtimeInfo = { name: runtime };
          assert.deepEqual(created?.event, { id: id('c'), image: TEST_IMAGE, runtime: runtimeInfo });
          assert.deepEqual(started?.event, { containerId: id('c'), pid });
          assert.ok(exited);
          const { exitedAt, ...rest } = exited.event as { exitedAt: { seconds: number; nanos: number } };
          assert.deepEqual(rest, { containerId: id('c'), id: id('c'), pid, exitStatus: status });
          const seconds = exitedAt.seconds + exitedAt.nanos / 1e9;
          assert.ok(seconds >= before && seconds <= Date.now() / 1000 + 0.001, `exited at ${seconds}`);
          assert.deepEqual(deleted?.event, { id: id('c') });
          assert.deepEqual(containerEvents(events), ['create', 'start', 'exit', 'delete']);
        });
        await assertNothingLeft(directory);
      });
    }

    each('tells 137 for a container killed with SIGKILL, and forgets a signal to a stopped one', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      const container = await services.containers.create({ id: id('k'), image: TEST_IMAGE, args: FOREVER });
      await assert.rejects(container.kill('SIGKILL'), { code: 'SERVICE_WRONG_STATE' });
      await container.start();
      assert.equal(isAlive(container.pid), true);
      await container.kill('SIGKILL');
      assert.equal((await container.wait()).exitStatus, 137);
      assert.equal(isAlive(container.pid), false);
      await container.kill('SIGKILL');
      await container.delete();
      await assertNothingLeft(directory);
    });

    each('runs further processes; each is added, started and exited, the first process last', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      await withCapturedEvents(async (events) => {
        const container = await services.containers.create({ id: id('e'), image: TEST_IMAGE, args: FOREVER });
        await assert.rejects(container.exec({ args: ['sh'] }), { code: 'SERVICE_WRONG_STATE' });
        await container.start();
        const short = await container.exec({ execId: 'short', args: ['sh', '-c', 'exit 7'] });
        assert.equal((await short.wait()).exitStatus, 7);
        const killed = await container.exec({ execId: 'killed', args: ['sleep', '1000'] });
        await assert.rejects(container.exec({ execId: 'killed', args: ['sh'] }), { code: 'SERVICE_ALREADY_EXISTS' });
        await killed.kill('SIGKILL');
        assert.equal((await killed.wait()).exitStatus, 137);
        await killed.kill('SIGKILL');
        const orphan = await container.exec({ execId: 'orphan', args: ['sleep', '1000'] });
        await container.kill('SIGKILL');
        assert.equal((await orphan.wait()).exitStatus, 137);
        assert.equal((await container.wait()).exitStatus, 137);
        assert.equal(isAlive(orphan.pid), false);
        await container.delete();
        assert.deepEqual(containerEvents(events), [
          'create',
          'start',
          ...['short', 'killed', 'orphan'].flatMap((name) => [
            `exec-added ${name}`,
            `exec-started ${name}`,
            `exit ${name}`,
          ]),
          'exit',
          'delete',
        ]);
      });
      await assertNothingLeft(directory);
    });

    each('keeps the order when the first process exits while others are being started', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      await withCapturedEvents(async (events) => {
        const container = await services.containers.create({ id: id('r'), image: TEST_IMAGE, args: FOREVER });
        await container.start();
        const execs = ['a', 'b', 'c'].map((execId) => container.exec({ execId, args: ['sleep', '1000'] }));
        await container.kill('SIGKILL');
        await container.wait();
        const started = (await Promise.allSettled(execs)).filter(({ status }) => status === 'fulfilled').length;
        await container.delete();
        const order = containerEvents(events);
        assert.deepEqual([...order.slice(0, 2), ...order.slice(-2)], ['create', 'start', 'exit', 'delete']);
        for (const execId of ['a', 'b', 'c']) {
          const own = order.filter((entry) => entry.endsWith(` ${execId}`)).map((entry) => entry.split(' ')[0]);
          assert.deepEqual(own, ['exec-added', 'exec-started', 'exit'].slice(0, own.length));
          assert.notEqual(own.length, 2, 'what has started has an exit');
        }
        assert.equal(order.filter((entry) => entry.startsWith('exec-started')).length, started);
      });
      await assertNothingLeft(directory);
    });

    each('pauses and resumes all processes', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      await withCapturedEvents(async (events) => {
        const container = await services.containers.create({ id: id('p'), image: TEST_IMAGE, args: FOREVER });
        await container.start();
        await container.pause();
        assert.equal(container.status, 'paused');
        await assert.rejects(container.exec({ args: ['sh'] }), { code: 'SERVICE_WRONG_STATE' });
        await assert.rejects(container.pause(), { code: 'SERVICE_WRONG_STATE' });
        await container.resume();
        await container.pause();
        await container.delete({ force: true });
        const expected = ['create', 'start', 'paused', 'resumed', 'paused', 'exit', 'delete'];
        assert.deepEqual(containerEvents(events), expected);
      });
      await assertNothingLeft(directory);
    });

    each('says what could not be started, and can be deleted or told to try again', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      await withCapturedEvents(async (events) => {
        const container = await services.containers.create({
          id: id('n'),
          image: TEST_IMAGE,
          args: ['no-such-command'],
        });
        for (let attempt = 0; attempt < 2; attempt++) {
          await assert.rejects(container.start(), { code: 'SERVICE_START_FAILED', message: /no-such-command/ });
        }
        assert.equal(container.status, 'created');
        await container.delete();
        assert.deepEqual(containerEvents(events), ['create', 'delete']);
      });
      await assertNothingLeft(directory);
    });

    each('gives the process the environment and arguments of image and caller', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      const args = [
        'sh',
        '-c',
        'echo "$GREETING $NAME $SECRET"; cat /proc/self/cgroup >/dev/null; echo "$@"',
        'sh',
        'a b',
        '*',
      ];
      process.env.SECRET = 'of the host';
      t.after(() => delete process.env.SECRET);
      const { output } = await run(services, directory, { args, environment: ['NAME=world'] });
      assert.equal(output, 'hello world \na b *\n');
    });

    each('refuses what it cannot create, and leaves and emits nothing of it', async (t) => {
      const { directory, services } = await openWithImage(t, runtime);
      const { containers } = services;
      await (await containers.create({ id: id('w'), image: TEST_IMAGE })).delete();
      await withCapturedEvents(async (events) => {
        await assert.rejects(containers.create({ image: 'no/such:image' }), { code: 'SERVICE_NOT_FOUND' });
        for (const bad of ['', '../x', 'a/b', 'x'.repeat(77)]) {
          await assert.rejects(containers.create({ image: TEST_IMAGE, id: bad }), { code: 'SERVICE_INVALID_ARGUMENT' });
        }
        const empty = { image: TEST_IMAGE, args: [] };
        await assert.rejects(containers.create(empty), { code: 'SERVICE_INVALID_ARGUMENT', message: /got \[\]$/ });
        await assert.rejects(containers.create({ image: TEST_IMAGE, args: ['a\0b'] }), {
          code: 'SERVICE_INVALID_ARGUMENT',
        });
        const fractional = { image: TEST_IMAGE, memoryBytes: 1.5 };
        await assert.rejects(containers.create(fractional), { code: 'SERVICE_INVALID_ARGUMENT' });
        assert.deepEqual(containerEvents(events), []);
        const both = await Promise.allSettled([1, 2].map(() => containers.create({ id: id('d'), image: TEST_IMAGE })));
        assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
        await containers.get(id('d')).delete();
      });
      await assertNothingLeft(directory);
    });

    each('is removed at the next open when its process was killed', async (t) => {
      let services: Services | undefined;
      const directory = await temporaryDirectory(t, async () => services?.close());
      const child = fork(new URL('../../support/abandon-container.js', import.meta.url), [directory, runtime, id('x')]);
      const [abandoned] = (await once(child, 'message')) as [{ pid: number }];
      t.after(() => isAlive(abandoned.pid) && process.kill(abandoned.pid, 'SIGKILL'));
      await assert.rejects(openServices({ directory, runtime }), { code: 'SERVICE_IN_USE' });
      child.kill('SIGKILL');
      await once(child, 'exit');
      await withCapturedEvents(async (events) => {
        services = await openServices({ directory, runtime });
        assert.deepEqual(services.containers.list(), []);
        assert.deepEqual(containerEvents(events), ['delete']);
      });
      await assertNothingLeft(directory);
      if (runtime === 'runc') assert.equal(isAlive(abandoned.pid), false);
    });
  });
}

describe('container with the runtime runc', { skip: await runcMissing(), timeout: 600_000 }, () => {
  it('is refused to who is not root, before anything is made of it', async (t) => {
    const { directory, services } = await openWithImage(t, 'runc');
    await services.containers.create({ image: TEST_IMAGE }).then((container) => container.delete());
    const { getuid } = process;
    t.after(() => Object.assign(process, { getuid }));
    process.getuid = () => 1000;
    await assert.rejects(services.containers.create({ image: TEST_IMAGE }), { code: 'SERVICE_UNSUPPORTED' });
    await assertNothingLeft(directory);
  });

  it('is isolated: first of its own processes, with a host name and a root of its own', async (t) => {
    const { directory, services } = await openWithImage(t, 'runc');
    const args = ['sh', '-c', 'echo $$; hostname; ls /'];
    const { output } = await run(services, directory, { id: id('i'), args });
    assert.deepEqual(
      output.split(/\s+/).filter(Boolean).sort(),
      ['1', 'bin', 'dev', 'etc', id('i'), 'proc', 'sys'].sort(),
    );
  });

  it('emits oom before the exit of a process that ran out of memory', async (t) => {
    const { directory, services } = await openWithImage(t, 'runc');
    await withCapturedEvents(async (events) => {
      const options = { id: id('o'), args: ['tail', '/dev/zero'], memoryBytes: 8 << 20 };
      const { container, exitStatus } = await run(services, directory, options);
      assert.equal(exitStatus, 137);
      await container.delete();
      assert.deepEqual(containerEvents(events), ['create', 'start', 'oom', 'exit', 'delete']);
      assert.deepEqual(events.find(({ type }) => type === 'TaskOOM')?.event, { containerId: id('o') });
    });
    await assertNothingLeft(directory);
  });

  it('emits oom also when only a child of the first process was killed, or a further process', async (t) => {
    const { directory, services } = await openWithImage(t, 'runc');
    await withCapturedEvents(async (events) => {
      const args = ['sh', '-c', 'tail /dev/zero; exit 5'];
      const { container, exitStatus } = await run(services, directory, { id: id('oc'), args, memoryBytes: 8 << 20 });
      assert.equal(exitStatus, 5);
      await container.delete();
      assert.deepEqual(containerEvents(events), ['create', 'start', 'oom', 'exit', 'delete']);
    });
    await withCapturedEvents(async (events) => {
      const options = { id: id('ox'), image: TEST_IMAGE, args: FOREVER, memoryBytes: 8 << 20 };
      const container = await services.containers.create(options);
      await container.start();
      const exec = await container.exec({ execId: 'greedy', args: ['tail', '/dev/zero'] });
      assert.equal((await exec.wait()).exitStatus, 137);
      await container.delete({ force: true });
      const told = containerEvents(events);
      const expected = ['create', 'start', 'exec-added greedy', 'exec-started greedy', 'exit greedy', 'exit', 'delete'];
      // While runc still says that it has started, it may be killed.
      const at = told.indexOf('oom');
      assert.ok(at > told.indexOf('exec-added greedy') && at < told.indexOf('exit greedy'), told.join());
      assert.deepEqual(told.toSpliced(at, 1), expected);
    });
    await assertNothingLeft(directory);
  });

  it('runs as the user that the caller names', async (t) => {
    const { services } = await openWithImage(t, 'runc');
    const container = await services.containers.create({ image: TEST_IMAGE, args: FOREVER });
    await container.start();
    for (const [user, uid, gid] of [
      ['guest', 405, 100],
      ['7:8', 7, 8],
    ] as const) {
      const args = ['sh', '-c', `test "$(id -u) $(id -g)" = "${uid} ${gid}"`];
      assert.equal((await (await container.exec({ user, args })).wait()).exitStatus, 0);
    }
    const unknown = container.exec({ user: 'nobody-here', args: ['sh'] });
    await assert.rejects(unknown, { code: 'SERVICE_INVALID_ARGUMENT', message: /passwd/ });
  });

  it('says that runc is paused when the service does', async (t) => {
    const { directory, services } = await openWithImage(t, 'runc');
    const container: Container = await services.containers.create({ id: id('q'), image: TEST_IMAGE, args: FOREVER });
    await container.start();
    await container.pause();
    const { command } = await import('../../../src/services/command.js');
    const state = JSON.parse(await command('runc', ['--root', join(directory, 'runc'), 'state', id('q')], ''));
    assert.equal(state.status, 'paused');
  });
});

describe('container with the runtime process', { timeout: 600_000 }, () => {
  it('is deleted by a close although the delete of another fails, which the close then tells', async (t) => {
    class FailingRuntime extends ProcessRuntime {
      override async create(spec: ContainerSpec): Promise<RuntimeContainer> {
        const container = await super.create(spec);
        if (spec.id === 'bad') container.delete = () => Promise.reject(new Error('it is stuck'));
        return container;
      }
    }
    const directory = await temporaryDirectory(t);
    const services = await openServices({ directory, runtime: new FailingRuntime() });
    await services.importer.importArchive(Readable.from([ARCHIVE]));
    await services.containers.create({ image: TEST_IMAGE, id: 'bad' });
    const good = await services.containers.create({ image: TEST_IMAGE, args: FOREVER });
    await good.start();
    await assert.rejects(services.close(), { message: 'it is stuck' });
    assert.equal(good.status, 'deleted');
    // The folder is free again, and what was left of the other goes.
    const again = await openServices({ directory });
    assert.deepEqual(again.containers.list(), []);
    await again.close();
    await assertNothingLeft(directory);
  });

  it('that is deleted before its start ends the wait for it', async (t) => {
    const { services } = await openWithImage(t, 'process');
    const container = await services.containers.create({ image: TEST_IMAGE });
    const ended = assert.rejects(container.wait(), { code: 'SERVICE_WRONG_STATE', message: /it is deleted/ });
    await container.delete();
    await ended;
    await assert.rejects(container.wait(), { code: 'SERVICE_WRONG_STATE' });
  });

  it('is deleted although somebody has removed its folder', async (t) => {
    const { directory, services } = await openWithImage(t, 'process');
    const container = await services.containers.create({ image: TEST_IMAGE, id: id('gone') });
    await rm(join(directory, 'containers', id('gone')), { recursive: true });
    await container.delete();
    assert.deepEqual(services.containers.list(), []);
    await assertNothingLeft(directory);
  });

  it('refuses a memory limit and names the runtime that has one', async (t) => {
    const { services } = await openWithImage(t, 'process');
    const created = services.containers.create({ image: TEST_IMAGE, memoryBytes: 8 << 20 });
    await assert.rejects(created, { code: 'SERVICE_UNSUPPORTED', message: /runc/ });
  });

  it('stops a paused process for real', {
    skip: existsSync('/proc/self/status') ? false : 'needs /proc',
  }, async (t) => {
    const { services } = await openWithImage(t, 'process');
    // One that starts no other: a shell that is just doing so waits for a child that is stopped, and does not stop itself.
    const container = await services.containers.create({ image: TEST_IMAGE, args: ['sleep', '1000'] });
    await container.start();
    await container.pause();
    // The kernel delivers the signal when it next runs the process; a state that never comes ends at the test's timeout.
    const isStopped = () => /^State:\s+T/m.test(readFileSync(`/proc/${container.pid}/status`, 'utf8'));
    await until(isStopped);
    assert.equal(container.status, 'paused');
  });

  it('kills what the first process has started when that exits', async (t) => {
    const { directory, services } = await openWithImage(t, 'process');
    const { output } = await run(services, directory, { args: ['sh', '-c', 'sleep 1000 & echo $!'] });
    // It was killed; the kernel ends it when it next has a core for it.
    await until(() => !isAlive(Number(output)));
  });
});
