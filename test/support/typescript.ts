/** Runs the TypeScript compiler. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const FIND = new URL('../../../node_modules/typescript/lib/getExePath.js', import.meta.url).href;
const { default: getExePath } = (await import(FIND)) as { default(): string };

/** The compiler itself. The package's command only finds it, in a process that takes as long as a small program takes to compile. */
const COMPILER = getExePath();

/** It is over before collecting garbage would pay. */
const env = { ...process.env, GOGC: '400' };

/** Compiles; rejects with an error whose `stdout` has the complaints. */
export async function compile(args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)(COMPILER, args, { cwd, env });
}

/** The complaints about a project; empty where there are none. */
export function complaints(configFile: string): string {
  const { stdout, error } = spawnSync(COMPILER, ['-p', configFile], { encoding: 'utf8', maxBuffer: 1 << 26, env });
  if (error !== undefined) throw error;
  return stdout;
}
