/**
 * A child process that runs the command for one command line after the other, as it would for each in a process of its own.
 * For command lines that end by themselves and leave nothing running.
 */
import { Readable } from 'node:stream';
import type { CommandResult } from './run-command.js';

/** From the test, one at a time; the answer is a {@link CommandResult}. */
export interface CommandLine {
  /** URL of the command's file. */
  readonly command: string;
  readonly args: readonly string[];
  /** Chunks of standard input. */
  readonly input: readonly Uint8Array[];
  readonly cwd: string;
  /** Variables beside those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

const printers = process.listeners('warning');
let lines = 0;

process.on('message', (line: CommandLine) => void run(line).then((result) => process.send!(result)));

async function run({ command, args, input, cwd, env }: CommandLine): Promise<CommandResult> {
  const printed = { stdout: '', stderr: '' };
  const { argv, exitCode } = process;
  const writes = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const { write } = stream;
    stream.write = ((text: string | Uint8Array) => {
      printed[name] += text;
      return true;
    }) as typeof write;
    return () => Object.assign(stream, { write });
  });
  process.argv = [...argv.slice(0, 1), command, ...args];
  process.chdir(cwd);
  const own = { ...process.env };
  Object.assign(process.env, env);
  Object.defineProperty(process, 'stdin', { value: Readable.from(input), configurable: true });
  try {
    // Evaluated anew each time: what it imports is not.
    await import(`${command}?${lines++}`);
    return { exitCode: Number(process.exitCode ?? 0), ...printed };
  } finally {
    for (const restore of writes) restore();
    process.argv = argv;
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, own);
    process.exitCode = exitCode;
    for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
    process.removeAllListeners('warning');
    for (const print of printers) process.on('warning', print);
  }
}
