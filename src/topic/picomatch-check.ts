/** The only importer of picomatch: the reference for what a glob means, and the last word on what is one. */
import picomatch from 'picomatch/posix.js';
import { InvalidGlobError } from '../errors.js';

/** The options whose meaning our globs have. */
export const PICOMATCH_OPTIONS = {
  dot: true,
  nonegate: true,
  noextglob: true,
  strictBrackets: true,
  debug: true,
} as const;

/** @throws {InvalidGlobError} `BUS_INVALID_GLOB` when picomatch refuses the glob */
export function checkWithPicomatch(glob: string): void {
  try {
    picomatch.makeRe(glob, PICOMATCH_OPTIONS);
  } catch (error) {
    throw new InvalidGlobError(glob, error instanceof Error ? error.message : String(error));
  }
}
