/** Commands leave nothing in the temporary folder. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CommandLines } from '../support/command-lines.js';
import { CTR_LINES, FIXTURE } from '../support/run-command.js';

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
  const commands = new CommandLines();
  let temporaryFolder: string;
  before(() => {
    temporaryFolder = mkdtempSync(join(tmpdir(), 'ringcast-test-'));
  });
  after(() => {
    commands.close();
    rmSync(temporaryFolder, { recursive: true });
  });

  for (const args of COMMANDS) {
    it(`leaves nothing in the temporary folder: ${args.join(' ')}`, async () => {
      await commands.runWith({ env: { TMPDIR: temporaryFolder } }, ...args);
      assert.deepEqual(readdirSync(temporaryFolder), []);
    });
  }
});
