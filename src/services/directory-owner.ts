/** One process, and in it one set of services, owns a folder: whoever comes second is refused. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, temporaryPath } from './durable-file.js';
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
    const temporary = temporaryPath(directory);
    await writeFile(temporary, `${process.pid}`, { mode: 0o600 });
    try {
      // Unlike opening it, this makes the name and the content appear at once, and fails if the name is there.
      await link(temporary, path);
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(temporary);
    }
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    if (pid > 0 && isAlive(pid)) {
      throw new InUseError('directory', directory, `process ${pid}; remove ${path} if that is none of ours`);
    }
    await rm(path, { force: true });
  }
}
