/**
 * Unpacks one image layer over a directory: files, links, and whiteouts as in the OCI image specification (layer.md).
 *
 * Every entry is placed through {@link RootedTree}, over nothing or over what was removed before: no existing file is
 * ever opened for writing, so neither a symbolic nor a hard link of an earlier entry leads a write elsewhere.
 * Extended attributes are not applied, since Node cannot set them.
 *
 * Small steps are synchronous, a dozen an entry: through the thread pool 10,000 small files take ten times as long. The
 * event loop gets a turn every few entries.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nextTurn } from '../../host/timing.js';
import { checkSource } from '../argument-check.js';
import type { Digest } from '../content/digest.js';
import { InvalidArgumentError, MalformedInputError, UnsafeEntryError } from '../service-errors.js';
import { isRoot, writeFile } from './layer-file.js';
import { climbsOut, entrySegments, lstatIfThere, RootedTree } from './rooted-tree.js';
import { type ArchiveEntry, type ArchiveLimits, checkLimits, readArchive } from './tar-reader.js';

const WHITEOUT_PREFIX = '.wh.';
const OPAQUE_WHITEOUT = '.wh..wh..opq';
const WHITEOUT_METADATA_PREFIX = '.wh..wh.';
const ENTRIES_PER_TURN = 32;

export interface LayerOptions extends ArchiveLimits {
  /** Device nodes and FIFOs, which Node cannot create: `refuse` the layer (default) or `skip` the entry. */
  specialFiles?: 'refuse' | 'skip';
}

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for an option that is none */
export function checkLayerOptions(options: LayerOptions): void {
  const { specialFiles } = options;
  checkLimits(options);
  if (specialFiles !== undefined && specialFiles !== 'refuse' && specialFiles !== 'skip') {
    throw new InvalidArgumentError('specialFiles', specialFiles, "'refuse' or 'skip'");
  }
}

/**
 * Applies a layer to the directory `root`. After a failure the directory holds a part of it: throw it away.
 *
 * @param name what errors call the layer
 * @param given.signal ends it between two entries, with what its `throwIfAborted` throws
 * @returns the layer's diff id, the digest of its uncompressed archive
 * @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` for an entry that would act outside of `root`
 * @throws {LimitExceededError} `SERVICE_LIMIT_EXCEEDED`
 * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT`
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed option, and for what are no bytes
 */
export async function applyLayer(
  root: string,
  source: AsyncIterable<Uint8Array>,
  name: string,
  given: LayerOptions & { signal?: Pick<AbortSignal, 'throwIfAborted'> | undefined } = {},
): Promise<Digest> {
  const options = { ...given };
  checkLayerOptions(options);
  checkSource('source', source);
  const hash = createHash('sha256');
  const layer = new LayerWriter(root, options.specialFiles ?? 'refuse');
  let entries = 0;
  for await (const entry of readArchive(source, name, options, (chunk) => hash.update(chunk))) {
    if (++entries % ENTRIES_PER_TURN === 0) await nextTurn();
    options.signal?.throwIfAborted();
    try {
      await layer.apply(entry);
    } catch (error) {
      throw describeFailure(error, entry, name);
    }
  }
  layer.finishDirectories(name);
  return `sha256:${hash.digest('hex')}`;
}

class LayerWriter {
  readonly #tree: RootedTree;
  readonly #specialFiles: 'refuse' | 'skip';
  /** What this layer brought, relative to the root: whiteouts hide only what lower layers brought. */
  readonly #written = new Set<string>();
  /** Mode, owner and time of directories, set last: a file created in one changes its time, and it may be read-only. */
  readonly #directories = new Map<string, { segments: string[]; entry: ArchiveEntry }>();

  constructor(root: string, specialFiles: 'refuse' | 'skip') {
    this.#tree = new RootedTree(root);
    this.#specialFiles = specialFiles;
  }

  async apply(entry: ArchiveEntry): Promise<void> {
    const segments = entrySegments(entry.path);
    const name = segments.pop();
    if (name === undefined) {
      if (entry.type !== 'Directory') throw new UnsafeEntryError(entry.path, 'it would replace the root');
      this.#directories.set('', { segments: [], entry });
      return;
    }
    if (name.startsWith(WHITEOUT_PREFIX)) return this.#whiteOut(segments, name, entry.path);
    const parent = this.#tree.resolveDirectory(segments, entry.path, true);
    await this.#place(entry, parent ?? [], name);
  }

  finishDirectories(name: string): void {
    for (const { segments, entry } of [...this.#directories.values()].reverse()) {
      // A later entry may have put a link in its place, or in that of a parent.
      if (!this.#tree.isDirectory(segments)) continue;
      const path = this.#tree.path(segments);
      try {
        if (isRoot) chownSync(path, entry.uid, entry.gid);
        // Who is not root needs access for the next layer, and to remove the tree.
        chmodSync(path, (entry.mode & 0o7777) | (isRoot ? 0 : 0o700));
        utimesSync(path, entry.modifiedAt, entry.modifiedAt);
      } catch (error) {
        throw describeFailure(error, entry, name);
      }
    }
  }

  async #place(entry: ArchiveEntry, parent: readonly string[], name: string): Promise<void> {
    const segments = [...parent, name];
    const path = this.#tree.path(segments);
    if (isSpecial(entry.type)) {
      if (this.#specialFiles === 'skip') return;
      throw new UnsafeEntryError(
        entry.path,
        `it is a ${entry.type}, which Node cannot create; skip such entries with specialFiles: 'skip'`,
      );
    }
    const linked = entry.type === 'Link' ? this.#linkTarget(entry) : undefined;
    if (linked === path) return;
    const existing = lstatIfThere(path);
    const keeps = entry.type === 'Directory' && existing?.isDirectory();
    if (existing?.isDirectory() && !keeps) await rm(path, { recursive: true });
    else if (existing && !keeps) unlinkSync(path);
    if (entry.type === 'Directory') {
      if (!keeps) mkdirSync(path, 0o700);
      this.#directories.set(segments.join('/'), { segments, entry });
    } else if (entry.type === 'SymbolicLink') {
      this.#createSymbolicLink(entry, path, parent.length);
    } else if (linked !== undefined) {
      // Its own target may have been what was just removed.
      linkSync(linked, path);
    } else {
      await writeFile(entry, path);
    }
    for (let depth = segments.length; depth > 0; depth--) this.#written.add(segments.slice(0, depth).join('/'));
  }

  #linkTarget(entry: ArchiveEntry): string {
    const segments = entrySegments(entry.linkPath, entry.path);
    const name = segments.pop();
    const parent = this.#tree.resolveDirectory(segments, entry.path, false);
    const path = name !== undefined && parent ? this.#tree.path([...parent, name]) : undefined;
    const found = path === undefined ? undefined : lstatIfThere(path);
    if (!path || !found) throw new UnsafeEntryError(entry.path, `it links to ${entry.linkPath}, which is not there`);
    if (found.isDirectory()) throw new UnsafeEntryError(entry.path, `it links to ${entry.linkPath}, a directory`);
    return path;
  }

  #createSymbolicLink(entry: ArchiveEntry, path: string, depth: number): void {
    const target = entry.linkPath;
    if (climbsOut(target, depth)) {
      throw new UnsafeEntryError(entry.path, `it links to ${JSON.stringify(target)}, outside of the root`);
    }
    symlinkSync(target, path);
    if (isRoot) lchownSync(path, entry.uid, entry.gid);
    lutimesSync(path, entry.modifiedAt, entry.modifiedAt);
  }

  async #whiteOut(segments: string[], name: string, entryPath: string): Promise<void> {
    const parent = this.#tree.resolveDirectory(segments, entryPath, false);
    if (name === OPAQUE_WHITEOUT) {
      if (parent) await this.#removeLower(parent);
      return;
    }
    if (name.startsWith(WHITEOUT_METADATA_PREFIX)) return;
    const hidden = name.slice(WHITEOUT_PREFIX.length);
    if (hidden === '' || hidden === '.' || hidden === '..') {
      throw new UnsafeEntryError(entryPath, 'it is a whiteout of no file');
    }
    if (!parent || this.#written.has([...parent, hidden].join('/'))) return;
    await rm(this.#tree.path([...parent, hidden]), { recursive: true, force: true });
  }

  /** Removes from a directory what lower layers brought, and keeps what this one did. */
  async #removeLower(segments: readonly string[]): Promise<void> {
    for (const child of await readdir(this.#tree.path(segments), { withFileTypes: true })) {
      const childSegments = [...segments, child.name];
      if (!this.#written.has(childSegments.join('/'))) {
        await rm(this.#tree.path(childSegments), { recursive: true });
      } else if (child.isDirectory()) {
        await this.#removeLower(childSegments);
      }
    }
  }
}

function isSpecial(type: string): boolean {
  return type === 'CharacterDevice' || type === 'BlockDevice' || type === 'FIFO';
}

/** Errors that names and numbers in an archive cause, as opposed to a full or failing disk. */
const CAUSED_BY_ENTRY =
  /^(?:ENAMETOOLONG|ENOTDIR|EISDIR|ELOOP|EEXIST|EMLINK|EINVAL|ENOENT|ERR_OUT_OF_RANGE|ERR_INVALID_ARG_VALUE)$/;

function describeFailure(error: unknown, entry: ArchiveEntry, name: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (!code || !CAUSED_BY_ENTRY.test(code)) return error;
  const path = join('/', entry.path).slice(0, 120);
  return new MalformedInputError(name, `entry ${JSON.stringify(path)} cannot be created: ${code}`, { cause: error });
}
