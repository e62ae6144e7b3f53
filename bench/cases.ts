/** All cases, in the order in which they run. */
import type { BenchCase } from './rounds.js';

const FILES: Readonly<Record<string, () => Promise<{ readonly cases: readonly BenchCase[] }>>> = {
  publish: () => import('./cases/publish.js'),
  'publish-none': () => import('./cases/publish-none.js'),
  codec: () => import('./cases/codec.js'),
  emit: () => import('./cases/emit.js'),
  'fan-out': () => import('./cases/fan-out.js'),
  cold: () => import('./cases/cold.js'),
  'forward-all': () => import('./cases/forward-all.js'),
  raw: () => import('./cases/raw.js'),
  filter: () => import('./cases/filter.js'),
  field: () => import('./cases/field.js'),
  latency: () => import('./cases/latency.js'),
  uplink: () => import('./cases/uplink.js'),
  'uplink-latency': () => import('./cases/uplink-latency.js'),
  memory: () => import('./cases/memory.js'),
  start: () => import('./cases/start.js'),
  'start-import': () => import('./cases/start-import.js'),
  counters: () => import('./cases/counters.js'),
  services: () => import('./cases/services.js'),
};

/** A case, and the file of `cases/` that has it. */
export interface CaseInFile extends BenchCase {
  readonly file: string;
}

export async function casesIn(file: string): Promise<readonly CaseInFile[]> {
  const { cases } = await FILES[file]!();
  return cases.map((benchCase) => ({ ...benchCase, file }));
}

/**
 * Loads them all.
 *
 * @param onMissing told of a file that needs what this version of the package does not export; without it, that is an error
 */
export async function loadCases(onMissing?: (file: string, error: unknown) => void): Promise<readonly CaseInFile[]> {
  const loaded: CaseInFile[] = [];
  for (const file of Object.keys(FILES)) {
    try {
      loaded.push(...(await casesIn(file)));
    } catch (error) {
      if (onMissing === undefined) throw error;
      onMissing(file, error);
    }
  }
  return loaded;
}
