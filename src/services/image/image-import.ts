/**
 * Imports images from an OCI image layout, a folder or a tar archive of one (`docker save` of Docker 25 and later,
 * `skopeo copy … oci-archive:`, `ctr images export`).
 *
 * Everything is staged first: blobs go into ingests, through their hash, and are checked against the documents that
 * name them. Only then is anything committed, layers first, names last. A refused import commits and emits nothing.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { checkAbortSignal, checkSource, checkText } from '../argument-check.js';
import type { ContentStore } from '../content/content-store.js';
import { type Digest, hexOf, parseDigest } from '../content/digest.js';
import type { Ingest } from '../content/ingest.js';
import { absoluteDirectory } from '../durable-file.js';
import { entrySegments } from '../rootfs/rooted-tree.js';
import { type ArchiveEntry, type ArchiveLimits, checkLimits, readArchive } from '../rootfs/tar-reader.js';
import { InvalidArgumentError, LimitExceededError, MalformedInputError, UnsafeEntryError } from '../service-errors.js';
import { ImageCollector, type OpenBlob } from './image-graph.js';
import { checkImageName, type Image, type ImageStore, labelsOf } from './image-store.js';
import { type IndexEntry, isIndex, isManifest, MAX_DOCUMENT_BYTES, parseIndex } from './oci-documents.js';

const BLOB_PATH = /^blobs\/sha256\/[0-9a-f]{64}$/;

/** Full names first: the OCI annotation often holds a tag alone. */
const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

/** Blobs, their folders and three documents: images of a few hundred layers are the largest there are. */
const DEFAULT_MAX_ENTRIES = 20_000;

/** Limits are those of the archive itself; `maxEntries` is 20,000 by default. */
export interface ImportOptions extends ArchiveLimits {
  /** For images to which the layout gives no name, or a tag alone; default `imported`. */
  baseName?: string;
  labels?: Readonly<Record<string, string>>;
  /** Ends the staging, with its reason; nothing is imported then. An archive's source is to be ended by its owner. */
  signal?: AbortSignal;
  /** Told of bytes as they are staged. */
  onProgress?: (progress: { stagedBytes: number }) => void;
}

export class ImageImporter {
  readonly #content: ContentStore;
  readonly #images: ImageStore;

  constructor(content: ContentStore, images: ImageStore) {
    this.#content = content;
    this.#images = images;
  }

  /**
   * Imports all images of an archive, plain or compressed.
   *
   * @returns the registered images, in the order of the archive's index
   * @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` for entries with "..", absolute names, links
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH` for a blob that is not what its name or descriptor says
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED`
   * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT`
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for blobs that are missing
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed option or name, and for what are no bytes
   * @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY` where the package tar is not installed
   */
  async importArchive(source: AsyncIterable<Uint8Array>, given: ImportOptions = {}): Promise<Image[]> {
    const options = readImportOptions(given);
    checkSource('source', source);
    const staged = new StagedBlobs(this.#content, options);
    const limits = { ...options, maxEntries: options.maxEntries ?? DEFAULT_MAX_ENTRIES };
    let index: Buffer | undefined;
    try {
      for await (const entry of readArchive(source, 'image archive', limits)) {
        const path = entrySegments(entry.path).join('/');
        if (entry.type === 'Directory') continue;
        if (!isFile(entry))
          throw new UnsafeEntryError(entry.path, `an image archive holds files, this is a ${entry.type}`);
        if (BLOB_PATH.test(path)) await staged.add(parseDigest(`sha256:${path.slice(-64)}`), entry.body);
        else if (path === 'index.json') index = await readDocument(entry);
      }
      if (!index) {
        throw new MalformedInputError(
          'image archive',
          'has no index.json; write it with docker save (25 or later), skopeo or ctr',
        );
      }
      return await this.#commit(index, async (digest) => staged.get(digest), options);
    } finally {
      await staged.abort();
    }
  }

  /**
   * Imports all images of a layout folder.
   *
   * @returns the registered images, in the order of the folder's index
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH` for a blob that is not what its name or descriptor says
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED` for a document of more than 4 MiB
   * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT` for a folder that is no layout, or a damaged document
   * @throws {NotFoundError} `SERVICE_NOT_FOUND` for blobs that are missing
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed option, or an empty path
   */
  async importLayout(directory: string, given: ImportOptions = {}): Promise<Image[]> {
    const options = readImportOptions(given);
    const index = await readIndexOf(absoluteDirectory(directory));
    const staged = new StagedBlobs(this.#content, options);
    const openBlob = async (digest: Digest) => {
      const path = join(directory, 'blobs', 'sha256', hexOf(digest));
      const isThere = await stat(path).then(
        (found) => found.isFile(),
        () => false,
      );
      if (isThere) await staged.add(digest, createReadStream(path));
      return staged.get(digest);
    };
    try {
      return await this.#commit(index, openBlob, options);
    } finally {
      await staged.abort();
    }
  }

  async #commit(indexBytes: Buffer, openBlob: OpenBlob, options: ImportOptions): Promise<Image[]> {
    const entries = parseIndex(indexBytes, 'index.json').filter((entry) => isIndex(entry) || isManifest(entry));
    if (entries.length === 0) throw new MalformedInputError('index.json', 'names no image');
    const named = entries.map((entry) => ({ name: nameOf(entry, options.baseName ?? 'imported'), entry }));
    const collector = new ImageCollector(this.#content, openBlob);
    for (const { entry } of named) await collector.collect(entry);
    options.signal?.throwIfAborted();
    for (const { descriptor, ingest } of collector.parts.values()) {
      await ingest?.commit({ mediaType: descriptor.mediaType });
    }
    const images: Image[] = [];
    for (const { name, entry } of named) images.push(await this.#images.register(name, entry, options.labels));
    return images;
  }
}

/**
 * A copy, each value read once: what is changed while the import goes on changes nothing. Checked whole, before anything is
 * committed.
 */
function readImportOptions(given: ImportOptions): ImportOptions {
  const options = { ...given };
  const { labels, signal, onProgress } = options;
  checkLimits(options);
  checkText('baseName', options.baseName, 'a string');
  checkAbortSignal(signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new InvalidArgumentError('onProgress', onProgress, 'a function');
  }
  return labels === undefined ? options : { ...options, labels: labelsOf(labels) };
}

/** Blobs on their way into the store: complete and checked, but not yet content. */
class StagedBlobs {
  readonly #content: ContentStore;
  readonly #options: ImportOptions;
  readonly #ingests = new Map<Digest, Ingest>();
  #stagedBytes = 0;

  constructor(content: ContentStore, options: ImportOptions) {
    this.#content = content;
    this.#options = options;
  }

  /** A second blob of the same digest is not read: it is the same, or not needed. */
  async add(digest: Digest, source: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#ingests.has(digest)) return;
    const ingest = await this.#content.ingest({ source: `blob ${digest}` });
    this.#ingests.set(digest, ingest);
    for await (const chunk of source) {
      this.#options.signal?.throwIfAborted();
      await ingest.write(chunk);
      this.#stagedBytes += chunk.byteLength;
      this.#options.onProgress?.({ stagedBytes: this.#stagedBytes });
    }
    await ingest.seal({ digest });
  }

  get(digest: Digest): Ingest | undefined {
    return this.#ingests.get(digest);
  }

  /** Removes what was not committed. Never rejects: what cannot be removed now is when the store is next opened. */
  async abort(): Promise<void> {
    for (const ingest of this.#ingests.values()) await ingest.abort().catch(() => {});
  }
}

function isFile(entry: ArchiveEntry): boolean {
  return entry.type === 'File' || entry.type === 'OldFile';
}

async function readIndexOf(directory: string): Promise<Buffer> {
  const path = join(directory, 'index.json');
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new MalformedInputError(directory, 'has no index.json, it is no OCI image layout');
  if (found.size > MAX_DOCUMENT_BYTES) throw new LimitExceededError('document size', MAX_DOCUMENT_BYTES, path);
  return readFile(path);
}

async function readDocument(entry: ArchiveEntry): Promise<Buffer> {
  if (entry.sizeBytes > MAX_DOCUMENT_BYTES)
    throw new LimitExceededError('document size', MAX_DOCUMENT_BYTES, entry.path);
  return buffer(entry.body);
}

function nameOf(entry: IndexEntry, baseName: string): string {
  const annotated = NAME_ANNOTATIONS.map((annotation) => entry.annotations[annotation]).find((name) => name);
  const name = annotated ?? 'latest';
  const isTag = /^[\w][\w.-]*$/.test(name);
  const full = isTag ? `${baseName}:${name}` : name;
  checkImageName(full);
  return full;
}
