/** A directory that is gone after the test, and a look at what is in one. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export async function temporaryDirectory(
  t: Pick<TestContext, 'after'>,
  beforeRemoval = async () => {},
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ringcast-test-'));
  // Hooks run in the order of registration, so what uses the directory must end in this one.
  t.after(async () => {
    await beforeRemoval();
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

/** The paths of everything below `directory` that is no directory, relative, sorted. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
