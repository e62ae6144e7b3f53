/**
 * The only importer of picomatch: the reference for what a glob means, and the last word on what is one.
 *
 * picomatch is loaded for the first glob that it could refuse: most processes never have one.
 */
import type picomatch from 'picomatch/posix.js';
import { InvalidGlobError } from '../errors.js';
import { requireDependency } from '../package-files.js';

/** The options whose meaning our globs have. */
export const PICOMATCH_OPTIONS = {
  dot: true,
  nonegate: true,
  noextglob: true,
  strictBrackets: true,
  debug: true,
} as const;

/** Globs of nothing but literals, `*`, `**` and `?`: picomatch has nothing to refuse in them. */
const ALWAYS_VALID = /^[\w./*?-]*$/;

let reference: typeof picomatch | undefined;

/** @throws {InvalidGlobError} `BUS_INVALID_GLOB` when picomatch refuses the glob */
export function checkWithPicomatch(glob: string): void {
  if (ALWAYS_VALID.test(glob)) return;
  reference ??= requireDependency('picomatch/posix.js') as typeof picomatch;
  try {
    reference.makeRe(glob, PICOMATCH_OPTIONS);
  } catch (error) {
    throw new InvalidGlobError(glob, error instanceof Error ? error.message : String(error));
  }
}
