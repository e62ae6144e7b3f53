/** Where the sockets of served buses lie, and who may use that place: the user who runs the process, and nobody else. */
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CannotServeError } from '../../errors.js';
import { attempted } from '../../option-check.js';
import { showThrown } from '../../shown.js';

/** What the address of a unix socket has room for on every system. */
const MAX_PATH_BYTES = 103;
/** A socket is made in a folder of its own beside its place, with six random characters behind this. */
export const MADE_IN = '.';
/** Its name there. */
export const MADE_AS = 's';
const OTHERS = 0o077;
/** Sockets that are tried at a time: each takes a file descriptor. */
const PROBES = 64;

/** The folder of the sockets: in `$XDG_RUNTIME_DIR`, else one of the user's own in the temporary directory. */
export function socketFolder(): string {
  const runtime = process.env.XDG_RUNTIME_DIR;
  if (runtime !== undefined && isFolder(runtime)) return join(runtime, 'ringcast');
  return join(tmpdir(), `ringcast-${process.getuid?.() ?? 'user'}`);
}

/**
 * Makes the folder, for this user alone.
 *
 * @throws {CannotServeError} `BUS_CANNOT_SERVE` when it cannot be made, or is there and somebody else's or open to others
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CannotServeError(
      folder,
      `the folder cannot be made: ${showThrown(cause)}; give a path, or set XDG_RUNTIME_DIR`,
      { cause },
    );
  }
  checkFolder(folder);
}

/** @throws {CannotServeError} `BUS_CANNOT_SERVE` unless the folder is this user's, and closed to others */
function checkFolder(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== process.getuid?.()) {
    throw new CannotServeError(folder, 'the folder belongs to another user; remove it, or set XDG_RUNTIME_DIR');
  }
  if ((mode & OTHERS) !== 0) throw new CannotServeError(folder, 'the folder is open to other users; chmod it to 0700');
}

/** @throws {CannotServeError} `BUS_CANNOT_SERVE` */
export function checkPath(path: string): void {
  if (process.platform === 'win32')
    throw new CannotServeError(path, 'there are no unix sockets on Windows; read bus.stats() in the process itself');
  const made = join(dirname(path), `${MADE_IN}random`, MADE_AS);
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(made));
  if (bytes > MAX_PATH_BYTES) {
    throw new CannotServeError(
      path,
      `a socket's path has at most ${MAX_PATH_BYTES} bytes, this one needs ${bytes}; give a shorter one`,
    );
  }
}

/** What is at a path: a socket that somebody listens on, one that nobody does, something else, or nothing. */
export async function probe(path: string): Promise<'served' | 'stale' | 'other' | 'nothing'> {
  try {
    if (!lstatSync(path).isSocket()) return 'other';
  } catch {
    return 'nothing';
  }
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('served');
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      // Anything else, such as a full backlog, comes from somebody who is there.
      resolve(code === 'ECONNREFUSED' ? 'stale' : code === 'ENOENT' ? 'nothing' : 'served');
    });
  });
}

/**
 * The sockets in a folder that somebody listens on. Removes those of processes that are gone.
 *
 * @throws {CannotServeError} `BUS_CANNOT_SERVE` when the folder is somebody else's, or open to others: what is in it may be, too
 */
export async function servedSockets(folder: string): Promise<readonly string[]> {
  if (!isFolder(folder)) return [];
  checkFolder(folder);
  const paths = readdirSync(folder)
    .filter((name) => /^\d+-.+\.sock$/.test(name))
    .map((name) => join(folder, name));
  const states: Awaited<ReturnType<typeof probe>>[] = [];
  for (let at = 0; at < paths.length; at += PROBES) {
    states.push(...(await Promise.all(paths.slice(at, at + PROBES).map((path) => probe(path)))));
  }
  for (const [i, path] of paths.entries()) if (states[i] === 'stale') remove(path);
  return paths.filter((_, i) => states[i] === 'served');
}

/** What tells a socket from another one at the same path; undefined: nothing is there that could be reached. */
export function inodeOf(path: string): number | undefined {
  return attempted(() => lstatSync(path)).value?.ino;
}

/** Removes a socket, unless another one is at its path by now. */
export function removeOwn(path: string, inode: number | undefined): void {
  if (inode !== undefined && inodeOf(path) === inode) remove(path);
}

/** Removes a socket, where that can be done: what is left is removed by whoever looks next and finds nobody behind it. */
export function remove(path: string): void {
  attempted(() => rmSync(path, { force: true }));
}

function isFolder(path: string): boolean {
  return attempted(() => statSync(path)).value?.isDirectory() ?? false;
}
