/** Runs of test files that are bounded in time: `npm run test:full -- --minutes M`. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type BoundedRun, runBounded } from './support/bounded-run.js';
import type { Limit } from './support/test-process.js';

const folder = mkdtempSync(join(tmpdir(), 'bounded-run-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

async function whenWritten(path: string): Promise<void> {
  while (!existsSync(path)) await wait(5, undefined, { ref: false });
}

/** Whether it is, and not only waits for its parent to ask for its exit code. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

async function run(
  files: readonly string[],
  options: Partial<BoundedRun> = {},
): Promise<{ passed: boolean; printed: string }> {
  let printed = '';
  const print = (text: string): void => {
    printed += text;
  };
  const minutes = Number.POSITIVE_INFINITY;
  const results = await runBounded({ files, nameOf: basename, minutes, concurrency: 1, print, ...options });
  return { passed: [...results.values()].every(({ passed }) => passed), printed };
}

describe('a run that is bounded in time', () => {
  const passes = file('passes.mjs', "console.log('said by what passes');");
  const fails = file('fails.mjs', "console.log('said by what fails'); process.exitCode = 1;");
  const hangs = file('hangs.mjs', 'setInterval(() => {}, 1e6);');

  test('prints what a file that fails has said, and goes on', async () => {
    const { passed, printed } = await run([fails, passes]);
    assert.equal(passed, false);
    assert.match(printed, /^said by what fails\n +[\d.]+ s {2}fails\.mjs {2}FAILED\n +[\d.]+ s {2}passes\.mjs\n$/);
  });

  test('ends what still runs when the time is over, starts nothing more, and lists both', async () => {
    const { passed, printed } = await run([hangs, fails], { minutes: 0.005 });
    assert.equal(passed, true);
    assert.equal(printed, 'ended after 0.005 minutes: hangs.mjs\nnot started within 0.005 minutes: fails.mjs\n');
  });

  describe('with a limit for each file', () => {
    let heard = 0;
    /** Over for each file once that has written a file of that name. */
    const limitOf = (path: string): Limit => {
      const limit = new AbortController();
      void whenWritten(`${path}.ready`).then(() => limit.abort());
      return { signal: limit.signal, heard: () => void heard++ };
    };

    test('fails, names a file whose threads do not end though its tests have passed, and what holds it open', async () => {
      const leavesThread = file(
        'leaves-thread.mjs',
        `import { test } from 'node:test';
         import { Worker } from 'node:worker_threads';
         const wait = \`
           require('node:fs').writeFileSync('${join(folder, 'leaves-thread.mjs.ready')}', '');
           function waitForever() { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); }
           waitForever();\`;
         test('passes', () => {});
         process.once('beforeExit', () => void new Worker(wait, { eval: true }));`,
      );
      const { passed, printed } = await run([leavesThread, passes], { limitOf });
      assert.equal(passed, false);
      assert.match(
        printed,
        /^✔ passes.*\n\nNot ended within [\d.]+ s, and killed\. What held it open:\n {2}main thread: message port/,
      );
      assert.match(printed, /worker 1.*\n +at waitForever/);
      assert.ok(heard > 0, 'what it printed was heard');
      assert.match(printed, /leaves-thread\.mjs {2}FAILED\n.*passes\.mjs\n$/);
    });

    test('kills what the file has started, in other process groups too, even if the file itself has ended', async () => {
      const starts = (name: string, options: string, isReady: string, then: string): string =>
        file(
          name,
          `import { spawn } from 'node:child_process';
           const code = \`
             console.log(process.pid);
             setInterval(() => ${isReady} && fs.writeFileSync('${join(folder, name)}.ready', ''), 5);\`;
           spawn(process.execPath, ['-e', code, String(process.pid)], { ${options} })${then};`,
        );
      const stays = starts('stays.mjs', "stdio: 'inherit', detached: true", 'true', '');
      const leaves = starts('leaves.mjs', "stdio: 'inherit'", 'process.ppid !== Number(process.argv[1])', '.unref()');
      const { passed, printed } = await run([stays, leaves], { limitOf });
      assert.equal(passed, false);
      assert.match(printed, /main thread: process \(process \d+\)\n.*its output: a process that it has started/s);
      const pids = Array.from(printed.matchAll(/^(\d+)$/gm), ([, pid]) => Number(pid));
      assert.equal(pids.length, 2);
      for (const pid of pids) while (isRunning(pid)) await wait(5);
    });
  });
});
