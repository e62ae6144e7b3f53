/**
 * Containers of images: a root filesystem from the image's layers, a record that survives a crash, a runtime that runs
 * the processes.
 *
 *     <id>/container.json    which container this is; it exists when this file does
 *     <id>/…                 the runtime's files
 *
 * Containers end with the process that created them. What a dead one left behind is removed at the next `open`.
 */
import { randomUUID } from 'node:crypto';
import { access, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerCreate, ContainerDelete } from '../../events.js';
import { tryEmit } from '../../index.js';
import { checkAbortSignal, checkCount } from '../argument-check.js';
import type { ContentStore } from '../content/content-store.js';
import {
  absoluteDirectory,
  createDirectory,
  removeFileDurable,
  syncDirectory,
  writeFileDurable,
} from '../durable-file.js';
import { resolveImage } from '../image/image-graph.js';
import type { ImageStore } from '../image/image-store.js';
import type { Snapshotter } from '../rootfs/snapshotter.js';
import type { Unpacker } from '../rootfs/unpacker.js';
import { AlreadyExistsError, NotFoundError, WrongStateError } from '../service-errors.js';
import { Container } from './container.js';
import { checkArgs, checkIdentifier, checkProcess } from './process-check.js';
import type { ContainerSpec, ProcessSpec, Runtime, Stdio } from './runtime.js';

const RECORD = 'container.json';
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface CreateOptions {
  /** Name of a registered image. */
  image: string;
  /** Default: a random one. */
  id?: string;
  /** Default: the entrypoint and command of the image. */
  args?: readonly string[];
  /** As `NAME=value`, added to the image's. */
  environment?: readonly string[];
  /** Bytes, swap included; only with a runtime that can limit it. Default: no limit. */
  memoryBytes?: number;
  /** Default: all three nowhere. */
  stdio?: Stdio;
  /** Ends the unpacking of layers, with its reason; no effect on a container that is made. */
  signal?: AbortSignal;
}

/** What the containers are made of. */
export interface ContainerParts {
  content: ContentStore;
  images: ImageStore;
  snapshotter: Snapshotter;
  unpacker: Unpacker;
  runtime: Runtime;
}

export class ContainerService {
  readonly #directory: string;
  readonly #parts: ContainerParts;
  readonly #containers = new Map<string, Container>();
  readonly #creating = new Map<string, Promise<Container>>();
  #isClosed = false;

  private constructor(directory: string, parts: ContainerParts) {
    this.#directory = directory;
    this.#parts = parts;
  }

  /**
   * Opens the service in a folder, and removes the containers of a dead process, with a delete event for each.
   *
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an empty path
   */
  static async open(directory: string, parts: ContainerParts): Promise<ContainerService> {
    const root = await createDirectory(absoluteDirectory(directory));
    const service = new ContainerService(root, parts);
    for (const id of await readdir(root)) await service.#removeLeftover(id);
    return service;
  }

  /**
   * Makes a container of an image: unpacks its layers where needed, prepares a root filesystem, runs nothing yet.
   * Emits `/service/container/create` once its record is durable; after a failure nothing is left but unpacked layers.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for the image
   * @throws {AlreadyExistsError} `SERVICE_ALREADY_EXISTS` for the id
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT`
   * @throws {UnsupportedError} `SERVICE_UNSUPPORTED` for what the runtime cannot do
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` after `close`
   */
  async create(given: CreateOptions): Promise<Container> {
    const options = readCreateOptions(given);
    const { id = `c-${randomUUID()}`, image } = options;
    checkIdentifier('id', id);
    checkCount('memoryBytes', options.memoryBytes, 1);
    checkProcess(options as Partial<ProcessSpec>);
    checkAbortSignal(options.signal);
    if (this.#isClosed) throw new WrongStateError('create', id, 'closed', 'open');
    if (this.#containers.has(id) || this.#creating.has(id)) throw new AlreadyExistsError('container', id);
    const creating = this.#create(id, options);
    this.#creating.set(id, creating);
    try {
      const container = await creating;
      this.#containers.set(id, container);
      const runtime = { name: this.#parts.runtime.name };
      tryEmit('/service/container/create', new ContainerCreate({ id, image, runtime }));
      return container;
    } finally {
      this.#creating.delete(id);
    }
  }

  /**
   * The container of this id, until it is deleted.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   */
  get(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) throw new NotFoundError('container', id);
    return container;
  }

  /** All containers that are not deleted. */
  list(): Container[] {
    return [...this.#containers.values()];
  }

  /**
   * Kills and deletes all containers; none can be created any more.
   *
   * @throws what the first delete that fails throws, when all have ended
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#creating.values());
    const deleted = await Promise.allSettled(this.list().map((container) => container.delete({ force: true })));
    const failed = deleted.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #create(id: string, options: CreateOptions): Promise<Container> {
    const { content, images, unpacker, snapshotter, runtime } = this.#parts;
    const { config, layers } = await resolveImage(content, images.get(options.image).target);
    const args = options.args ?? [...config.entrypoint, ...config.command];
    checkArgs(args);
    const parent = await unpacker.unpack(layers, options.signal);
    const directory = join(this.#directory, id);
    const { path: rootfs } = await snapshotter.prepare(snapshotKey(id), parent);
    try {
      await createDirectory(directory);
      await syncDirectory(this.#directory);
      const spec: ContainerSpec = {
        id,
        rootfs,
        directory,
        args,
        environment: [DEFAULT_PATH, ...config.environment, ...(options.environment ?? [])],
        workingDirectory: config.workingDirectory,
        user: config.user,
        stdio: options.stdio ?? ['ignore', 'ignore', 'ignore'],
        memoryBytes: options.memoryBytes,
      };
      const created = await runtime.create(spec);
      await writeFileDurable(join(directory, RECORD), JSON.stringify({ id, image: options.image }));
      return new Container(options.image, spec, created, () => this.#remove(id));
    } catch (error) {
      await rm(directory, { recursive: true, force: true }).catch(() => {});
      await snapshotter.remove(snapshotKey(id)).catch(() => {});
      throw error;
    }
  }

  async #remove(id: string): Promise<void> {
    const { snapshotter } = this.#parts;
    if (snapshotter.get(snapshotKey(id))) await snapshotter.remove(snapshotKey(id));
    const directory = join(this.#directory, id);
    await removeFileDurable(join(directory, RECORD));
    await rm(directory, { recursive: true, force: true });
    this.#containers.delete(id);
    tryEmit('/service/container/delete', new ContainerDelete({ id }));
  }

  async #removeLeftover(id: string): Promise<void> {
    await this.#parts.runtime.discard(id);
    const directory = join(this.#directory, id);
    const wasCreated = await access(join(directory, RECORD)).then(
      () => true,
      () => false,
    );
    if (wasCreated) return this.#remove(id);
    // It died in the middle of a create that nobody was told of.
    const { snapshotter } = this.#parts;
    if (snapshotter.get(snapshotKey(id))) await snapshotter.remove(snapshotKey(id));
    await rm(directory, { recursive: true, force: true });
  }
}

/** A copy, each value read once: what is changed while layers are unpacked changes nothing. */
function readCreateOptions(given: CreateOptions): CreateOptions {
  const options = { ...given };
  if (Array.isArray(options.args)) options.args = [...options.args];
  if (Array.isArray(options.environment)) options.environment = [...options.environment];
  return options;
}

function snapshotKey(id: string): string {
  return `container-${id}`;
}
