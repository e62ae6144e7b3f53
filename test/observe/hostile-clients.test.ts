/** What may happen to the socket of a served bus, and what its clients may do: all of it leaves the bus served. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bus, createBus, type Sample } from '../../src/index.js';
import { servedSockets } from '../../src/observe/serving/socket-path.js';
import { until } from '../support/bus-scene.js';
import { sampleOf } from '../support/stats-client.js';

const lib = new URL('../../lib/index.js', import.meta.url).href;
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rc-'));
  process.env.XDG_RUNTIME_DIR = folder;
});
after(() => rmSync(folder, { recursive: true }));

/** The first sample that is to be had: until then clients are refused, or there is no socket. */
async function sampleSoon(path: string): Promise<Sample> {
  for (;;) {
    const sample = await sampleOf(path).catch(() => undefined);
    if (sample !== undefined) return sample;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function listening(path: string): Promise<Server> {
  const server = createServer().listen(path);
  return once(server, 'listening').then(() => server);
}

describe('the socket of a served bus', { timeout: 600_000 }, () => {
  test('is made again where it was deleted, alone or with its folder, and is gone with the bus', async () => {
    const bus = createBus();
    const { path } = await bus.serveStats({ name: 'deleted' });
    rmSync(path);
    assert.equal((await sampleSoon(path)).name, 'deleted');
    rmSync(dirname(path), { recursive: true });
    assert.equal((await sampleSoon(path)).name, 'deleted');
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
    assert.equal(lstatSync(dirname(path)).mode & 0o777, 0o700);
    await bus.close();
    assert.equal(existsSync(path), false);
  });

  test('whose folder has become a file does no harm, and is made again once that is gone', async () => {
    const bus = createBus();
    bus.on('error', (error) => assert.fail(error));
    const parent = join(folder, 'replaced');
    const path = join(parent, 's.sock');
    const replace = (): void => {
      rmSync(parent, { recursive: true });
      writeFileSync(parent, '');
    };
    mkdirSync(parent);
    await bus.serveStats({ path });
    replace();
    rmSync(parent);
    mkdirSync(parent);
    await sampleSoon(path);
    replace();
    await bus.close();
    const script = `
      import { createBus } from '${lib}';
      import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
      rmSync('${parent}');
      mkdirSync('${parent}');
      await createBus().serveStats({ path: '${path}' });
      rmSync('${parent}', { recursive: true });
      writeFileSync('${parent}', '');
      process.exit(0);`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script]);
  });

  test('is not made again in a folder that is nobody knows whose, and not by a bus that is closed', async () => {
    const bus = createBus();
    const own = mkdtempSync(join(folder, 'own-'));
    const { path } = await bus.serveStats({ path: join(own, 's') });
    renameSync(own, `${own}-moved`);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(existsSync(own), false);
    renameSync(`${own}-moved`, own);
    await sampleSoon(path);
    await bus.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(existsSync(path), false);
  });

  test('that another one has taken the place of is left to that', async () => {
    const bus = createBus();
    const { path } = await bus.serveStats({ path: join(folder, 'taken') });
    const other = await listening(`${path}-2`);
    renameSync(`${path}-2`, path);
    await bus.close();
    assert.ok(lstatSync(path).isSocket());
    other.close();
    rmSync(path, { force: true });
  });

  test('costs a process one listener of its end, however many of its buses are served', async () => {
    const before = process.listenerCount('exit');
    const buses: Bus[] = Array.from({ length: 12 }, () => createBus());
    await Promise.all(buses.map((bus, index) => bus.serveStats({ name: `many-${index}` })));
    assert.equal(process.listenerCount('exit'), before + 1);
    await Promise.all(buses.map((bus) => bus.close()));
    assert.equal(process.listenerCount('exit'), before);
  });

  test('is found among a thousand, and those of processes that are gone are removed', async () => {
    const many = join(folder, 'many');
    execFileSync('mkdir', ['-m', '700', many]);
    const names = Array.from({ length: 1_000 }, (_, index) => join(many, `${index + 1}-bus.sock`));
    const servers = await Promise.all(names.map(listening));
    assert.deepEqual((await servedSockets(many)).length, 1_000);
    for (const server of servers) server.close();
    assert.deepEqual(await servedSockets(many), []);
  });

  const isRoot = process.getuid?.() === 0;
  test('is not looked for in the folder of another user, nor in an open one', {
    skip: !isRoot && 'only root can give a folder away',
  }, async () => {
    const foreign = join(folder, 'theirs');
    execFileSync('mkdir', ['-m', '700', foreign]);
    const server = await listening(join(foreign, '1-bus.sock'));
    assert.equal((await servedSockets(foreign)).length, 1);
    execFileSync('chmod', ['755', foreign]);
    await assert.rejects(servedSockets(foreign), { code: 'BUS_CANNOT_SERVE', reason: /open to other users/ } as never);
    execFileSync('chmod', ['700', foreign]);
    execFileSync('chown', ['65534', foreign]);
    await assert.rejects(servedSockets(foreign), { code: 'BUS_CANNOT_SERVE', reason: /another user/ } as never);
    server.close();
  });
});

describe('clients of served statistics', { timeout: 600_000 }, () => {
  test('that ask for one sample and never close, or never take it, leave room for others', async () => {
    await using bus = createBus();
    // Larger than what the system takes for a client that does not read.
    for (let id = 0; id < 1_000; id++) bus.subscribe('/a', () => {}, { name: `${'n'.repeat(500)}${id}` });
    const { path } = await bus.serveStats();
    const clients: Socket[] = [];
    let gone = 0;
    for (let id = 0; id < 32; id++) {
      const client = connect({ path, allowHalfOpen: true });
      client.on('error', () => {});
      client.on('close', () => gone++);
      client.write('{"v":1,"intervalMs":0}\n');
      if (id % 2 === 0) client.resume();
      else client.pause();
      clients.push(client);
    }
    await until(() => clients.every((client) => !client.connecting));
    assert.equal((await sampleSoon(path)).stats.subscriptions.length, 1_000);
    for (const client of clients) client.destroy();
    await until(() => gone === 32);
  });

  test('that ask as fast as they can cost the bus a bounded number of snapshots', async () => {
    await using bus = createBus();
    const { path } = await bus.serveStats();
    let snapshots = 0;
    const stats = bus.stats.bind(bus);
    bus.stats = () => {
      snapshots++;
      return stats();
    };
    const begun = performance.now();
    // One after another: those that ask at the same time share a snapshot anyway.
    for (let asked = 0; asked < 100; asked++) await sampleOf(path);
    const elapsedMs = performance.now() - begun;
    assert.ok(snapshots > 0 && snapshots <= elapsedMs / 20 + 2, `${snapshots} in ${elapsedMs} ms`);
  });

  test('cannot come while the process has no file descriptor left, and can again afterwards', async () => {
    const script = `
      import { createBus } from '${lib}';
      import { openSync, closeSync } from 'node:fs';
      const bus = createBus();
      bus.on('error', (error) => console.log('error', error.message));
      const { path } = await bus.serveStats();
      console.log(path);
      const files = [];
      try { for (;;) files.push(openSync('/dev/null')); } catch {}
      console.log('full');
      process.stdin.once('data', () => {
        for (const file of files) closeSync(file);
        console.log('free');
      });`;
    const args = [
      '-c',
      'ulimit -n 200; exec "$0" "$@"',
      process.execPath,
      '--no-warnings',
      '--input-type=module',
      '-e',
      script,
    ];
    const served = spawn('/bin/sh', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    served.stdout.on('data', (chunk) => {
      output += chunk as string;
    });
    await until(() => output.includes('full'));
    const path = output.split('\n')[0]!;
    for (let tries = 0; tries < 20; tries++) {
      const client = connect(path);
      client.on('error', () => {});
      client.on('connect', () => client.write('{"v":1,"intervalMs":0}\n'));
      const closed = new Promise((resolve) => client.on('close', resolve));
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 20))]);
      client.destroy();
    }
    served.stdin.write('now\n');
    await until(() => output.includes('free'));
    assert.equal((await sampleSoon(path)).pid, served.pid);
    assert.doesNotMatch(output, /error/);
    served.kill('SIGKILL');
    await once(served, 'exit');
  });
});
