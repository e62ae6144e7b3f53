import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it, type TestContext } from 'node:test';
import { parseRunOptions } from '../../src/cli/run-options.js';
import { buildImageArchive } from '../../src/services/index.js';
import { CommandLines } from '../support/command-lines.js';
import { covering } from '../support/full.js';
import { COMMAND } from '../support/published.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runcMissing, testImageArchive } from '../support/test-image.js';

const ARCHIVE = await testImageArchive();
const RUNC_MISSING = await runcMissing();

/** A folder with `image.tar`, also where the command puts its temporary files. */
async function workplace(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'image.tar'), ARCHIVE);
  return directory;
}

function start(directory: string, args: readonly string[], nodeOptions: readonly string[] = []) {
  const child = spawn(process.execPath, [...nodeOptions, COMMAND, 'run', ...args], {
    cwd: directory,
    env: { ...process.env, TMPDIR: directory },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stdout = text(child.stdout).catch(() => 'not read to its end');
  return { child, ended, stdout, stderr: text(child.stderr) };
}

async function run(directory: string, args: readonly string[], input: Buffer = Buffer.alloc(0)) {
  const { child, ended, stdout, stderr } = start(directory, args);
  child.stdin.on('error', () => {}).end(input);
  return { code: await ended, stdout: await stdout, stderr: await stderr };
}

function topics(stdout: string): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[5] ?? line)
    .filter((topic) => topic.startsWith('/service/container/'))
    .map((topic) => topic.slice('/service/container/'.length));
}

/** Runs those that end before they start a container, or because they cannot. */
const commands = new CommandLines();
after(() => commands.close());

describe('ringcast run', () => {
  it('prints the events of a container and exits as it does, without progress in a pipe', async (t) => {
    const directory = await workplace(t);
    const result = await run(directory, ['image.tar', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal(result.code, 7);
    assert.equal(result.stderr, 'out\nerr\n');
    assert.deepEqual(topics(result.stdout), ['create', 'start', 'exit', 'delete']);
    assert.match(
      result.stdout.split('\n')[0] ?? '',
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC default \/plugin\/register \{/,
    );
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('runs the command of the image, from standard input', async (t) => {
    const directory = await workplace(t);
    const { code, stdout } = await run(directory, ['-'], ARCHIVE);
    assert.equal(code, 0);
    assert.deepEqual(topics(stdout), ['create', 'start', 'exit', 'delete']);
  });

  const refused = [
    ['a file that is not there', ['nope.tar'], 1, /^ringcast run: nope\.tar: no such file\n$/],
    ['a file that is no archive', ['text'], 1, /^ringcast run: image archive: is no sound tar archive.*\n$/],
    ['a folder that is no layout', ['.'], 1, /^ringcast run: .*no OCI image layout\n$/],
    ['a command that is not in the image', ['image.tar', '--', 'nope'], 1, /^ringcast run: container .*"nope".*\n$/],
    ['no image', [], 2, /which image/],
    ['two images', ['image.tar', 'sh'], 2, /behind --/],
    ['an unknown option', ['--fast'], 2, /--fast/],
    ['an unknown runtime', ['image.tar', '--runtime', 'docker'], 2, /runc or process/],
    ['a memory limit that is none', ['image.tar', '--memory', 'lots'], 2, /8m/],
    ['a memory limit without isolation', ['image.tar', '--memory', '8m', '--runtime', 'process'], 2, /--runtime runc/],
    ['an empty command', ['image.tar', '--'], 2, /no command/],
    ['a demo of an image', ['image.tar', '--demo'], 2, /--demo/],
  ] as const;
  for (const [name, args, code, message] of covering(refused, 3)) {
    it(`ends with ${code} and says why for ${name}, and leaves nothing`, async (t) => {
      const directory = await workplace(t);
      await writeFile(
        join(directory, 'text'),
        'no archive at all, but longer than five hundred and twelve bytes\n'.repeat(20),
      );
      const result = await commands.runWith({ cwd: directory, env: { TMPDIR: directory } }, 'run', ...args);
      assert.equal(result.exitCode, code);
      assert.match(result.stderr, message);
      assert.deepEqual((await readdir(directory)).sort(), ['image.tar', 'text']);
    });
  }

  it('says what to install where the package tar is missing', async (t) => {
    const directory = await workplace(t);
    const withoutTar = new URL('../support/without-tar.js', import.meta.url).href;
    const { ended, stderr } = start(directory, ['image.tar'], ['--import', withoutTar]);
    assert.equal(await ended, 1);
    assert.equal(await stderr, 'ringcast run: the package tar is not installed; install it with: npm install tar@7\n');
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('prints its usage when asked, and that is no failure', async () => {
    const { exitCode, stdout, stderr } = await commands.run('run', '--help');
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.match(stdout, /^Usage: ringcast run/);
  });

  it('kills the container and cleans up when interrupted', async (t) => {
    const directory = await workplace(t);
    const { child, ended, stdout, stderr } = start(directory, [
      'image.tar',
      '--',
      'sh',
      '-c',
      'echo up; sleep 1000; exit 1',
    ]);
    await new Promise((resolve) => child.stderr.once('data', resolve));
    child.kill('SIGINT');
    assert.equal(await ended, 130);
    assert.match(await stderr, /interrupted by SIGINT\n$/);
    assert.deepEqual(topics(await stdout), ['create', 'start', 'exit', 'delete']);
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('stops unpacking and cleans up when its terminal is gone', async (t) => {
    const directory = await workplace(t);
    const files = Array.from({ length: 10_000 }, (_, at) => ({ path: `${at}` }));
    await writeFile(join(directory, 'image.tar'), await buildImageArchive({ name: 'many:1', files, command: ['sh'] }));
    // By itself: whoever had to read of it first might be too late.
    const hangUp = new URL('../support/hang-up.js', import.meta.url).href;
    const { ended, stdout } = start(directory, ['image.tar'], ['--import', hangUp]);
    assert.equal(await ended, 129);
    assert.match(await stdout, /\/service\/rootfs\/remove/);
    assert.doesNotMatch(await stdout, /\/service\/rootfs\/commit/);
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('ends when interrupted while it waits for an archive', async (t) => {
    const directory = await workplace(t);
    const { child, ended, stdout } = start(directory, ['-']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    assert.equal(await ended, 143);
    assert.deepEqual(topics(await stdout), []);
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('stops and cleans up without a word when nobody reads its events any more', async (t) => {
    const directory = await workplace(t);
    const { child, ended, stderr } = start(directory, ['-', '--', 'sh', '-c', 'sleep 1000; exit 1']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.destroy();
    // Only now, so that there are events that nobody reads.
    child.stdin.on('error', () => {}).end(ARCHIVE);
    assert.equal(await ended, 141);
    assert.equal(await stderr, '');
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('shows the demo: three containers, and a fourth where memory can be limited', async (t) => {
    const directory = await workplace(t);
    const { code, stdout } = await run(directory, ['--demo', '--runtime', 'process']);
    assert.equal(code, 0);
    const one = ['create', 'start', 'exit', 'delete'];
    assert.deepEqual(topics(stdout), [...one, ...one, ...one]);
  });

  it('shows a container that runs out of memory, with runc', { skip: RUNC_MISSING }, async (t) => {
    const directory = await workplace(t);
    const { code, stdout } = await run(directory, ['--demo', '--runtime', 'runc']);
    assert.equal(code, 0);
    assert.deepEqual(topics(stdout).slice(-5), ['create', 'start', 'oom', 'exit', 'delete']);
    const limited = await run(directory, ['image.tar', '--memory', '8m', '--', 'tail', '/dev/zero']);
    assert.equal(limited.code, 137);
    assert.ok(topics(limited.stdout).includes('oom'));
    assert.deepEqual(await readdir(directory), ['image.tar']);
  });

  it('reads sizes in bytes, and in units of 1,024', () => {
    const memory = (size: string) => parseRunOptions(['x.tar', '--memory', size])?.memoryBytes;
    assert.deepEqual(['512', '1k', '8m', '8M', '2g'].map(memory), [512, 1024, 8 << 20, 8 << 20, 2 ** 31]);
    for (const bad of ['0', '-1', '1.5m', '8mb', '', '9999999999999']) assert.throws(() => memory(bad), /--memory/);
  });
});
