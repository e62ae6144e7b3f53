import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createBus, type Sample } from '../../src/index.js';
import { servedSockets } from '../../src/observe/serving/socket-path.js';
import { FOREVER, fillRing, inlineModule, Latch, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { size } from '../support/full.js';
import { ask, follow, sampleOf, sampleWhere } from '../support/stats-client.js';

/** How many come and go without reading. */
const CLIENTS = size(3_000, 10_000);

const lib = new URL('../../lib/index.js', import.meta.url).href;
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rc-'));
  process.env.XDG_RUNTIME_DIR = folder;
});
after(() => rmSync(folder, { recursive: true }));

/** A process that runs a script and prints a line when it has got somewhere. */
interface Child {
  readonly process: ChildProcess;
  readonly line: string;
  /** With which exit code; it may exit as soon as it has printed the line. */
  readonly exited: Promise<number | null>;
}

async function child(script: string, env: NodeJS.ProcessEnv = {}): Promise<Child> {
  const args = ['--no-warnings', '--input-type=module', '-e', `import { createBus } from '${lib}';\n${script}`];
  const started = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => started.once('exit', resolve));
  const [data] = (await once(started.stdout!, 'data')) as [Buffer];
  return { process: started, line: data.toString().trim(), exited };
}

/** Sockets of a process in the folder, and what is there under no name of a process. */
function sockets(pid: number | undefined): string[] {
  const names = existsSync(join(folder, 'ringcast')) ? readdirSync(join(folder, 'ringcast')) : [];
  return names.filter((name) => name.startsWith(`${pid}-`) || !/^\d/.test(name));
}

describe('served statistics', { timeout: 600_000 }, () => {
  test("are those of stats(), in a socket that is the user's alone and gone with the bus", async () => {
    const bus = createBus();
    const server = await bus.serveStats({ name: 'mine' });
    assert.equal(server.path, join(folder, 'ringcast', `${process.pid}-mine.sock`));
    assert.equal(lstatSync(server.path).mode & 0o777, 0o600);
    assert.equal(lstatSync(dirname(server.path)).mode & 0o777, 0o700);
    const here = bus.subscribe(['/a', '/b'], () => {}, { name: 'here' });
    for (let i = 0; i < 10; i++) bus.publish('/a', i);
    for (let i = 0; i < 5; i++) bus.publish('/nobody', i);
    await until(() => here.stats().delivered === 10);
    const sample = await sampleWhere(server.path, ({ stats }) => stats.topics > 0);
    assert.deepEqual([sample.v, sample.pid, sample.name, sample.node], [1, process.pid, 'mine', process.version]);
    const { subscriptions, ring, ...counts } = sample.stats;
    const { published, unwanted, written, refused, pending, wakes } = bus.stats();
    const { heldBy, ...expectedRing } = bus.stats().ring;
    assert.equal(heldBy, undefined);
    assert.deepEqual(ring, expectedRing);
    assert.deepEqual(counts, {
      ...{ published, unwanted, written, refused, pending, wakes },
      cut: { connections: 0, events: 0 },
      ...{ rescued: 0, evictions: 0, topics: bus.stats().topics, bridges: [], connections: [] },
    });
    assert.deepEqual(subscriptions, [{ ...here.stats(), stuckMs: 0, asleep: subscriptions[0]!.asleep }]);
    assert.deepEqual(sample.health, { ok: true, message: 'ok', problems: [] });
    await bus.close();
    assert.deepEqual(sockets(process.pid), []);
    await assert.rejects(bus.serveStats(), { code: 'BUS_CLOSED' });
  });

  test('count what is published, refused and queued while the loop never turns', async () => {
    const {
      process: publisher,
      line,
      exited,
    } = await child(`
      const bus = createBus({ capacityBytes: 65536 });
      const { path } = await bus.serveStats();
      const busy = new URL('data:text/javascript,export default () => { ${FOREVER} }');
      await bus.subscribe('/a', busy, { name: 'stuck' }).ready;
      process.stdout.write(path + '\\n', () => {
        while (bus.publish('/a', 'x'.repeat(2000)));
        bus.tryPublish('/a', 1);
        bus.subscribe('/late', () => {}, { name: 'late' });
        const nap = new Int32Array(new SharedArrayBuffer(4));
        for (let n = 1; ; n++) {
          bus.publish('/nobody', 1);
          if (n % 1_000 === 0) Atomics.wait(nap, 0, 0, 5);
        }
      });`);
    try {
      const samples: Sample[] = [];
      const socket = follow(line, (sample) => samples.push(sample));
      // Those that tell of all that it has done, for so long that it is a problem.
      const blocked = (): Sample[] =>
        samples.filter(
          ({ blockedMs, stats }) => blockedMs >= 1_000 && stats.ring.stalledMs >= 1_000 && stats.unwanted > 0,
        );
      const later = (): Sample | undefined =>
        blocked().find(({ stats }) => stats.unwanted > blocked()[0]!.stats.unwanted);
      await until(() => later() !== undefined);
      socket.destroy();
      const { stats, health } = later()!;
      assert.equal(stats.refused, 1);
      assert.equal(stats.pending.events, 1);
      assert.equal(stats.ring.heldBy, 'subscription "stuck"');
      assert.equal(stats.published, stats.written + 1 + stats.unwanted);
      assert.deepEqual(stats.subscriptions.map(({ name }) => name).sort(), ['late', 'stuck']);
      assert.deepEqual(
        health.problems.map(({ kind }) => kind),
        ['blocked', 'ring-held'],
      );
      assert.match(health.message, /event loop of the bus's thread has not turned for \d+\.\d s\. The ring is full/);
    } finally {
      publisher.kill('SIGKILL');
      // Its socket is nobody's only then.
      await exited;
    }
  });

  test('say how long a subscription that is behind has not moved', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { path } = await bus.serveStats();
    const latch = new Latch();
    const subscription = bus.subscribe('/a', () => latch.opened, { name: 'slow' });
    bus.publish('/a', 1);
    let last: Sample | undefined;
    const socket = follow(path, (sample) => {
      last = sample;
    });
    await until(() => (last?.stats.subscriptions[0]?.stuckMs ?? 0) >= 500);
    await until(() => last?.health.problems[0]?.kind === 'not-moving');
    latch.open();
    await until(() => last?.health.ok === true);
    await subscription.stop();
    await until(() => last?.stats.subscriptions.length === 0);
    socket.destroy();
  });

  test('are served by each bus of a process with RINGCAST_STATS=1, without holding it open, and removed as it ends', async () => {
    const script = `
      createBus();
      createBus();
      import { readdirSync } from 'node:fs';
      const look = () => {
        let names = [];
        try { names = readdirSync('${folder}/ringcast'); } catch {}
        names = names.filter((name) => name.startsWith(process.pid + '-'));
        if (names.length < 2) setTimeout(look, 5);
        else console.log(names.map((name) => name.replace(/^\\d+/, '')).sort().join());
      };
      look();`;
    const { process: served, line, exited } = await child(script, { RINGCAST_STATS: '1' });
    assert.equal(line, '-bus-2.sock,-bus.sock');
    assert.deepEqual([await exited, sockets(served.pid)], [0, []]);
  });

  test('are served by the buses of threads, too, each under a name of its own', async () => {
    const script = `
      import { Worker } from 'node:worker_threads';
      import { readdirSync } from 'node:fs';
      createBus();
      const code = "import { createBus } from '${lib}'; createBus(); setInterval(() => {}, 1000);";
      for (let i = 0; i < 2; i++) new Worker(new URL('data:text/javascript,' + encodeURIComponent(code)));
      const look = () => {
        let names = [];
        try { names = readdirSync('${folder}/ringcast'); } catch {}
        names = names.filter((name) => name.startsWith(process.pid + '-'));
        if (names.length < 3) return setTimeout(look, 5);
        console.log(names.map((name) => name.replace(/\\d+/g, 'N')).sort().join());
        process.exit();
      };
      look();`;
    const { line, exited } = await child(script, { RINGCAST_STATS: '1' });
    assert.equal(line, 'N-bus-thread-N.sock,N-bus-thread-N.sock,N-bus.sock');
    assert.equal(await exited, 0);
  });

  test('of a process that was killed are cleaned up by whoever looks next', async () => {
    const { process: killed, line } = await child(
      'console.log((await createBus().serveStats()).path); setInterval(() => {}, 1000);',
    );
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    assert.ok(existsSync(line));
    writeFileSync(join(dirname(line), 'notes.txt'), 'mine');
    await using bus = createBus();
    const { path } = await bus.serveStats();
    assert.deepEqual(await servedSockets(dirname(line)), [path]);
    assert.deepEqual(existsSync(line), false);
  });

  test("take a path of one's own over from a process that was killed", async () => {
    const path = join(folder, 'own.sock');
    const { process: killed } = await child(
      `console.log((await createBus().serveStats({ path: '${path}' })).path); setInterval(() => {}, 1000);`,
    );
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    assert.ok(existsSync(path));
    await using bus = createBus();
    await bus.serveStats({ path });
    assert.equal((await sampleOf(path)).pid, process.pid);
  });
});

describe('a path that statistics are served at', { timeout: 600_000 }, () => {
  test('is not taken from a bus that serves there, nor from a file', async () => {
    await using bus = createBus();
    await using other = createBus();
    const path = join(folder, 'shared.sock');
    await bus.serveStats({ path });
    await assert.rejects(other.serveStats({ path }), { code: 'BUS_CANNOT_SERVE', reason: 'another bus serves there' });
    assert.equal((await sampleOf(path)).pid, process.pid);
    const file = join(folder, 'file.sock');
    writeFileSync(file, 'keep');
    await assert.rejects(bus.serveStats({ path: file }), { code: 'BUS_CANNOT_SERVE' });
    assert.equal(lstatSync(file).size, 4);
    await assert.rejects(bus.serveStats({ path: join(folder, 'x'.repeat(100)) }), { code: 'BUS_CANNOT_SERVE' });
    await assert.rejects(bus.serveStats({ path: join(folder, 'none', 's') }), { code: 'BUS_CANNOT_SERVE' });
    for (const options of [{ name: 'a/b' }, { name: '' }, { path: '' }, { path: 'a\0b' }, { other: 1 }]) {
      await assert.rejects(bus.serveStats(options as never), { name: /Invalid|Unknown/ } as never);
    }
  });

  test('where nothing can be served is refused at once, and nothing is left there', async () => {
    await using bus = createBus();
    bus.on('error', (error) => assert.fail(error));
    const long = join(folder, 'd'.repeat(100 - Buffer.byteLength(folder)));
    mkdirSync(long);
    await assert.rejects(bus.serveStats({ path: join(long, 's') }), { reason: /at most 103 bytes/ } as never);
    assert.deepEqual(readdirSync(long), []);
    const file = join(folder, 'no-folder');
    writeFileSync(file, '');
    await assert.rejects(bus.serveStats({ path: join(file, 's') }), {
      code: 'BUS_CANNOT_SERVE',
      reason: /^ENOTDIR/,
    } as never);
  });

  test('is the same one after the process has changed its folder', async () => {
    const { line, exited } = await child(`
      process.chdir('${folder}');
      const server = await createBus().serveStats({ path: 'relative.sock' });
      process.chdir('/');
      await server.close();
      console.log(server.path);`);
    assert.deepEqual([line, await exited, existsSync(line)], [join(folder, 'relative.sock'), 0, false]);
  });

  test('is in no folder that others may enter', async () => {
    await using bus = createBus();
    const runtime = join(folder, 'loose');
    mkdirSync(join(runtime, 'ringcast'), { recursive: true });
    chmodSync(join(runtime, 'ringcast'), 0o755);
    process.env.XDG_RUNTIME_DIR = runtime;
    await assert.rejects(bus.serveStats(), { code: 'BUS_CANNOT_SERVE', reason: /open to other users/ } as never);
    process.env.XDG_RUNTIME_DIR = folder;
  });

  const isRoot = process.getuid?.() === 0;
  test('refuses another user', { skip: !isRoot && 'only root can become another user' }, async () => {
    await using bus = createBus();
    // A folder that others may enter: the socket's own mode is what keeps them out.
    const open = mkdtempSync(join(tmpdir(), 'rc-open-'));
    chmodSync(open, 0o755);
    try {
      const { path } = await bus.serveStats({ path: join(open, 's') });
      // Becomes another user once it runs: Node itself may lie in a folder that only root may enter.
      const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534);
        require('net').connect(${JSON.stringify(path)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
      const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 600_000 });
      assert.equal(stdout.trim(), 'EACCES');
    } finally {
      rmSync(open, { recursive: true });
    }
  });

  test('belongs to another user: is not used', { skip: !isRoot && 'only root can become another user' }, async () => {
    await using bus = createBus();
    const runtime = join(folder, 'foreign');
    mkdirSync(join(runtime, 'ringcast'), { recursive: true, mode: 0o700 });
    execFileSync('chown', ['65534', join(runtime, 'ringcast')]);
    process.env.XDG_RUNTIME_DIR = runtime;
    await assert.rejects(bus.serveStats(), { code: 'BUS_CANNOT_SERVE', reason: /another user/ } as never);
    process.env.XDG_RUNTIME_DIR = folder;
  });
});

describe('a client of served statistics', { timeout: 600_000 }, () => {
  const garbage = [
    'hello\n',
    '{}\n',
    '{"v":2,"intervalMs":100}\n',
    '{"v":1}\n',
    '{"v":1,"intervalMs":-1}\n',
    'null\n',
    '{"v":1,"intervalMs":"1"}\n',
    `${'x'.repeat(5_000)}`,
    '\0\xff\n',
    'GET / HTTP/1.1\r\n\r\n',
  ];

  test('that asks for nonsense is told what to ask, and ended', async () => {
    await using bus = createBus();
    const { path } = await bus.serveStats();
    for (const request of garbage) {
      const lines = await ask(path, request);
      assert.equal(lines.length, 1, request);
      assert.match((JSON.parse(lines[0]!) as { error: string }).error, /ask with a line of JSON/);
    }
    assert.equal((await sampleOf(path)).health.ok, true);
  });

  test('that asks byte by byte is understood', async () => {
    await using bus = createBus();
    const { path } = await bus.serveStats();
    const socket = connect(path);
    const data = once(socket, 'data');
    for (const byte of '{"v":1,"intervalMs":0}\n') {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(String((await data)[0]), /^\{"v":1/);
  });

  test(`costs bounded memory, ${CLIENTS} of them that never read included, and keeps nobody else out for long`, async () => {
    const { process: served, line } = await child(`
      const bus = createBus();
      const { path } = await bus.serveStats();
      setInterval(() => {}, 1000);
      console.log(path);`);
    const memory = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(execFileSync('cat', [`/proc/${served.pid}/status`], { encoding: 'utf8' }))![1]);
    try {
      await sampleOf(line);
      const beforeKb = memory();
      let gone = 0;
      for (let batch = 0; batch < CLIENTS / 100; batch++) {
        const clients: Socket[] = [];
        for (let i = 0; i < 100; i++) {
          const socket = connect(line);
          socket.on('error', () => {});
          socket.on('close', () => gone++);
          socket.pause();
          socket.write('{"v":1,"intervalMs":100}\n');
          clients.push(socket);
        }
        // A few at a time: the backlog of the system is none of the server's.
        await until(() => clients.every((socket) => !socket.connecting));
        for (const socket of clients) socket.destroy();
        await until(() => gone === (batch + 1) * 100);
      }
      assert.equal(gone, CLIENTS);
      let sample: Sample | undefined;
      while (sample === undefined) sample = await sampleOf(line).catch(() => undefined);
      assert.equal(sample.pid, served.pid);
      // What any process takes that works, and 5 kB for each: the server keeps none of them.
      assert.ok(memory() - beforeKb < 16 * 1024 + CLIENTS * 5, `${memory() - beforeKb} kB more`);
    } finally {
      served.kill('SIGKILL');
    }
  });

  test('cannot hold the bus up, nor what is behind it: the bus goes on while clients come and go', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { path } = await bus.serveStats();
    const subscription = bus.subscribe('/a', inlineModule('export default () => {};'));
    const clients = Array.from({ length: 40 }, () => follow(path, () => {}).pause());
    let published = 0;
    for (let i = 0; i < 10; i++) {
      published += fillRing(bus, '/a');
      await bus.writable();
    }
    for (const client of clients) client.destroy();
    await subscription.stop({ drain: true });
    assert.equal(subscription.stats().delivered, published);
  });
});
