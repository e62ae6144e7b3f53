import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bench/profile.js', import.meta.url));

const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber });

/** A program that calls `publish` of two files; one of them calls a native function. */
const profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', '', -1), children: [2, 4] },
    { id: 2, callFrame: frame('publish', 'file:///lib/bus.js', 9), children: [3] },
    { id: 3, callFrame: frame('hrtime', '', -1) },
    { id: 4, callFrame: frame('publish', 'node:diagnostics_channel', 99) },
  ],
  samples: [1, 2, 3, 2, 4],
  timeDeltas: [1000, 600, 250, 150, 5000],
};

test('what a function and its callees spent is told as shares of its whole, without others of its name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.cpuprofile');
  writeFileSync(file, JSON.stringify(profile));
  const { stdout, status } = spawnSync(process.execPath, [PROGRAM, '^publish bus.js', file], { encoding: 'utf8' });
  assert.equal(stdout, 'a.cpuprofile: 0.00 s in ^publish bus.js\n75.0 %  publish bus.js:10\n25.0 %  hrtime\n');
  assert.equal(status, 0);
  assert.equal(spawnSync(process.execPath, [PROGRAM, 'publish']).status, 2);
});
