/** Runs a program that uses the package in a process of its own. */
import { spawn } from 'node:child_process';
import { LIBRARY } from './published.js';

const WORKERS = new URL('../fixtures/workers/', import.meta.url).href;
const MAX_LIFE_MS = 170_000;

export interface Outcome {
  /** Undefined when the process was still alive after `probe` had said that it may be ended, or at the time limit. */
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a module's text with `createBus` and `worker(name)`, a fixture's URL, at hand.
 *
 * @param stayAlive text on standard output after which the process is ended; it is not waited for
 * @param flags options of Node, which its threads inherit
 */
export function runProgram(source: string, stayAlive?: string, flags: readonly string[] = []): Promise<Outcome> {
  const program = `
    import { createBus } from ${JSON.stringify(LIBRARY)};
    const worker = (name) => new URL(name + '.js', ${JSON.stringify(WORKERS)});
    ${source}
  `;
  const child = spawn(process.execPath, [...flags, '--input-type=module', '--eval', program]);
  const timer = setTimeout(() => child.kill('SIGKILL'), MAX_LIFE_MS);
  let output = '';
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  child.stdout.on('data', (data) => {
    output += data;
    if (stayAlive !== undefined && output.includes(stayAlive)) child.kill('SIGKILL');
  });
  return new Promise((resolve) => {
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode: exitCode ?? undefined, output, errors });
    });
  });
}
