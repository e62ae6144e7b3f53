import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { CommandLines } from '../support/command-lines.js';
import { covering } from '../support/full.js';
import { COMMAND } from '../support/published.js';
import { FIXTURE } from '../support/run-command.js';

const commands = new CommandLines();
after(() => commands.close());

describe('ringcast, used wrongly', () => {
  const cases: [args: string[], message: RegExp, hint: RegExp][] = [
    [[], /no command/, /events, replay, run, generate/],
    [['evnts'], /unknown command "evnts"/, /events/],
    [['toString'], /unknown command "toString"/, /events/],
    [['--filter'], /unknown command "--filter"/, /--help/],
    [['events', '--fliter', '/a'], /Unknown option '--fliter'/, /--filter/],
    [['events', '--filter'], /argument missing/, /--filter/],
    [['events', '--json=yes'], /does not take an argument/, /--json/],
    [['events', 'a', 'b'], /one file at most, got 2: a b/, /--filter/],
    [['events', FIXTURE, '--filter', '/tasks/'], /glob "\/tasks\/".*write "\/tasks"/, /'\/tasks\/\*\*'/],
    [['events', FIXTURE, '--filter', 'topic=='], /filter "topic==": /, /topic==/],
    [['replay', '--passes', '0'], /--passes must be a whole number from 1, got "0"/, /--passes 10/],
    [['generate'], /no \.proto file/, /--out/],
    [['generate', 'a.proto'], /no --out/, /--out/],
    [['generate', 'a.proto', '--out', ''], /no --out/, /--out/],
    [['mirror', '--nats', '127.0.0.1:1', '--filter', '/tasks/'], /glob "\/tasks\/"/, /'\/tasks\/\*\*'/],
  ];
  for (const [args, message, hint] of covering(cases, 2)) {
    it(`says so in two lines and exits with 2: ringcast ${args.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await commands.run(...args);
      const [first, second, ...rest] = stderr.split('\n');
      assert.match(first!, /^ringcast: /);
      assert.match(first!, message);
      assert.match(second!, hint);
      assert.deepEqual(rest, ['']);
      assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    });
  }
});

describe('ringcast', () => {
  it('prints the version of its package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const option of ['--version', '-v']) {
      assert.deepEqual(await commands.run(option), { exitCode: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  const texts = [['--help'], ['--version'], ['run', '--help'], ['events', '--help']];
  for (const args of covering(texts, 2)) {
    it(`ends without a stack where nobody can read ${args.join(' ')}`, { skip: !existsSync('/dev/full') }, async () => {
      const full = await open('/dev/full', 'w');
      const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', full.fd, 'pipe'] });
      const [stderr, [exitCode]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
      await full.close();
      assert.match(stderr, /^ringcast: standard output: ENOSPC[^\n]*\n$/);
      assert.equal(exitCode, 1);
    });
  }

  for (const args of covering([['events'], ['run', '-'], ['replay', '-']], 1)) {
    it(`says that its standard input is a folder: ${args.join(' ')}`, async () => {
      const folder = await open('.', 'r');
      const child = spawn(process.execPath, [COMMAND, ...args], { stdio: [folder.fd, 'ignore', 'pipe'] });
      const [stderr, [exitCode]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
      await folder.close();
      assert.match(stderr, /^ringcast[^\n]*: standard input: is a folder, not a file\n$/);
      assert.equal(exitCode, 1);
    });
  }

  const helps = [['--help'], ['events', '--help'], ['replay', '-h', '--nonsense'], ['-h'], ['generate', '--help']];
  for (const args of covering(helps, 2)) {
    it(`prints help for ${args.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await commands.run(...args);
      assert.match(stdout, /Usage: ringcast [\s\S]*--help/);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    });
  }
});
