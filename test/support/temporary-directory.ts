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

/** The paths of everything below `directory` that is no directory, relative, sorted. Links are not followed, as Node 26 does. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const paths = entries.map(async (entry) => {
    if (!entry.isDirectory()) return [entry.name];
    return (await filesBelow(join(directory, entry.name))).map((path) => join(entry.name, path));
  });
  return (await Promise.all(paths)).flat().sort();
}
