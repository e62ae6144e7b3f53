/** The files that the generator refuses are refused by buf, whose compiler holds to protoc. buf comes from npm. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeFiles } from '../support/generated-code.js';
import { imported, refused } from './refused-protos.js';

const dir = mkdtempSync(join(tmpdir(), 'refusals-of-buf-'));
after(() => rmSync(dir, { recursive: true }));

before(() => {
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', dir, '@bufbuild/buf@1.75.0'], { stdio: 'pipe' });
});

/** What buf says of a folder of .proto files; empty if it compiles them. */
function complaints(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFiles(folder, files);
  const { status, stdout, stderr } = spawnSync(join(dir, 'node_modules/.bin/buf'), [
    'build',
    folder,
    '-o',
    '/dev/null',
  ]);
  assert.notEqual(status, null);
  return status === 0 ? '' : `${stdout}${stderr}`;
}

describe('buf', () => {
  it('compiles what the refused files import', () => {
    assert.equal(complaints('imported', imported), '');
  });

  for (const [index, [name, text]] of refused.entries()) {
    it(`refuses ${name}`, () => {
      assert.match(complaints(`case-${index}`, { ...imported, 'refused.proto': text }), /refused\.proto/);
    });
  }
});
