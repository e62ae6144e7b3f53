/** Commands leave nothing in the temporary folder. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CTR_LINES, FIXTURE, runCommand } from '../support/run-command.js';

/** Commands as they end well and as they do not, by what they are given. */
const COMMANDS: readonly (readonly string[])[] = [
  ['replay', FIXTURE, '--passes', '2'],
  ['replay', CTR_LINES],
  ['events', FIXTURE],
  ['events', FIXTURE, '--json', '--filter', '/tasks/exit'],
  ['generate', 'proto/containerd/types/envelope.proto', '--check', '--out', 'no/such/folder'],
  ['run', '--rootfs', '/nowhere', '--', 'true'],
  ['--help'],
];

describe('ringcast', () => {
  const { TMPDIR } = process.env;
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringcast-test-'));
    process.env.TMPDIR = folder;
  });
  after(() => {
    rmSync(folder, { recursive: true });
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  for (const args of COMMANDS) {
    it(`leaves nothing in the temporary folder: ${args.join(' ')}`, async () => {
      await runCommand(args);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});
