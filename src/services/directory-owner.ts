/** One process, and in it one set of services, owns a folder: whoever comes second is refused. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryPath } from './durable-file.js';
import { isMarkAlive, processMark } from './process-mark.js';
import { InUseError } from './service-errors.js';

const OWNER_FILE = 'owner.pid';

/**
 * Takes a folder; what a dead process had taken is free.
 *
 * @returns gives it back
 * @throws {InUseError} `SERVICE_IN_USE` while another process, or another part of this one, has it
 */
export async function claimDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, OWNER_FILE);
  for (;;) {
    if (await leaveMark(path)) return () => rm(path, { force: true });
    const owner = await readMark(path);
    if (isMarkAlive(owner)) {
      const [pid] = owner.split('.');
      throw new InUseError('directory', directory, `process ${pid}; remove ${path} if that is none of ours`);
    }
    await removeMark(path);
  }
}

/** Removes the mark of a dead process, one at a time: whoever is second would remove that of the first. */
async function removeMark(path: string): Promise<void> {
  const turn = `${path}.removing`;
  if (!(await leaveMark(turn))) {
    if (!isMarkAlive(await readMark(turn))) await rm(turn, { force: true });
    return;
  }
  try {
    if (!isMarkAlive(await readMark(path))) await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

/** Leaves the mark of this process in a file; false where there is one. */
async function leaveMark(path: string): Promise<boolean> {
  const temporary = temporaryPath(dirname(path));
  await writeFile(temporary, processMark(), { mode: 0o600 });
  try {
    // Unlike opening it, this makes the name and the content appear at once, and fails if the name is there.
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary);
  }
}

function readMark(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
