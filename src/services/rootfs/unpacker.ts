/** Layers of an image → a committed snapshot: each layer is one, named by its chain id, and the parent of the next. */
import { randomUUID } from 'node:crypto';
import { threadId } from 'node:worker_threads';
import { connectBus, currentEmitter, type EmitterHandle } from '../../index.js';
import type { ContentStore } from '../content/content-store.js';
import { type Digest, digestOf } from '../content/digest.js';
import { KeyedLock } from '../keyed-lock.js';
import { ContentMismatchError, InvalidArgumentError } from '../service-errors.js';
import { applyLayer, checkLayerOptions, type LayerOptions } from './layer.js';
import type { Snapshotter } from './snapshotter.js';
import { UnpackPool } from './unpack-pool.js';

const MAX_THREADS = 64;

export interface Layer {
  /** Of the layer as stored, mostly compressed. */
  readonly digest: Digest;
  /** Of its uncompressed archive. */
  readonly diffId: Digest;
}

export class Unpacker {
  readonly #content: ContentStore;
  readonly #snapshotter: Snapshotter;
  readonly #options: LayerOptions;
  readonly #pool: UnpackPool | undefined;
  readonly #lock = new KeyedLock();

  /**
   * @param options limits for each layer
   * @param threads that unpack, 0 to 64, each one layer at a time; 0 (default): the calling thread does
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for another number, or a malformed option
   */
  constructor(content: ContentStore, snapshotter: Snapshotter, options: LayerOptions = {}, threads = 0) {
    checkThreads(threads);
    const { maxEntries, maxUncompressedBytes, specialFiles } = options;
    this.#content = content;
    this.#snapshotter = snapshotter;
    this.#options = { maxEntries, maxUncompressedBytes, specialFiles } as LayerOptions;
    checkLayerOptions(this.#options);
    this.#pool = threads === 0 ? undefined : new UnpackPool(threads);
  }

  /**
   * Unpacks what of the layers is not there yet. After a failure no part of the failing layer is left.
   *
   * @param signal ends it between two entries, with its reason
   * @returns the key of the snapshot to prepare from: the chain id; empty for an image without layers
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH` for a layer that is not what its diff id says
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for a layer that the content store does not have
   * @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` for an entry that would act outside of the root filesystem
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED`
   * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT`
   * @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY` where the package tar is not installed
   * @throws {ThreadEndedError} `SERVICE_THREAD_ENDED` when the thread that unpacks ends, such as for want of memory
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` when it has threads, and was closed
   */
  async unpack(layers: readonly Layer[], signal?: AbortSignal): Promise<string> {
    let parent = '';
    for (const layer of layers) {
      const name = chainId(parent, layer.diffId);
      const from = parent;
      // One at a time, so that two who need the same layer unpack it once.
      await this.#lock.run(name, () => this.#unpackLayer(layer, from, name, signal));
      parent = name;
    }
    return parent;
  }

  async #unpackLayer(
    { digest, diffId }: Layer,
    parent: string,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#snapshotter.get(name)) return;
    const key = `extract-${randomUUID()} ${name}`;
    const { path } = await this.#snapshotter.prepare(key, parent);
    try {
      const source = `layer ${digest}`;
      const actual = await this.#apply(path, digest, source, signal);
      if (actual !== diffId) throw new ContentMismatchError('diff id', diffId, actual, source);
      await this.#commit(name, key);
    } catch (error) {
      // What fails in turn would say no more than the first error; so in the other services.
      await this.#snapshotter.remove(key).catch(() => {});
      throw error;
    }
  }

  async #apply(root: string, digest: Digest, source: string, signal: AbortSignal | undefined): Promise<string> {
    if (this.#pool === undefined) {
      return applyLayer(root, await this.#content.read(digest), source, { ...this.#options, signal });
    }
    const blob = await this.#content.path(digest);
    return this.#pool.apply({ root, blob, source, options: this.#options }, signal);
  }

  async #commit(name: string, key: string): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) {
      await this.#snapshotter.commit(name, key);
      return;
    }
    const emitter = emitterHandle();
    if (emitter !== undefined) await overtakenBy(emitter);
    await this.#snapshotter.commitBy(name, key, (commitment) => pool.commit(commitment, emitter));
  }

  /** Waits for what threads have under way, and ends them; without threads there is nothing to close. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

/** The current emitter for another thread; undefined where only this thread can emit. */
function emitterHandle(): EmitterHandle | undefined {
  try {
    return currentEmitter()?.handle;
  } catch {
    // A closed bus has none; whoever emits here is told so.
    return undefined;
  }
}

/** Resolves when what was emitted on this thread is on the bus: what another thread emits from now on comes behind it. */
async function overtakenBy({ bus }: EmitterHandle): Promise<void> {
  // The owner takes nothing over while events of its own wait.
  if (bus.ownerThreadId === threadId) return;
  await connectBus(bus).close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
}

function checkThreads(threads: unknown): void {
  if (!Number.isInteger(threads) || (threads as number) < 0 || (threads as number) > MAX_THREADS) {
    throw new InvalidArgumentError('threads', threads, `a whole number from 0 to ${MAX_THREADS}`);
  }
}

/** As the OCI image specification (config.md) defines it. */
export function chainId(parent: string, diffId: Digest): string {
  return parent === '' ? diffId : digestOf(`${parent} ${diffId}`);
}
