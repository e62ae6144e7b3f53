/** How a unix socket is made that nobody else can connect to before its mode is set. */
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { InvalidOptionError } from '../../index.js';
import { AddressInUseError, connectionLost } from '../bridge-errors.js';
import { MAX_PATH_BYTES } from '../socket-path.js';

/**
 * Listens at `path`. What lies there is replaced if it is a socket that nobody serves, and nothing else.
 *
 * The socket is made in a folder that is closed to others, and moved to its place when its mode is set. (A umask is one for
 * all threads of a process.)
 *
 * @returns takes the socket's file away, if it is still this one
 * @throws {AddressInUseError} `BRIDGE_ADDRESS_IN_USE`
 */
export async function listenAt(server: Server, path: string, mode: number): Promise<() => void> {
  await checkFree(path);
  const folder = mkdtempSync(join(dirname(path), '.'));
  try {
    const made = join(folder, 's');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // A path that is too long is cut by some versions, and refused by others.
      if (Buffer.byteLength(made) > MAX_PATH_BYTES) reject(new InvalidOptionError('address', path, FITTING));
      else
        server.listen({ path: made, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
    });
    chmodSync(made, mode);
    const { ino } = lstatSync(made);
    renameSync(made, path);
    return () => removeSocket(path, ino);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The socket is made in a folder of its own beside `path`, then moved. */
const FITTING = `a shorter path: a socket's has at most ${MAX_PATH_BYTES} bytes, also while it is made in a folder beside it`;

/** Resolves when nobody listens at `path`. */
async function checkFree(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new AddressInUseError(
      path,
      `${basename(path)} is there, and is not a socket; remove it, or choose another address`,
    );
  await new Promise<void>((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      reject(new AddressInUseError(path, 'something listens there; end it, or choose another address'));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve();
      else reject(connectionLost(path, error));
    });
  });
}

function removeSocket(path: string, ino: number): void {
  try {
    if (lstatSync(path).ino === ino) unlinkSync(path);
  } catch {
    // It is gone already.
  }
}
