/**
 * Root filesystems as snapshots: prepare one (empty, or as a copy of a committed parent), change it, commit it under a
 * name, or remove it. Each is a plain directory; a child is a full copy, by reflink where the filesystem has them
 * (containerd calls this kind "native").
 *
 *     metadata/<hash of key>.json    what a snapshot is; it exists when this file does
 *     snapshots/<id>/                its files
 *
 * One process owns the folder.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SnapshotPrepare, SnapshotRemove } from '../../events.js';
import { tryEmit } from '../../index.js';
import { command } from '../command.js';
import {
  absoluteDirectory,
  createDirectory,
  isTemporary,
  removeFileDurable,
  removeStaleTemporaries,
  syncDirectory,
  writeFileDurable,
} from '../durable-file.js';
import { KeyedLock } from '../keyed-lock.js';
import { AlreadyExistsError, InUseError, NotFoundError, WrongStateError } from '../service-errors.js';
import { commitFiles, SNAPSHOTTER, type SnapshotCommitment, tellCommit } from './snapshot-files.js';
import { checkKey, parseRecord, type SnapshotRecord } from './snapshot-record.js';

export interface Snapshot {
  readonly key: string;
  /** Key of the committed snapshot it started from; empty for none. */
  readonly parent: string;
  /** `active` can be changed; `committed` must not be, and can be a parent. */
  readonly kind: 'active' | 'committed';
  /** The directory that is the root filesystem. */
  readonly path: string;
}

export class Snapshotter {
  readonly #metadata: string;
  readonly #snapshots: string;
  /** Includes those that are being prepared, so that nobody removes their parent. */
  readonly #records = new Map<string, SnapshotRecord>();
  /** Names whose commit is under way. */
  readonly #committing = new Set<string>();
  readonly #lock = new KeyedLock();

  private constructor(metadata: string, snapshots: string) {
    this.#metadata = metadata;
    this.#snapshots = snapshots;
  }

  /**
   * Opens the snapshots in a folder, and removes files of snapshots that were not finished or not wholly removed.
   *
   * @throws {CorruptStateError} `SERVICE_CORRUPT_STATE` for a metadata file that does not read back
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an empty path
   */
  static async open(directory: string): Promise<Snapshotter> {
    const root = absoluteDirectory(directory);
    const snapshotter = new Snapshotter(
      await createDirectory(join(root, 'metadata')),
      await createDirectory(join(root, 'snapshots')),
    );
    await snapshotter.#load();
    return snapshotter;
  }

  /**
   * Makes a root filesystem to change: empty, or a copy of `parent`. Emits `/service/rootfs/prepare`.
   *
   * @param parent key of a committed snapshot; empty for none
   * @throws {AlreadyExistsError} `SERVICE_ALREADY_EXISTS`
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for the parent
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` when the parent is not committed
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a key that is empty or longer than 1,024 characters
   * @throws {CommandFailedError} `SERVICE_COMMAND_FAILED` when the copy of the parent fails
   */
  prepare(key: string, parent = ''): Promise<Snapshot> {
    checkKey('key', key);
    return this.#lock.run(key, async () => {
      if (this.#records.has(key)) throw new AlreadyExistsError('snapshot', key);
      const from = parent === '' ? undefined : this.#committed(parent);
      const record: SnapshotRecord = { key, parent, kind: 'active', id: randomUUID() };
      this.#records.set(key, record);
      const path = this.#pathOf(record);
      try {
        await mkdir(path, { mode: 0o755 });
        if (from) await command('cp', ['-a', `${this.#pathOf(from)}/.`, path], 'install coreutils or busybox');
        await syncDirectory(this.#snapshots);
        await this.#save(record);
      } catch (error) {
        this.#records.delete(key);
        await rm(path, { recursive: true, force: true }).catch(() => {});
        throw error;
      }
      tryEmit('/service/rootfs/prepare', new SnapshotPrepare({ key, parent, snapshotter: SNAPSHOTTER }));
      return this.#describe(record);
    });
  }

  /**
   * Freezes an active snapshot under `name`; its key is free again. Emits `/service/rootfs/commit` once all of its
   * files are durable, which waits for whatever else the filesystem has to write.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {AlreadyExistsError} `SERVICE_ALREADY_EXISTS` for the name
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` when the snapshot is committed already
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a name that is empty or longer than 1,024 characters
   * @throws {CommandFailedError} `SERVICE_COMMAND_FAILED` when the files cannot be made durable
   */
  commit(name: string, key: string): Promise<Snapshot> {
    return this.commitBy(name, key, async (commitment) => {
      await commitFiles(commitment);
      return false;
    });
  }

  /**
   * The same, the files committed by `work`, which may do it elsewhere. After a failure the snapshot is active, as before.
   *
   * @param work returns whether it has emitted the event
   * @internal
   */
  commitBy(name: string, key: string, work: (commitment: SnapshotCommitment) => Promise<boolean>): Promise<Snapshot> {
    checkKey('name', name);
    return this.#lock.run(key, async () => {
      const active = this.#record(key);
      if (active.kind !== 'active') throw new WrongStateError('commit', key, active.kind, 'active');
      if (this.#records.has(name)) throw new AlreadyExistsError('snapshot', name);
      const committed: SnapshotRecord = { ...active, key: name, kind: 'committed' };
      const [activeFile, committedFile] = [this.#metadataPathOf(key), this.#metadataPathOf(name)];
      const commitment = { path: this.#pathOf(active), key, activeFile, committed, committedFile };
      this.#records.set(name, committed);
      this.#committing.add(name);
      let isTold: boolean;
      try {
        isTold = await work(commitment);
      } catch (error) {
        this.#records.delete(name);
        // How far it came nobody knows. What fails in turn would say no more than the first error.
        await this.#save(active).catch(() => {});
        await rm(committedFile, { force: true }).catch(() => {});
        throw error;
      } finally {
        this.#committing.delete(name);
      }
      this.#records.delete(key);
      if (!isTold) tellCommit(commitment);
      return this.#describe(committed);
    });
  }

  /**
   * Removes a snapshot and its files. Emits `/service/rootfs/remove`.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {InUseError} `SERVICE_IN_USE` while it is being committed, or other snapshots have it as their parent
   */
  remove(key: string): Promise<void> {
    return this.#lock.run(key, async () => {
      const record = this.#record(key);
      if (this.#committing.has(key)) throw new InUseError('snapshot', key, 'its commit');
      for (const other of this.#records.values()) {
        if (other.parent === key) throw new InUseError('snapshot', key, `its child ${JSON.stringify(other.key)}`);
      }
      // Out of the map first, in the same step as the check: nobody can prepare a child any more.
      this.#records.delete(key);
      try {
        await removeFileDurable(this.#metadataPathOf(key));
      } catch (error) {
        this.#records.set(key, record);
        throw error;
      }
      await rm(this.#pathOf(record), { recursive: true, force: true });
      tryEmit('/service/rootfs/remove', new SnapshotRemove({ key, snapshotter: SNAPSHOTTER }));
    });
  }

  /** The snapshot of this key; undefined where there is none. */
  get(key: string): Snapshot | undefined {
    const record = this.#records.get(key);
    return record && this.#describe(record);
  }

  /** All snapshots. */
  list(): Snapshot[] {
    return [...this.#records.values()].map((record) => this.#describe(record));
  }

  async #load(): Promise<void> {
    await removeStaleTemporaries(this.#metadata);
    for (const name of await readdir(this.#metadata)) {
      const path = join(this.#metadata, name);
      if (isTemporary(path)) continue;
      const record = parseRecord(path, await readFile(path, 'utf8'));
      this.#records.set(record.key, record);
    }
    const committed = new Set(this.list().flatMap(({ kind, path }) => (kind === 'committed' ? [path] : [])));
    for (const snapshot of this.list()) {
      if (snapshot.kind === 'committed' || !committed.has(snapshot.path)) continue;
      await removeFileDurable(this.#metadataPathOf(snapshot.key));
      this.#records.delete(snapshot.key);
    }
    const paths = new Set(this.list().map(({ path }) => path));
    for (const id of await readdir(this.#snapshots)) {
      const path = join(this.#snapshots, id);
      if (!paths.has(path)) await rm(path, { recursive: true, force: true });
    }
  }

  #record(key: string): SnapshotRecord {
    const record = this.#records.get(key);
    if (!record) throw new NotFoundError('snapshot', key);
    return record;
  }

  #committed(key: string): SnapshotRecord {
    const record = this.#record(key);
    if (record.kind !== 'committed') throw new WrongStateError('prepare from', key, record.kind, 'committed');
    return record;
  }

  #describe({ key, parent, kind, id }: SnapshotRecord): Snapshot {
    return { key, parent, kind, path: join(this.#snapshots, id) };
  }

  #pathOf(record: SnapshotRecord): string {
    return join(this.#snapshots, record.id);
  }

  #metadataPathOf(key: string): string {
    return join(this.#metadata, `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  #save(record: SnapshotRecord): Promise<void> {
    return writeFileDurable(this.#metadataPathOf(record.key), JSON.stringify(record));
  }
}
