/**
 * What belongs to an image: index → manifests → configuration and layers. `collectImage` walks the graph of an import,
 * `resolveImage` picks from the store what a container on this machine needs.
 */
import type { ContentStore } from '../content/content-store.js';
import type { Digest } from '../content/digest.js';
import type { Ingest } from '../content/ingest.js';
import type { Layer } from '../rootfs/unpacker.js';
import { ContentMismatchError, LimitExceededError, MalformedInputError, NotFoundError } from '../service-errors.js';
import {
  type Descriptor,
  type ImageConfig,
  isIndex,
  isManifest,
  MAX_DOCUMENT_BYTES,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from './oci-documents.js';

/** Indexes inside indexes; the specification expects one. */
const MAX_INDEX_DEPTH = 4;

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' };

/** Containers run Linux images, also where the process runtime runs them elsewhere. */
const PLATFORM = `linux/${ARCHITECTURES[process.arch] ?? process.arch}`;

/** Where an import gets a blob from: sealed and checked against its digest; undefined where the source lacks it. */
export type OpenBlob = (digest: Digest) => Promise<Ingest | undefined>;

/** Something to commit; without an ingest the store has it. */
export interface ImagePart {
  readonly descriptor: Descriptor;
  readonly ingest: Ingest | undefined;
}

/** Walks what an import brings. Parts come children first, so that what is committed last completes the image. */
export class ImageCollector {
  readonly parts = new Map<Digest, ImagePart>();
  readonly #content: ContentStore;
  readonly #openBlob: OpenBlob;

  constructor(content: ContentStore, openBlob: OpenBlob) {
    this.#content = content;
    this.#openBlob = openBlob;
  }

  /**
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for a blob that neither the source nor the store has
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH`
   * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT`
   */
  async collect(descriptor: Descriptor, depth = 0): Promise<void> {
    if (this.parts.has(descriptor.digest)) return;
    const part = await this.#open(descriptor);
    if (isIndex(descriptor)) await this.#collectIndex(part, depth);
    else if (isManifest(descriptor)) {
      const { config, layers } = parseManifest(await this.#read(part), descriptor.digest);
      for (const child of [...layers, config]) {
        if (!this.parts.has(child.digest)) this.parts.set(child.digest, await this.#open(child));
      }
    } else throw new MalformedInputError(descriptor.digest, `has the media type ${descriptor.mediaType}, no image`);
    this.parts.set(descriptor.digest, part);
  }

  /** Manifests for other platforms may be missing: archives of one platform keep the index of all. */
  async #collectIndex(part: ImagePart, depth: number): Promise<void> {
    const name = part.descriptor.digest;
    if (depth >= MAX_INDEX_DEPTH) throw new MalformedInputError(name, `indexes are nested ${depth} deep`);
    let complete = 0;
    for (const entry of parseIndex(await this.#read(part), name)) {
      const before = new Set(this.parts.keys());
      try {
        await this.collect(entry, depth + 1);
        complete++;
      } catch (error) {
        const isForeign = entry.platform !== '' && entry.platform !== PLATFORM;
        if (!isForeign || !(error instanceof NotFoundError)) throw error;
        for (const digest of this.parts.keys()) if (!before.has(digest)) this.parts.delete(digest);
      }
    }
    if (complete === 0) throw new MalformedInputError(name, 'no manifest of the index is complete');
  }

  async #open(descriptor: Descriptor): Promise<ImagePart> {
    const { digest, size } = descriptor;
    const ingest = await this.#openBlob(digest);
    const sizeBytes = ingest ? ingest.sizeBytes : (await this.#content.info(digest)).sizeBytes;
    if (sizeBytes !== size) throw new ContentMismatchError('size', `${size}`, `${sizeBytes}`, digest);
    return { descriptor, ingest };
  }

  async #read({ descriptor, ingest }: ImagePart): Promise<Buffer> {
    if (descriptor.size > MAX_DOCUMENT_BYTES) {
      throw new LimitExceededError('document size', MAX_DOCUMENT_BYTES, descriptor.digest);
    }
    return ingest ? ingest.readBytes() : this.#content.readBytes(descriptor.digest, MAX_DOCUMENT_BYTES);
  }
}

/** An image, ready to be unpacked and run on this machine. */
export interface ResolvedImage {
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
}

/**
 * The configuration and layers for this platform.
 *
 * @throws {NotFoundError} `SERVICE_NOT_FOUND` where the image has no manifest for it, or content is missing
 * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT`
 */
export async function resolveImage(content: ContentStore, target: Descriptor): Promise<ResolvedImage> {
  let descriptor = target;
  for (let depth = 0; isIndex(descriptor); depth++) {
    if (depth >= MAX_INDEX_DEPTH) throw new MalformedInputError(target.digest, `indexes are nested ${depth} deep`);
    const entries = parseIndex(await content.readBytes(descriptor.digest, MAX_DOCUMENT_BYTES), descriptor.digest);
    const entry =
      entries.find(({ platform }) => platform === PLATFORM) ?? entries.find(({ platform }) => platform === '');
    if (!entry) throw new NotFoundError(`manifest for ${PLATFORM} in`, descriptor.digest);
    descriptor = entry;
  }
  const manifest = parseManifest(await content.readBytes(descriptor.digest, MAX_DOCUMENT_BYTES), descriptor.digest);
  const configDigest = manifest.config.digest;
  const config = parseImageConfig(await content.readBytes(configDigest, MAX_DOCUMENT_BYTES), configDigest);
  const layers = manifest.layers.flatMap(({ digest }, at) => {
    const diffId = config.diffIds[at];
    return diffId ? [{ digest, diffId }] : [];
  });
  if (layers.length !== manifest.layers.length || layers.length !== config.diffIds.length) {
    const reason = `has ${config.diffIds.length} diff ids for ${manifest.layers.length} layers`;
    throw new MalformedInputError(configDigest, reason);
  }
  return { config, layers };
}
