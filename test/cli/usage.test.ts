import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { covering } from '../support/full.js';
import { FIXTURE, runCommand } from '../support/run-command.js';

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
  ];
  for (const [args, message, hint] of covering(cases, 2)) {
    it(`says so in two lines and exits with 2: ringcast ${args.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await runCommand(args);
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
      assert.deepEqual(await runCommand([option]), { exitCode: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  const helps = [['--help'], ['events', '--help'], ['replay', '-h', '--nonsense'], ['-h'], ['generate', '--help']];
  for (const args of covering(helps, 2)) {
    it(`prints help for ${args.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await runCommand(args);
      assert.match(stdout, /Usage: ringcast [\s\S]*--help/);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    });
  }
});
