/** What a commit makes of a `sync` that is too old, and of one that says that the disk has failed. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { commitFiles, type SnapshotCommitment } from '../../../src/services/rootfs/snapshot-files.js';
import { filesBelow, temporaryDirectory } from '../../support/temporary-directory.js';

const COMMITTED = { key: 'v1', kind: 'committed', parent: '' } as unknown as SnapshotCommitment['committed'];

/** A commit of a snapshot, where the program `sync` does with `-f` what a script says, and otherwise succeeds. */
async function commitment(t: TestContext, script: string): Promise<SnapshotCommitment> {
  const directory = await temporaryDirectory(t);
  const programs = join(directory, 'bin');
  await mkdir(programs);
  const text = `#!/bin/sh\n[ "$1" = -f ] || exit 0\n${script}\n`;
  await writeFile(join(programs, 'sync'), text, { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${programs}:${PATH}`;
  t.after(() => {
    process.env.PATH = PATH;
  });
  const path = join(directory, 'snapshot');
  const activeFile = join(directory, 'active.json');
  await mkdir(path);
  await writeFile(activeFile, '{}');
  return { path, key: 'active', activeFile, committed: COMMITTED, committedFile: join(directory, 'committed.json') };
}

describe('the files of a commit', () => {
  for (const said of [
    "sync: invalid option -- 'f'\nTry 'sync --help' for more information.",
    "sync: Unknown option 'f'",
  ]) {
    it(`are synced with all others by a program that says ${JSON.stringify(said)}`, async (t) => {
      const commit = await commitment(t, `cat >&2 <<'end'\n${said}\nend\nexit 1`);
      await commitFiles(commit);
      const files = await filesBelow(join(commit.path, '..'));
      assert.deepEqual([files.includes('committed.json'), files.includes('active.json')], [true, false], files.join());
    });
  }

  it('are not committed where their filesystem cannot be synced', async (t) => {
    const commit = await commitment(t, 'echo "sync: error syncing \'$2\': Input/output error" >&2\nexit 1');
    const code = 'SERVICE_COMMAND_FAILED';
    await assert.rejects(commitFiles(commit), { code, message: /Input\/output error/ });
    const files = await filesBelow(join(commit.path, '..'));
    assert.deepEqual([files.includes('committed.json'), files.includes('active.json')], [false, true], files.join());
  });

  it('are told about in English, whatever the locale', async (t) => {
    const before = process.env.LC_ALL;
    process.env.LC_ALL = 'de_DE.UTF-8';
    t.after(() => {
      if (before === undefined) delete process.env.LC_ALL;
      else process.env.LC_ALL = before;
    });
    const commit = await commitment(t, 'if [ "$LC_ALL" = C ]; then echo "sync: invalid option -- f" >&2; fi\nexit 1');
    await commitFiles(commit);
  });
});
