/** Layers of an image → a committed snapshot: each layer is one, named by its chain id, and the parent of the next. */
import { randomUUID } from 'node:crypto';
import type { ContentStore } from '../content/content-store.js';
import { type Digest, digestOf } from '../content/digest.js';
import { KeyedLock } from '../keyed-lock.js';
import { ContentMismatchError } from '../service-errors.js';
import { applyLayer, type LayerOptions } from './layer.js';
import type { Snapshotter } from './snapshotter.js';

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
  readonly #lock = new KeyedLock();

  constructor(content: ContentStore, snapshotter: Snapshotter, options: LayerOptions = {}) {
    this.#content = content;
    this.#snapshotter = snapshotter;
    this.#options = { ...options };
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
      const actual = await applyLayer(path, await this.#content.read(digest), source, {
        ...this.#options,
        signal,
      });
      if (actual !== diffId) throw new ContentMismatchError('diff id', diffId, actual, source);
      await this.#snapshotter.commit(name, key);
    } catch (error) {
      await this.#snapshotter.remove(key);
      throw error;
    }
  }
}

/** As the OCI image specification (config.md) defines it. */
export function chainId(parent: string, diffId: Digest): string {
  return parent === '' ? diffId : digestOf(`${parent} ${diffId}`);
}
