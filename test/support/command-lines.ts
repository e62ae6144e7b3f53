/** Runs the `ringcast` command many times in one process: most of what a short one takes is its process. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import type { CommandLine } from './command-process.js';
import { COMMAND } from './published.js';
import type { CommandResult } from './run-command.js';

const PROGRAM = new URL('./command-process.js', import.meta.url);

export interface Surroundings {
  /** Standard input, in chunks; default: none. */
  readonly input?: readonly Uint8Array[];
  readonly cwd?: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export class CommandLines {
  readonly #cwd: string;
  #child: ChildProcess | undefined;

  /** @param cwd where commands run */
  constructor(cwd = process.cwd()) {
    this.#cwd = cwd;
  }

  /** Runs one command to its end. */
  run(...args: readonly string[]): Promise<CommandResult> {
    return this.runWith({}, ...args);
  }

  /** Runs one command to its end, in surroundings of its own. */
  async runWith(surroundings: Surroundings, ...args: readonly string[]): Promise<CommandResult> {
    const { input = [], cwd = this.#cwd, env = {} } = surroundings;
    this.#child ??= this.#start();
    const line: CommandLine = { command: pathToFileURL(COMMAND).href, args, input, cwd, env };
    this.#child.send(line);
    const answered = new AbortController();
    const { signal } = answered;
    const exited = once(this.#child, 'exit', { signal }).then(([code]) => {
      throw new Error(`ringcast ${args.join(' ')}: its process left with ${code}`);
    });
    try {
      const [result] = (await Promise.race([once(this.#child, 'message', { signal }), exited])) as [CommandResult];
      return result;
    } finally {
      answered.abort();
    }
  }

  #start(): ChildProcess {
    // Never a terminal, which some commands would use.
    const child = fork(PROGRAM, { cwd: this.#cwd, serialization: 'advanced', silent: true });
    child.stdout!.resume();
    child.stderr!.pipe(process.stderr);
    return child;
  }

  close(): void {
    this.#child?.kill();
  }
}
