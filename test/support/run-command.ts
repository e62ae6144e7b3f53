/** Runs the `ringcast` command in a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { COMMAND } from './published.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export const FIXTURE = 'test/fixtures/containerd-1.6.20/envelopes.binpb';
export const CTR_LINES = 'test/fixtures/containerd-1.6.20/ctr-events.txt';

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command in the root of the repository. Whoever starts it ends its standard input. */
export function startCommand(args: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd: ROOT });
  // A command that has seen enough does not read on: then there is nobody to write to.
  child.stdin.on('error', () => {});
  return child;
}

/** Runs the command to its end. `input` goes to standard input, each chunk once the one before is written. */
export async function runCommand(args: readonly string[], input: Iterable<Uint8Array> = []): Promise<CommandResult> {
  const child = startCommand(args);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  for (const chunk of input) await new Promise((resolve) => child.stdin.write(chunk, resolve));
  child.stdin.end();
  const exitCode = await closed;
  return { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}
