/**
 * Content by digest, in a folder laid out as an OCI image layout keeps its blobs:
 *
 *     blobs/sha256/<hex>     content: complete and checked
 *     ingest/ref-<ref>       content under way that a later process can resume
 *     ingest/.tmp-…          content under way that dies with its process
 *
 * A name in `blobs` appears by rename, after its data is synced: what is there is whole. One process owns the folder.
 */
import { createReadStream, constants as FS } from 'node:fs';
import { open, opendir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { types } from 'node:util';
import { ContentCreate, ContentDelete } from '../../events.js';
import { tryEmit } from '../../index.js';
import { checkLimit, checkSource } from '../argument-check.js';
import {
  absoluteDirectory,
  createDirectory,
  removeFileDurable,
  removeStaleTemporaries,
  renameDurable,
  temporaryPath,
} from '../durable-file.js';
import { KeyedLock } from '../keyed-lock.js';
import {
  ContentMismatchError,
  InUseError,
  InvalidArgumentError,
  LimitExceededError,
  NotFoundError,
} from '../service-errors.js';
import { type Digest, digestOf, hexOf, isDigest, parseDigest } from './digest.js';
import { type ContentInfo, checkExpectation, type Expectation, Ingest, type IngestOptions } from './ingest.js';

const REF_PREFIX = 'ref-';
const PRINTABLE = /^[\x21-\x7e]+$/;
const MAX_FILE_NAME_BYTES = 255;
const NO_FOLLOW_APPEND = FS.O_WRONLY | FS.O_CREAT | FS.O_APPEND | FS.O_NOFOLLOW;

export class ContentStore {
  readonly #blobs: string;
  readonly #ingests: string;
  readonly #lock = new KeyedLock();
  readonly #openRefs = new Set<string>();

  private constructor(blobs: string, ingests: string) {
    this.#blobs = blobs;
    this.#ingests = ingests;
  }

  /**
   * Opens the store in a folder, creating what is missing and removing what dead processes left half-written.
   *
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an empty path
   */
  static async open(directory: string): Promise<ContentStore> {
    const root = absoluteDirectory(directory);
    const blobs = await createDirectory(join(root, 'blobs', 'sha256'));
    const ingests = await createDirectory(join(root, 'ingest'));
    await removeStaleTemporaries(ingests);
    return new ContentStore(blobs, ingests);
  }

  /**
   * Stores content in one go: streams it, checks it, commits it. After a failure nothing is left.
   *
   * Emits `/service/content/write` once the content is durable, unless the store had it. Waits for the disk.
   *
   * @param source bytes, or a stream of them
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH` when the bytes are not what `digest` and `sizeBytes` say
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED` beyond `maxBytes`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed option, and for what are no bytes
   */
  async write(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    given: IngestOptions & Expectation & { mediaType?: string } = {},
  ): Promise<ContentInfo> {
    const options = { ...given };
    checkExpectation(options);
    checkSource('source', source);
    const ingest = await this.ingest(options);
    try {
      if (types.isUint8Array(source)) await ingest.write(source);
      else for await (const chunk of source) await ingest.write(chunk);
      return await ingest.commit(options);
    } catch (error) {
      await ingest.abort().catch(() => {});
      throw error;
    }
  }

  /**
   * Starts an ingest, or with the `ref` of an earlier one that was closed or died, resumes it at `sizeBytes`.
   *
   * @param options.ref names the ingest over restarts; without it the ingest ends with this process
   * @throws {InUseError} `SERVICE_IN_USE` while another ingest of this process has the ref
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a ref that makes no file name, or a limit that is none
   */
  async ingest(options: IngestOptions & { ref?: string } = {}): Promise<Ingest> {
    const { ref, source = ref ?? 'content', maxBytes } = options;
    checkLimit('maxBytes', maxBytes);
    const path = ref === undefined ? temporaryPath(this.#ingests) : join(this.#ingests, refFileName(ref));
    if (this.#openRefs.has(path)) throw new InUseError('ingest', ref ?? path, 'another writer');
    this.#openRefs.add(path);
    const release = () => this.#openRefs.delete(path);
    try {
      const handle = await open(path, NO_FOLLOW_APPEND, 0o600);
      const ingest = new Ingest(path, handle, (...taken) => this.#publish(...taken), release, {
        source,
        ...(maxBytes !== undefined && { maxBytes }),
      });
      if (ref !== undefined) await ingest.resume();
      return ingest;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The refs that wait to be resumed, and how much of each is there. */
  async ingests(): Promise<{ ref: string; sizeBytes: number }[]> {
    const names = (await readdir(this.#ingests)).filter((name) => name.startsWith(REF_PREFIX));
    return Promise.all(
      names.map(async (name) => ({
        ref: decodeURIComponent(name.slice(REF_PREFIX.length)),
        sizeBytes: (await stat(join(this.#ingests, name))).size,
      })),
    );
  }

  /**
   * Digest and size of content.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   */
  async info(digest: string): Promise<ContentInfo> {
    const parsed = parseDigest(digest);
    const found = await this.#stat(parsed);
    if (!found) throw new NotFoundError('content', digest);
    return { digest: parsed, sizeBytes: found.size };
  }

  /**
   * Whether the store has the content.
   *
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   */
  async has(digest: string): Promise<boolean> {
    return (await this.#stat(parseDigest(digest))) !== undefined;
  }

  /**
   * A stream of the content. It is not hashed again: what is in the store was checked on its way in.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   */
  async read(digest: string): Promise<AsyncIterable<Buffer>> {
    return createReadStream(await this.path(digest));
  }

  /**
   * The file that holds the content, to be read only.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   * @internal
   */
  async path(digest: string): Promise<string> {
    return this.#pathOf((await this.info(digest)).digest);
  }

  /**
   * Small content as a whole, hashed again.
   *
   * @param maxBytes refuses larger content, before reading it
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED` beyond `maxBytes`
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH` when the file has changed on disk
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   */
  async readBytes(digest: string, maxBytes: number): Promise<Buffer> {
    const content = await this.info(digest);
    if (content.sizeBytes > maxBytes) throw new LimitExceededError('maxBytes', maxBytes, digest);
    const bytes = await readFile(this.#pathOf(content.digest));
    const actual = digestOf(bytes);
    if (actual !== digest) throw new ContentMismatchError('digest', digest, actual, 'content on disk');
    return bytes;
  }

  /** All content, in no order. What changes meanwhile may or may not be seen. */
  async *list(): AsyncGenerator<ContentInfo> {
    for await (const entry of await opendir(this.#blobs)) {
      const digest = `sha256:${entry.name}`;
      const found = isDigest(digest) ? await this.#stat(digest) : undefined;
      if (found) yield { digest: parseDigest(digest), sizeBytes: found.size };
    }
  }

  /**
   * Deletes content and emits `/service/content/delete`. Who reads it at this moment reads on.
   *
   * @throws {NotFoundError} `SERVICE_NOT_FOUND`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest
   */
  async delete(digest: string): Promise<void> {
    const parsed = parseDigest(digest);
    await this.#lock.run(parsed, async () => {
      if (!(await this.#stat(parsed))) throw new NotFoundError('content', digest);
      await removeFileDurable(this.#pathOf(parsed));
      tryEmit('/service/content/delete', new ContentDelete({ digest }));
    });
  }

  /** Under the digest's lock, so that of two ingests of the same content one emits, and a delete comes before or after. */
  async #publish(path: string, content: ContentInfo, mediaType: string): Promise<void> {
    const { digest, sizeBytes } = content;
    await this.#lock.run(digest, async () => {
      if (await this.#stat(digest)) {
        await rm(path);
        return;
      }
      await renameDurable(path, this.#pathOf(digest));
      tryEmit('/service/content/write', new ContentCreate({ digest, size: BigInt(sizeBytes), mediaType }));
    });
  }

  #pathOf(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  async #stat(digest: Digest): Promise<{ size: number } | undefined> {
    return stat(this.#pathOf(digest)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }
}

function refFileName(ref: string): string {
  const name = typeof ref === 'string' && PRINTABLE.test(ref) ? REF_PREFIX + encodeURIComponent(ref) : '';
  if (name.length === 0 || name.length > MAX_FILE_NAME_BYTES) {
    throw new InvalidArgumentError('ref', ref, `printable ASCII of 1 to ${MAX_FILE_NAME_BYTES} bytes once URL-encoded`);
  }
  return name;
}
