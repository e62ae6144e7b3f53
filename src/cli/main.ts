#!/usr/bin/env node
/** The `ringcast` command: finds the command that is meant, and turns failures into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { BusError } from '../errors.js';
import { PACKAGE_ROOT } from '../package-files.js';
import { asksForHelp, type Command } from './command.js';
import { InputError, isSystemError, UsageError } from './command-errors.js';

interface CommandEntry {
  readonly summary: string;
  /** Whether it ends by itself, and cleans up, when its output is gone; help has nothing to clean up. */
  readonly endsItself?: boolean;
  /** Loaded on demand, so that no command pays for the imports of another. */
  load(): Promise<{ readonly command: Command }>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  events: {
    summary: 'print the events of a file or a pipe, one line each, as `ctr events` does',
    load: () => import('./events-command.js'),
  },
  replay: {
    summary: 'send recorded events through a bus to subscriber threads and sum up',
    load: () => import('./replay-command.js'),
  },
  run: {
    summary: 'run a container from an image archive, and print its events as they happen',
    endsItself: true,
    load: () => import('./run-command.js'),
  },
  generate: {
    summary: 'generate event classes from .proto files',
    load: () => import('./generate-command.js'),
  },
  top: {
    summary: 'show what the buses of running processes do, live',
    load: () => import('./top-command.js'),
  },
  mirror: {
    summary: 'mirror a bus of this machine on a stream of NATS JetStream',
    load: () => import('./mirror-command.js'),
  },
  'shim-wrapper': {
    summary: 'write a runtime for containerd whose containers publish to a socket of a bus',
    load: () => import('./shim-wrapper-command.js'),
  },
};

const HELP = `ringcast: an event bus for Node worker threads

Usage: ringcast COMMAND [OPTION]…

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join('\n')}

Options:
  -h, --help     this text; ringcast COMMAND --help tells about a command
  -v, --version  the version
`;

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  // With nobody to tell, work goes on: standard output may still be read.
  process.stderr.on('error', () => {});
  const entry = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry?.endsItself !== true || asksForHelp(args)) endOnBrokenOutput();
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${version()}\n`);
    return;
  }
  if (name !== undefined && asksForHelp([name])) {
    process.stdout.write(HELP);
    return;
  }
  const known = `Commands: ${Object.keys(COMMANDS).join(', ')}; see ringcast --help.`;
  if (name === undefined) throw new UsageError('no command', known);
  if (entry === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}`, known);
  tellWarnings();
  const { command } = await entry.load();
  await command.run(args);
}

/** Prints a failure, and returns the exit code for it. What nobody foresaw is thrown on: it needs its stack. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    tell(`${error.message}\n${error.hint}`);
    return EXIT_USAGE;
  }
  if (!(error instanceof InputError || error instanceof BusError || isSystemError(error))) throw error;
  tell(error.message);
  return EXIT_FAILURE;
}

/** A message may quote what is in a file of others: control characters reach no terminal. */
function tell(message: string): void {
  const shown = message.replace(
    /(?![\n\t])\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  process.stderr.write(`ringcast: ${shown}\n`);
}

/**
 * Ends the process when its output is gone. Nothing is wrong when a reader such as `head` has seen enough; there is then
 * nothing left to do, neither for this thread nor for the ones that print.
 */
function endOnBrokenOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`ringcast: standard output: ${error.message}\n`);
    process.exit(EXIT_FAILURE);
  });
}

/** Warnings of a bus are told as the command tells everything, each once; others as Node prints them, if it does. */
function tellWarnings(): void {
  const printers = process.listeners('warning');
  if (printers.length === 0) return;
  const told = new Set<string>();
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (!(warning instanceof BusError)) for (const print of printers) print.call(process, warning);
    else if (told.size < told.add(warning.message).size) tell(`warning: ${warning.message}`);
  });
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as {
    version: string;
  };
  return version;
}
