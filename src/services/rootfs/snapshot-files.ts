/**
 * What the commit of a snapshot does to the disk, and what is told of it: on whichever thread.
 *
 * Nothing here knows which snapshots there are; that is the snapshotter's.
 */
import { SnapshotCommit } from '../../events.js';
import { tryEmit } from '../../index.js';
import { command } from '../command.js';
import { removeFileDurable, writeFileDurable } from '../durable-file.js';
import { CommandFailedError } from '../service-errors.js';
import type { SnapshotRecord } from './snapshot-record.js';

/** The name under which events report this snapshotter. */
export const SNAPSHOTTER = 'native';

/** How a `sync` that is too old for `-f` says so. */
const UNKNOWN_OPTION = /^sync: (?:unrecognized|invalid|unknown|illegal) option/im;

/** A commit, as plain data. */
export interface SnapshotCommitment {
  /** Directory with the files of the snapshot. */
  readonly path: string;
  /** Of the active snapshot. */
  readonly key: string;
  readonly activeFile: string;
  readonly committed: SnapshotRecord;
  readonly committedFile: string;
}

/**
 * Makes the files of a snapshot durable, then what says that it is committed. Waits for whatever else the filesystem has to write.
 *
 * @throws {CommandFailedError} `SERVICE_COMMAND_FAILED` when the files cannot be made durable
 */
export async function commitFiles({ path, activeFile, committed, committedFile }: SnapshotCommitment): Promise<void> {
  await syncFilesystem(path);
  await writeFileDurable(committedFile, JSON.stringify(committed));
  // A crash here leaves two records of one directory; the snapshotter drops the active one when it is opened.
  await removeFileDurable(activeFile);
}

/** Emits `/service/rootfs/commit`, in the context of the call. Returns whether the event was accepted. */
export function tellCommit({ key, committed }: SnapshotCommitment): boolean {
  const event = new SnapshotCommit({ key, name: committed.key, snapshotter: SNAPSHOTTER });
  return tryEmit('/service/rootfs/commit', event);
}

/** Node has no syncfs: the program does it for the one filesystem, or where it is too old for that, for all. */
async function syncFilesystem(path: string): Promise<void> {
  const mend = 'install coreutils or busybox';
  await command('sync', ['-f', path], mend).catch((error: unknown) => {
    // Any other failure says that the files are not on the disk; the kernel does not tell a second caller.
    if (!(error instanceof CommandFailedError && UNKNOWN_OPTION.test((error.cause as Error).message))) throw error;
    return command('sync', [], mend);
  });
}
