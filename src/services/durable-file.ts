/**
 * Changes to files that survive a power cut once their promise has resolved: data first, then the name, then the
 * directory that holds the name. Nobody ever sees half of a file.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemMs } from '../host/timing.js';
import { isMarkAlive, processMark } from './process-mark.js';
import { InvalidArgumentError } from './service-errors.js';

const TEMPORARY_PREFIX = '.tmp-';
let temporaries = 0;

/** A name in `directory` that nobody else takes. It says which process made it, see {@link removeStaleTemporaries}. */
export function temporaryPath(directory: string): string {
  return join(directory, `${TEMPORARY_PREFIX}${processMark()}-${systemMs().toString(36)}-${temporaries++}`);
}

/** Makes the names in a directory durable: what was created, renamed or removed in it. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a file whose data is already synced its name, replacing what had it, and makes that durable. */
export async function renameDurable(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
}

/** Writes a whole file, atomically: afterwards `path` has the new content, after any failure the old. */
export async function writeFileDurable(path: string, content: string): Promise<void> {
  const temporary = temporaryPath(dirname(path));
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await renameDurable(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Removes a file and makes that durable. It is no error if somebody else has removed it, or the directory that held it. */
export async function removeFileDurable(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/**
 * A directory as it has to be kept: absolute, because the programs that are started with it run in other directories, and
 * this process may change its own.
 *
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an empty path: it would mean the current directory
 */
export function absoluteDirectory(directory: string, argument = 'directory'): string {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new InvalidArgumentError(argument, directory, 'the path of a directory');
  }
  return resolve(directory);
}

/** Creates a directory, private to this user, with its parents. */
export async function createDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Removes what dead processes left under temporary names in `directory`. */
export async function removeStaleTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(TEMPORARY_PREFIX) && !isMarkAlive(ownerOf(name))) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/** Whether a path is one of {@link temporaryPath}. */
export function isTemporary(path: string): boolean {
  return basename(path).startsWith(TEMPORARY_PREFIX);
}

function ownerOf(name: string): string {
  return name.slice(TEMPORARY_PREFIX.length).split('-', 1)[0] ?? '';
}
