/**
 * Where the files of the package lie, and the packages it needs. The published chunks are as deep below the package's root as
 * this file is when it is compiled, and have the same entries beside them.
 *
 * A bundler may have made this code part of a user's bundle. Then nothing of ours lies beside it, and what is needed is found
 * where the user has installed the package. In a bundle that is CommonJS, `import.meta` is empty.
 */
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DependencyNotFoundError } from './errors.js';

// A name of its own: webpack and vite copy the file of a `new URL('…', import.meta.url)` away from its neighbours.
const here: string = import.meta.url ?? pathToFileURL(__filename).href;

/** Imports the entry of threads. CommonJS: what loads it with `require` links no ES module while the thread may be ended. */
const THREAD_LOADER = 'worker-entry.cjs';

/** The folder of `package.json` and `proto`. */
export const PACKAGE_ROOT = new URL('../../', here);

/** Made when something is first loaded: a thread that loads nothing does without `node:module` and what that brings. */
let requireHere: NodeJS.Require | undefined;

/** The same, from where the package is installed. */
let ownRequire: NodeJS.Require | undefined;

/** Loads ES modules too, and shares them with `import`. Node's own, also where a test runner puts another in its place. */
export function nodeRequire(id: string): unknown {
  requireHere ??= createRequire(here);
  return requireHere(id);
}

function createRequire(from: string | URL): NodeJS.Require {
  return process.getBuiltinModule('node:module').createRequire(from);
}

/**
 * What a subscriber thread loads.
 *
 * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND` in a bundle that runs where the package is not installed
 */
export function workerEntry(): URL {
  // The second one where a bundler has put it.
  for (const name of [THREAD_LOADER, 'worker-entry.js']) {
    const beside = new URL(name, here);
    if (existsSync(beside)) return beside;
  }
  try {
    return new URL(THREAD_LOADER, pathToFileURL(createRequire(here).resolve('ringcast/worker')));
  } catch (cause) {
    throw new DependencyNotFoundError('ringcast/worker', here, cause);
  }
}

/**
 * What the thread loads that serves statistics.
 *
 * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND`
 */
export function statsThreadEntry(): URL {
  return new URL('./stats-thread.js', workerEntry());
}

/**
 * Loads what a module connects to its bus with: at once, which `import()` cannot.
 *
 * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND` in a bundle that runs where the package is not installed
 */
export function requireModuleBus(): unknown {
  return nodeRequire(fileURLToPath(fileOf('module-bus.js')));
}

/**
 * What the thread loads that hosts a bus.
 *
 * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND`
 */
export function hostThreadEntry(): URL {
  return fileOf('host-thread.js');
}

/** A file of this package: here, or where the package is installed. */
function fileOf(name: string): URL {
  const beside = new URL(name, here);
  if (existsSync(beside)) return beside;
  try {
    return new URL(name, pathToFileURL(createRequire(here).resolve('ringcast/worker')));
  } catch (cause) {
    throw new DependencyNotFoundError('ringcast/worker', here, cause);
  }
}

/**
 * Loads a package that this one depends on, when it is needed: at once, which `import()` cannot.
 *
 * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND`
 */
export function requireDependency(id: string): unknown {
  const entry = fileURLToPath(workerEntry());
  ownRequire ??= createRequire(entry);
  try {
    return ownRequire(id);
  } catch (error) {
    // Package managers that link packages put what these need where the link leads to. Node looks there by itself, but for
    // `--preserve-symlinks`.
    const file = realpathSync(entry);
    if (file === entry || !isNotFound(error)) throw new DependencyNotFoundError(id, here, error);
    try {
      return createRequire(file)(id);
    } catch (cause) {
      throw new DependencyNotFoundError(id, here, cause);
    }
  }
}

function isNotFound(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'MODULE_NOT_FOUND';
}
