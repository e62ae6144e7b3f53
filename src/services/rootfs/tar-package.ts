/** The only importer of tar, an optional peer of the package: loaded when an archive is first read or written. */
import { MissingDependencyError } from '../service-errors.js';

export type { Parser, ReadEntry } from 'tar';

/** What is used of the package. */
export type TarPackage = Pick<typeof import('tar'), 'Header' | 'Parser' | 'Pax'>;

/** @throws {MissingDependencyError} `SERVICE_MISSING_DEPENDENCY` */
export async function loadTar(): Promise<TarPackage> {
  try {
    return await import('tar');
  } catch (error) {
    throw new MissingDependencyError('the package tar', 'npm install tar@7', { cause: error });
  }
}
