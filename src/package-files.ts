/**
 * Where the files of the package lie. The published bundle is as deep below the package's root as this file is when it is
 * compiled, and has the same entries beside it.
 */

/** What a subscriber thread loads. */
export const WORKER_ENTRY = new URL('./worker-entry.js', import.meta.url);

/** The folder of `package.json` and `proto`. */
export const PACKAGE_ROOT = new URL('../../', import.meta.url);
