import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Report } from '../../bench/results.js';
import { median } from '../../bench/statistics.js';
import { FULL } from '../support/full.js';

const script = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [script, ...args]);

interface Asked {
  readonly benchCase: string;
  readonly subjects: readonly string[];
  readonly where: string;
  readonly options: readonly string[];
}

const asked: readonly Asked[] = [
  {
    benchCase: 'publish/none',
    subjects: ['EventEmitter', 'diagnostics_channel', 'ringcast'],
    where: 'in processes of its own',
    options: [],
  },
  {
    benchCase: 'fan-out/lazy/1',
    // In a short run the one without peers: each of them is started and warmed up for seconds.
    subjects: FULL
      ? ['BroadcastChannel', 'postMessage', 'postMessage-bytes', 'ringcast', 'ringcast-views']
      : ['ringcast'],
    where: 'in one process',
    options: ['--in-process'],
  },
];

describe('a quick run of the benchmark suite', () => {
  for (const { benchCase, subjects, where, options } of asked) {
    test(`measures ${benchCase} ${where}, its subjects in every round, and writes it as JSON`, async () => {
      const file = join(folder, 'report.json');
      const what = ['--only', `^${benchCase}$`, '--subject', `^(${subjects.join('|')})$`];
      const { stdout } = await run('--quick', '--rounds', '2', ...options, ...what, '--json', file);
      assert.match(stdout, new RegExp(`^${benchCase}$`, 'm'));
      const { environment, results } = JSON.parse(readFileSync(file, 'utf8')) as Report;
      for (const key of ['cpu', 'cores', 'node', 'v8', 'os', 'commit', 'dirty', 'loadAverage']) {
        assert.ok(key in environment, key);
      }
      assert.deepEqual(results.map(({ subject }) => subject).sort(), subjects);
      for (const result of results) {
        assert.equal(result.case, benchCase);
        assert.equal(result.samples.length, 2);
        assert.ok(result.samples.every((sample) => sample > 0));
        assert.equal(result.value, median(result.samples));
        assert.ok(result.metric !== '' && result.unit !== '');
      }
    });
  }

  test('draws the plots of an earlier run without measuring', async () => {
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const plots = join(folder, 'plots');
    const { stdout } = await run('--from', join(root, 'bench/results.json'), '--plots', plots);
    const names = readdirSync(join(root, 'bench/plots'));
    assert.deepEqual(readdirSync(plots).sort(), names.sort());
    for (const name of names) assert.match(stdout, new RegExp(`^wrote .*${name}$`, 'm'));
  });

  test('leaves with 2 and one line when it cannot tell what to measure', async () => {
    await assert.rejects(run('--only', 'no-such-case'), (error: { code: number; stderr: string }) => {
      assert.equal(error.code, 2);
      assert.match(error.stderr, /^--only no-such-case matches none of/);
      return true;
    });
  });
});
