/**
 * A tar archive, compressed or not, as a sequence of entries, within limits.
 *
 * The parser of the package tar is lenient by design: damaged headers are warnings, unknown entries are skipped, oversized
 * extended headers are ignored. Here each of these is an error, since a layer that is not understood is not unpacked.
 */
import { once } from 'node:events';
import { nextTurn } from '../../host/timing.js';
import { checkLimit } from '../argument-check.js';
import { LimitExceededError, MalformedInputError } from '../service-errors.js';
import { decompress } from './decompress.js';
import { loadTar, type TarEntry, type TarParser } from './tar-package.js';

export interface ArchiveLimits {
  /** Entries of one archive, extended headers not counted. Default 500,000. */
  maxEntries?: number;
  /** Bytes of one archive after decompression, headers and padding included. Default 8 GiB. */
  maxUncompressedBytes?: number;
}

const DEFAULT_MAX_ENTRIES = 500_000;
const DEFAULT_MAX_UNCOMPRESSED_BYTES = 8 * 2 ** 30;

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a limit that is none */
export function checkLimits({ maxEntries, maxUncompressedBytes }: ArchiveLimits): void {
  checkLimit('maxEntries', maxEntries);
  checkLimit('maxUncompressedBytes', maxUncompressedBytes);
}

/** What the parser may hold in memory at a time: larger chunks are fed in slices, since it queues each chunk's entries. */
const SLICE_BYTES = 64 * 1024;

export interface ArchiveEntry {
  /** As in the archive: unchecked. */
  readonly path: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAt: Date;
  /** As in the archive: unchecked. Empty where there is none. */
  readonly linkPath: string;
  /** The content; what is not read before the next entry is asked for is skipped. */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * Reads the entries one after the other; the archive is read only as fast as they are taken.
 *
 * @param name what errors call the archive
 * @param onBytes sees the decompressed archive, all of it, also what follows its end mark
 * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED`
 * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT` for anything that is not a whole, well-formed archive
 * @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY` where the package tar is not installed
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array>,
  name: string,
  limits: ArchiveLimits = {},
  onBytes: (chunk: Buffer) => void = () => {},
): AsyncGenerator<ArchiveEntry> {
  const { maxEntries = DEFAULT_MAX_ENTRIES } = limits;
  const feed = await ParserFeed.start(name);
  const fed = feed.run(limitBytes(decompress(source, name), name, limits, onBytes));
  try {
    let entries = 0;
    for (let entry = await feed.next(); entry; entry = await feed.next()) {
      if (++entries > maxEntries) throw new LimitExceededError('maxEntries', maxEntries, name);
      yield describeEntry(entry, name);
      if (!entry.emittedEnd) {
        entry.resume();
        await feed.ended(entry);
      }
    }
  } finally {
    feed.stop();
    // A source that waits for more is closed when that comes; nobody waits for it here.
    await Promise.race([fed, nextTurn()]);
  }
}

/** Drives the push parser from a pulled source, and hands its entries out one at a time. */
class ParserFeed {
  readonly #parser: TarParser;
  readonly #name: string;
  readonly #stopped = new AbortController();
  readonly #changed: (() => void)[] = [];
  #entry: TarEntry | undefined;
  #current: TarEntry | undefined;
  #cutShort: TarEntry | undefined;
  #failure: unknown;
  #done = false;
  #atEnd = false;

  static async start(name: string): Promise<ParserFeed> {
    return new ParserFeed(new (await loadTar()).Parser(), name);
  }

  private constructor(parser: TarParser, name: string) {
    this.#parser = parser;
    this.#name = name;
    parser.on('entry', (entry) => {
      // Where nobody reads the body, a failure comes out of `next` alone.
      entry.on('error', () => {});
      this.#entry = entry;
      this.#wake();
    });
    parser.on('warn', (code, message, data) => {
      // The last entry lacks bytes up to a whole block: whether its content is whole shows when the rest is written.
      if (data.entry instanceof Object) this.#cutShort = data.entry as TarEntry;
      else if (code !== 'TAR_ENTRY_INFO')
        this.#fail(new MalformedInputError(name, `is no sound tar archive: ${message}`));
    });
    parser.on('error', (error) => this.#fail(new MalformedInputError(name, error.message, { cause: error })));
    parser.on('ignoredEntry', (entry) => {
      const reason = entry.meta ? 'its extended header is too large' : `its type ${entry.type} is unknown`;
      this.#fail(new MalformedInputError(name, `entry ${JSON.stringify(entry.path)}: ${reason}`));
    });
    parser.on('eof', () => {
      this.#atEnd = true;
    });
  }

  /** Feeds all of the source. Never rejects: a failure comes out of `next`, `ended` and the entry's body. */
  async run(source: AsyncIterable<Buffer>): Promise<void> {
    const { signal } = this.#stopped;
    try {
      for await (const chunk of source) {
        for (let start = 0; start < chunk.length && !this.#atEnd; start += SLICE_BYTES) {
          if (signal.aborted || this.#failure) return;
          const ready = this.#parser.write(chunk.subarray(start, start + SLICE_BYTES));
          // What follows the end mark is not fed: the parser would collect it.
          if (!ready && !this.#atEnd) await once(this.#parser, 'drain', { signal });
        }
      }
      this.#parser.end();
      if (this.#cutShort?.remain) this.#fail(new MalformedInputError(this.#name, 'ends in the middle of a file'));
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      this.#done = true;
      this.#wake();
    }
  }

  /** The next entry, or undefined when there are no more. */
  async next(): Promise<TarEntry | undefined> {
    while (!this.#entry && !this.#done && !this.#failure) await this.#change();
    if (this.#failure) throw this.#failure;
    this.#current = this.#entry;
    this.#entry = undefined;
    return this.#current;
  }

  /** Waits until an entry that is being skipped has passed. */
  async ended(entry: TarEntry): Promise<void> {
    entry.once('end', () => this.#wake());
    while (!entry.emittedEnd && !this.#failure) await this.#change();
    if (this.#failure) throw this.#failure;
  }

  stop(): void {
    this.#stopped.abort();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#current?.destroy(error);
    this.#stopped.abort();
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

async function* limitBytes(
  source: AsyncIterable<Buffer>,
  name: string,
  { maxUncompressedBytes = DEFAULT_MAX_UNCOMPRESSED_BYTES }: ArchiveLimits,
  onBytes: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxUncompressedBytes) throw new LimitExceededError('maxUncompressedBytes', maxUncompressedBytes, name);
    onBytes(chunk);
    yield chunk;
  }
}

function describeEntry(entry: TarEntry, name: string): ArchiveEntry {
  const { path, type, size, mode, uid, gid, mtime, linkpath } = entry;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new MalformedInputError(name, `entry ${JSON.stringify(path)}: size ${size}`);
  }
  // The parser has put U+FFFD for what is not UTF-8: another name, which two files may share then.
  if (`${path}${linkpath ?? ''}`.includes('\ufffd')) {
    throw new MalformedInputError(name, `entry ${JSON.stringify(path)}: its name or its target is not UTF-8`);
  }
  return {
    path,
    type,
    sizeBytes: size,
    mode: mode ?? 0o644,
    uid: uid ?? 0,
    gid: gid ?? 0,
    modifiedAt: mtime && Number.isFinite(mtime.getTime()) ? mtime : new Date(0),
    linkPath: linkpath ?? '',
    body: entry,
  };
}
