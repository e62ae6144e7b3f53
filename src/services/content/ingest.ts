/**
 * Content on its way into the store: bytes go to a private file and through the hash; `commit` makes them content.
 *
 *     open --write--> open --seal--> sealed --commit--> content
 *       \--close--> kept on disk (with a ref)   \--abort--> nothing left
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, readFile, rm } from 'node:fs/promises';
import { checkBytes, checkCount, checkText } from '../argument-check.js';
import { isTemporary } from '../durable-file.js';
import { KeyedLock } from '../keyed-lock.js';
import { ContentMismatchError, LimitExceededError, WrongStateError } from '../service-errors.js';
import { type Digest, parseDigest } from './digest.js';

export interface IngestOptions {
  /** What errors call this content; default its ref or "content". */
  source?: string;
  /** Bytes; more are refused as they arrive. Default: no limit. */
  maxBytes?: number;
}

/** What the bytes have to be. What is omitted is not checked. */
export interface Expectation {
  digest?: Digest;
  sizeBytes?: number;
}

/** What a commit left in the store. */
export interface ContentInfo {
  digest: Digest;
  sizeBytes: number;
}

/** Takes over a sealed file. Given by the store. */
export type Publish = (path: string, content: ContentInfo, mediaType: string) => Promise<void>;

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for what no content can be */
export function checkExpectation({ digest, sizeBytes, mediaType }: Expectation & { mediaType?: string }): void {
  if (digest !== undefined) parseDigest(digest);
  checkCount('sizeBytes', sizeBytes, 0);
  checkText('mediaType', mediaType, 'a string');
}

/** Calls that are not awaited wait for each other, in their order. */
export class Ingest {
  readonly source: string;
  readonly #path: string;
  readonly #publish: Publish;
  readonly #release: () => void;
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  readonly #lock = new KeyedLock();
  #handle: FileHandle | undefined;
  #state: 'open' | 'sealed' | 'damaged' | 'ended' = 'open';
  #sizeBytes = 0;
  #digest: Digest | undefined;

  /** For the store: {@link ContentStore.ingest} opens one. @internal */
  constructor(path: string, handle: FileHandle, publish: Publish, release: () => void, options: IngestOptions) {
    this.#path = path;
    this.#handle = handle;
    this.#publish = publish;
    this.#release = release;
    this.source = options.source ?? 'content';
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes taken so far; after a resume, where the next write continues. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Puts what an earlier process left through the hash. For the store, before the first write. @internal */
  async resume(): Promise<void> {
    for await (const chunk of createReadStream(this.#path)) this.#count(chunk);
  }

  /**
   * Appends bytes. After a failure, such as of a full disk, nothing of the chunk is there.
   *
   * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED` beyond `maxBytes`; nothing of the chunk is written
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for what is no Uint8Array
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` once it is sealed or ended
   */
  write(chunk: Uint8Array): Promise<void> {
    return this.#exclusively(async () => {
      const handle = this.#openHandle('write');
      checkBytes('chunk', chunk);
      if (this.#sizeBytes + chunk.byteLength > this.#maxBytes) {
        throw new LimitExceededError('maxBytes', this.#maxBytes, this.source);
      }
      try {
        await handle.writeFile(chunk);
      } catch (error) {
        await this.#takeBack(handle);
        throw error;
      }
      this.#count(chunk);
    });
  }

  /**
   * Ends the writing: data synced, digest and size checked. A mismatch removes what was written.
   *
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH`
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest or size
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless open
   */
  seal(expected: Expectation = {}): Promise<ContentInfo> {
    const copy = { ...expected };
    return this.#exclusively(() => this.#seal(copy));
  }

  async #seal(expected: Expectation): Promise<ContentInfo> {
    checkExpectation(expected);
    const handle = this.#openHandle('seal');
    const digest: Digest = `sha256:${this.#hash.digest('hex')}`;
    const mismatch = this.#mismatch(expected, digest);
    if (mismatch) {
      await this.#abort();
      throw mismatch;
    }
    await handle.sync();
    this.#state = 'sealed';
    this.#digest = digest;
    await this.#closeHandle();
    return { digest, sizeBytes: this.#sizeBytes };
  }

  /**
   * The whole content.
   *
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless sealed
   */
  async readBytes(): Promise<Buffer> {
    if (this.#state !== 'sealed') throw new WrongStateError('read', this.source, this.#state, 'sealed');
    return readFile(this.#path);
  }

  /**
   * Makes the bytes content, durable when the promise resolves, and emits `/service/content/write` unless the store
   * had them. Committing what the store has is no error.
   *
   * @throws {ContentMismatchError} `SERVICE_CONTENT_MISMATCH`; nothing is left
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed digest, size or media type
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` once it has ended
   */
  commit(options: Expectation & { mediaType?: string } = {}): Promise<ContentInfo> {
    // Node reads twice what is taken out beside a rest.
    const { mediaType = '', ...expected } = { ...options };
    return this.#exclusively(async () => {
      checkExpectation({ ...expected, mediaType });
      if (this.#state === 'open') await this.#seal(expected);
      const digest = this.#digest;
      if (this.#state !== 'sealed' || !digest) throw new WrongStateError('commit', this.source, this.#state, 'open');
      const content = { digest, sizeBytes: this.#sizeBytes };
      await this.#publish(this.#path, content, mediaType);
      this.#end();
      return content;
    });
  }

  /** Stops here. With a ref, what was written waits for a later {@link ContentStore.ingest}; without, it is removed. */
  close(): Promise<void> {
    return this.#exclusively(async () => {
      if (isTemporary(this.#path)) return this.#abort();
      await this.#closeHandle();
      this.#end();
    });
  }

  /** Removes what was written. No effect after a commit. */
  abort(): Promise<void> {
    return this.#exclusively(() => this.#abort());
  }

  async #abort(): Promise<void> {
    if (this.#state === 'ended') return;
    await this.#closeHandle();
    await rm(this.#path, { force: true });
    this.#end();
  }

  #exclusively<T>(action: () => Promise<T>): Promise<T> {
    return this.#lock.run('', action);
  }

  /** Removes what a write has left that failed: the hash has nothing of it. Where that fails too, no more is taken. */
  async #takeBack(handle: FileHandle): Promise<void> {
    await handle.truncate(this.#sizeBytes).catch(() => {
      this.#state = 'damaged';
    });
  }

  #openHandle(operation: string): FileHandle {
    if (this.#state !== 'open' || !this.#handle) {
      throw new WrongStateError(operation, this.source, this.#state, 'open');
    }
    return this.#handle;
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.byteLength;
  }

  #mismatch({ digest, sizeBytes }: Expectation, actual: Digest): ContentMismatchError | undefined {
    if (sizeBytes !== undefined && sizeBytes !== this.#sizeBytes) {
      return new ContentMismatchError('size', `${sizeBytes}`, `${this.#sizeBytes}`, this.source);
    }
    if (digest !== undefined && digest !== actual) {
      return new ContentMismatchError('digest', `${digest}`, actual, this.source);
    }
    return undefined;
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #end(): void {
    this.#state = 'ended';
    this.#release();
  }
}
