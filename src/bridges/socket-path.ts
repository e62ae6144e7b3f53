/** Where unix sockets are. */
import { InvalidOptionError } from '../index.js';

/** What the kernel takes as the path of a socket. */
export const MAX_PATH_BYTES = 107;

/** The path that an address means: a path itself, or `unix://` and a path. */
export function socketPath(address: unknown): string {
  const path = typeof address === 'string' ? address.replace(/^unix:(\/\/)?/, '') : '';
  if (path === '' || path.includes('\0') || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new InvalidOptionError('address', address, `the path of a unix socket, of at most ${MAX_PATH_BYTES} bytes`);
  }
  return path;
}
