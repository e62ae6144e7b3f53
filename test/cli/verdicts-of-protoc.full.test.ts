/** protoc itself, from npm, accepts and refuses what the table of the generator says. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeFiles } from '../support/generated-code.js';
import { optionVerdicts } from './protoc-option-verdicts.js';
import { imported, verdicts } from './protoc-verdicts.js';

const dir = mkdtempSync(join(tmpdir(), 'verdicts-of-protoc-'));
after(() => rmSync(dir, { recursive: true }));

before(() => {
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', dir, 'protoc@36.2.0'], { stdio: 'pipe' });
});

const BINARY = join(
  dir,
  'node_modules/protoc/bin',
  `protoc-${process.platform === 'darwin' ? 'osx' : 'linux'}-${process.arch === 'arm64' ? 'aarch_64' : 'x86_64'}`,
);

function accepts(text: string): boolean {
  const files = join(dir, 'files');
  const includes = join(dir, 'node_modules/protoc/include');
  writeFiles(files, { ...imported, 'verdict.proto': text });
  const { status } = spawnSync(BINARY, [
    `-I${files}`,
    `-I${includes}`,
    '--descriptor_set_out=/dev/null',
    'verdict.proto',
  ]);
  assert.ok(status === 0 || status === 1);
  return status === 0;
}

describe('protoc', () => {
  for (const { kind, accepted, refused } of [...verdicts, ...optionVerdicts]) {
    it(`has the verdicts of the table on ${kind}`, () => {
      for (const text of accepted) assert.equal(accepts(text), true, text);
      for (const text of refused) assert.equal(accepts(text), false, text.slice(0, 500));
    });
  }
});
