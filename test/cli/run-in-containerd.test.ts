/** `ringcast run --address`: images and containers in a real containerd. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { buildShellImage } from '../../src/services/index.js';
import { CONTAINER_LIFE, Containerd, noContainerd } from '../support/containerd.js';
import { COMMAND } from '../support/published.js';

function start(daemon: Containerd, args: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, 'run', '--address', daemon.address, ...args], {
    cwd: daemon.directory,
    // What a container's layers lie on: the default needs a file system that tests may not have.
    env: { ...process.env, CONTAINERD_SNAPSHOTTER: 'native' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, stdout: text(child.stdout), stderr: text(child.stderr) };
}

const LIFE = ['/namespaces/create', ...CONTAINER_LIFE, '/namespaces/delete'];

function topics(stdout: string): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[5] ?? line)
    .filter((topic) => /^\/(namespaces|containers|tasks)\//.test(topic));
}

describe('ringcast run --address', { skip: noContainerd(), timeout: 600_000 }, () => {
  let daemon: Containerd;
  const ends: (() => unknown)[] = [];
  before(async () => {
    daemon = await Containerd.start({ after: (end) => void ends.push(end as () => unknown) });
    await writeFile(join(daemon.directory, 'image.tar'), await buildShellImage('ringcast.test/shell:latest'));
  });
  after(async () => {
    for (const end of ends) await end();
  });

  test('prints the events of the container, exits as it does, and leaves nothing behind', async () => {
    const { ended, stdout, stderr } = start(daemon, ['image.tar', '--', 'sh', '-c', 'echo out; exit 7']);
    assert.deepEqual([await ended, await stderr], [7, 'out\n']);
    assert.deepEqual(topics(await stdout), LIFE);
    assert.equal(await daemon.ctr('namespaces', 'ls', '-q'), '');
  });

  test('interrupted, kills the container and removes what it made', async () => {
    const { child, ended, stdout, stderr } = start(daemon, ['image.tar', '--', 'sleep', '1000']);
    let printed = '';
    child.stdout.on('data', (chunk) => {
      const before = printed;
      printed += chunk;
      // A second one ends the command where it is.
      if (printed.includes('/tasks/start') && !before.includes('/tasks/start')) child.kill('SIGINT');
    });
    assert.deepEqual([await ended, await stderr], [130, 'ringcast run: interrupted by SIGINT\n']);
    assert.deepEqual(topics(await stdout), LIFE);
    assert.equal(await daemon.ctr('namespaces', 'ls', '-q'), '');
  });

  test('--demo shows an exit, a failure, a kill and a container that runs out of memory', async () => {
    const { ended, stdout, stderr } = start(daemon, ['--demo']);
    assert.deepEqual(
      [await ended, (await stderr).split('\n').filter((line) => line.startsWith('# it ended'))],
      [0, []],
    );
    const printed = topics(await stdout);
    assert.equal(printed.filter((topic) => topic === '/tasks/exit').length, 4);
    assert.ok(printed.includes('/tasks/oom'), printed.join());
  });

  test('says what is wrong, also when the daemon is gone, and removes what it made', async () => {
    await writeFile(join(daemon.directory, 'text'), 'no image');
    for (const [args, expected, said] of [
      [['text'], 1, /^ringcast run: ctr images import: .+\n$/],
      [['.'], 1, /^ringcast run: \.: is a folder; containerd imports archives\n$/],
      [['image.tar', '--', 'nope'], 1, /"nope": executable file not found/],
      [['image.tar', '--runtime', 'runc'], 2, /containerd has its own/],
    ] as const) {
      const { ended, stderr } = start(daemon, args);
      assert.equal(await ended, expected);
      assert.match(await stderr, said);
    }
    assert.equal(await daemon.ctr('namespaces', 'ls', '-q'), '');
    await daemon.kill();
    const { ended, stdout, stderr } = start(daemon, ['image.tar']);
    assert.deepEqual([await ended, await stdout], [1, '']);
    assert.match(await stderr, new RegExp(`^ringcast run: ${daemon.address}: .+\n$`));
  });
});
