/** One file of a layer, written where nothing is. */
import { closeSync, constants as FS, fchmodSync, fchownSync, futimesSync, openSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { UnsafeEntryError } from '../service-errors.js';
import type { ArchiveEntry } from './tar-reader.js';

/** Larger files are written through the thread pool. */
const SMALL_FILE_BYTES = 64 * 1024;
const NEW_FILE = FS.O_WRONLY | FS.O_CREAT | FS.O_EXCL | FS.O_NOFOLLOW;

/** Only root gives files to others. */
export const isRoot = process.getuid?.() === 0;

/** @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` for an entry that is no file */
export async function writeFile(entry: ArchiveEntry, path: string): Promise<void> {
  if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile') {
    throw new UnsafeEntryError(entry.path, `its type ${entry.type} is not unpacked`);
  }
  if (entry.sizeBytes > SMALL_FILE_BYTES) {
    const handle = await open(path, NEW_FILE, 0o600);
    try {
      for await (const chunk of entry.body) await handle.writeFile(chunk);
      setMetadata(handle.fd, entry);
    } finally {
      await handle.close();
    }
    return;
  }
  const content = await buffer(entry.body);
  const file = openSync(path, NEW_FILE, 0o600);
  try {
    writeFileSync(file, content);
    setMetadata(file, entry);
  } finally {
    closeSync(file);
  }
}

function setMetadata(file: number, { uid, gid, mode, modifiedAt }: ArchiveEntry): void {
  // Changing the owner clears the set-user-id bit, so the mode comes second.
  if (isRoot) fchownSync(file, uid, gid);
  fchmodSync(file, mode & 0o7777);
  futimesSync(file, modifiedAt, modifiedAt);
}
