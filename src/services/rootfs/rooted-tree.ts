/**
 * Paths of archive entries, resolved as a process whose root is `root` would resolve them: symbolic links are followed
 * inside, an absolute target starts at `root`, and nothing leads out. The tree must have no other writer meanwhile.
 * Calls are synchronous: each look at a name takes some microseconds, by way of the thread pool ten times that.
 *
 * Same idea as SecureJoin of github.com/cyphar/filepath-securejoin.
 */
import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { UnsafeEntryError } from '../service-errors.js';

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/** Each entry costs a look at each of its segments, so depth is what makes a small archive expensive. */
const MAX_SEGMENTS = 256;

/**
 * The segments of an entry's path; none for the root itself.
 *
 * @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` for an absolute path, a `..`, a NUL, more than 256 segments
 */
export function entrySegments(path: string, entry = path): string[] {
  // Some archivers write the root itself as "/".
  if (/^\/+$/.test(path)) return [];
  if (path.startsWith('/')) throw new UnsafeEntryError(entry, `${describePath(path, entry)} is absolute`);
  if (path.includes('\0')) throw new UnsafeEntryError(entry, `${describePath(path, entry)} contains a NUL`);
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw new UnsafeEntryError(entry, `${describePath(path, entry)} contains ".."`);
  if (segments.length > MAX_SEGMENTS)
    throw new UnsafeEntryError(entry, `it is more than ${MAX_SEGMENTS} directories deep`);
  return segments;
}

function describePath(path: string, entry: string): string {
  return path === entry ? 'its path' : `its target ${JSON.stringify(path)}`;
}

export class RootedTree {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The path of a place that was found by {@link resolveDirectory}. */
  path(segments: readonly string[]): string {
    return join(this.root, ...segments);
  }

  /**
   * Where a directory really is, links followed; missing directories are created if `create` is set.
   *
   * @returns its segments below the root; undefined where it does not exist
   * @throws {UnsafeEntryError} `SERVICE_UNSAFE_ENTRY` when something on the way is no directory, or links run in circles
   */
  resolveDirectory(segments: readonly string[], entry: string, create: boolean): string[] | undefined {
    const ahead = [...segments].reverse();
    const resolved: string[] = [];
    let links = 0;
    for (let segment = ahead.pop(); segment !== undefined; segment = ahead.pop()) {
      if (segment === '..') {
        resolved.pop();
        continue;
      }
      const path = this.path([...resolved, segment]);
      const found = lstatIfThere(path);
      if (!found) {
        if (!create) return undefined;
        mkdirSync(path, 0o755);
      } else if (found.isSymbolicLink()) {
        if (++links > MAX_LINKS) throw new UnsafeEntryError(entry, 'its path goes through too many links');
        const target = readlinkSync(path);
        if (target.startsWith('/')) resolved.length = 0;
        ahead.push(...linkSegments(target).reverse());
        continue;
      } else if (!found.isDirectory()) {
        throw new UnsafeEntryError(entry, `its path goes through ${JSON.stringify(segment)}, which is no directory`);
      }
      resolved.push(segment);
    }
    return resolved;
  }

  /** Where a file really is, links followed to the end; undefined where there is none. */
  resolveFile(segments: readonly string[], entry: string): string | undefined {
    let ahead = [...segments];
    for (let links = 0; links <= MAX_LINKS; links++) {
      const name = ahead.pop();
      const parent = this.resolveDirectory(ahead, entry, false);
      if (name === undefined || !parent) return undefined;
      const path = this.path([...parent, name]);
      const found = lstatIfThere(path);
      if (!found?.isSymbolicLink()) return found?.isFile() ? path : undefined;
      const target = readlinkSync(path);
      ahead = [...(target.startsWith('/') ? [] : parent), ...linkSegments(target)];
    }
    throw new UnsafeEntryError(entry, 'it is a link that goes through too many links');
  }

  /** Whether every segment is a directory, none a link: also after other entries have changed what is there. */
  isDirectory(segments: readonly string[]): boolean {
    for (let depth = 1; depth <= segments.length; depth++) {
      if (!lstatIfThere(this.path(segments.slice(0, depth)))?.isDirectory()) return false;
    }
    return true;
  }
}

/** Whether a relative link target, seen from a directory this deep, climbs above the root. */
export function climbsOut(target: string, depth: number): boolean {
  if (target.startsWith('/')) return false;
  for (const segment of linkSegments(target)) {
    depth += segment === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

export function lstatIfThere(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function linkSegments(target: string): string[] {
  return target.split('/').filter((segment) => segment !== '' && segment !== '.');
}
