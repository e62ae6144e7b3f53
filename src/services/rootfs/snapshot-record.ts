/** What the metadata file of a snapshot holds, and the check of what is read back. */
import { CorruptStateError, InvalidArgumentError } from '../service-errors.js';

const MAX_KEY_LENGTH = 1024;

export interface SnapshotRecord {
  key: string;
  parent: string;
  kind: 'active' | 'committed';
  /** Name of the snapshot's folder. */
  id: string;
}

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` */
export function checkKey(argument: string, key: unknown): void {
  if (typeof key !== 'string' || key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw new InvalidArgumentError(argument, key, `a string of 1 to ${MAX_KEY_LENGTH} characters`);
  }
}

/**
 * @param path of the file, for errors
 * @throws {CorruptStateError} `SERVICE_CORRUPT_STATE`
 */
export function parseRecord(path: string, text: string): SnapshotRecord {
  try {
    const { key, parent, kind, id } = JSON.parse(text);
    const isWhole = [key, parent, id].every((field) => typeof field === 'string') && /^[0-9a-f-]{36}$/.test(id);
    if (isWhole && (kind === 'active' || kind === 'committed')) return { key, parent, kind, id };
  } catch (error) {
    throw new CorruptStateError(path, 'is no JSON', { cause: error });
  }
  throw new CorruptStateError(path, 'is no snapshot record');
}
