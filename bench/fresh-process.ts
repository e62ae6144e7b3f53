/** Runs a script of the suite in a process of its own: other cases' garbage, and code compiled for them, are not ours. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** @returns what the script in `threads/` has printed as JSON */
export async function inFreshProcess<T>(
  script: string,
  args: readonly (string | number)[],
  nodeOptions: readonly string[] = [],
): Promise<T> {
  const file = fileURLToPath(new URL(`./threads/${script}.js`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeOptions, file, ...args.map(String)]);
  return JSON.parse(stdout) as T;
}
