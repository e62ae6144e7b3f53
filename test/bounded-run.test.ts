/** Runs of test files that are bounded in time: `npm run test:full -- --minutes M`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runBounded } from './support/bounded-run.js';

const folder = mkdtempSync(join(tmpdir(), 'bounded-run-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

async function run(files: readonly string[], minutes: number): Promise<{ passed: boolean; printed: string }> {
  let printed = '';
  const print = (text: string): void => {
    printed += text;
  };
  return { passed: await runBounded({ files, nameOf: basename, minutes, concurrency: 1, print }), printed };
}

describe('a run that is bounded in time', () => {
  const passes = file('passes.mjs', "console.log('said by what passes');");
  const fails = file('fails.mjs', "console.log('said by what fails'); process.exitCode = 1;");
  const hangs = file('hangs.mjs', 'setInterval(() => {}, 1e6);');

  test('prints what a file that fails has said, and goes on', async () => {
    const { passed, printed } = await run([fails, passes], Number.POSITIVE_INFINITY);
    assert.equal(passed, false);
    assert.match(printed, /^said by what fails\n +[\d.]+ s {2}fails\.mjs {2}FAILED\n +[\d.]+ s {2}passes\.mjs\n$/);
  });

  test('ends what still runs when the time is over, starts nothing more, and lists both', async () => {
    const { passed, printed } = await run([hangs, fails], 0.005);
    assert.equal(passed, true);
    assert.equal(printed, 'ended after 0.005 minutes: hangs.mjs\nnot started within 0.005 minutes: fails.mjs\n');
  });
});
