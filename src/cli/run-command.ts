/** `ringcast run`: an image in, events out. Everything it makes lies in a temporary folder and is removed at the end. */
import { createReadStream, constants as FS } from 'node:fs';
import { access, mkdtemp, rm, stat } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { type Bus, BusError, createBus, formatCtrLine, runWithEmitter } from '../index.js';
import { type Image, openServices, ServiceError, type Services } from '../services/index.js';
import { fileReason, InputError, isSystemError } from './command-errors.js';
import { checkStandardInput } from './envelope-input.js';
import { runToEnd } from './run-container.js';
import { chooseDemoRuntime, runContainerdDemo, runDemo } from './run-demo.js';
import { ContainerdRun } from './run-in-containerd.js';
import { parseRunOptions, RUN_USAGE, type RunOptions, UsageError } from './run-options.js';
import { ImportProgress } from './run-progress.js';

/** Each a first time: a second one ends the process where it is. */
const INTERRUPTIONS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_BROKEN_PIPE = 128 + constants.signals.SIGPIPE;

export const command = {
  async run(args: readonly string[]): Promise<void> {
    process.exitCode = await runCommand([...args]);
  },
};

/** @returns the exit code: the container's, 1 for a failure, 2 for wrong usage */
export async function runCommand(args: string[]): Promise<number> {
  try {
    const options = parseRunOptions(args);
    if (!options) {
      process.stdout.write(RUN_USAGE);
      return 0;
    }
    // Before anything is set up, so that a mistyped name gives one line and no events.
    if (options.image === '-') checkStandardInput();
    else if (options.image !== undefined) await checkReadable(options.image);
    return await runWithBus(options);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`ringcast run: ${error.message}\n\n${RUN_USAGE}`);
      return 2;
    }
    if (!isExpected(error)) throw error;
    // Whoever read the events has had enough of them, which is no failure worth a line.
    if (error instanceof Interruption && error.signal === 'SIGPIPE') return EXIT_BROKEN_PIPE;
    process.stderr.write(`ringcast run: ${error.message}\n`);
    return error instanceof Interruption ? 128 + constants.signals[error.signal] : 1;
  }
}

async function checkReadable(path: string): Promise<void> {
  await access(path, FS.R_OK).catch((error: unknown) => {
    throw new InputError(path, fileReason(error), { cause: error });
  });
}

async function runWithBus(options: RunOptions): Promise<number> {
  const bus = createBus();
  const { address } = options;
  bus.subscribe(address === undefined ? ['/service/**', '/plugin/**'] : ContainerdRun.FILTER, (envelope) => {
    process.stdout.write(`${formatCtrLine(envelope)}\n`);
  });
  const interrupt = new AbortController();
  const stop = (signal: NodeJS.Signals) => interrupt.abort(new Interruption(signal));
  for (const signal of INTERRUPTIONS) process.once(signal, stop);
  const stopOutput = () => stop('SIGPIPE');
  process.stdout.on('error', stopOutput);
  try {
    if (address !== undefined) return await runInContainerd(bus, address, options, interrupt.signal);
    return await runWithEmitter(bus.emitter(), () => runHere(options, interrupt.signal));
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, stop);
    await bus.close();
    process.stdout.off('error', stopOutput);
  }
}

async function runInContainerd(bus: Bus, address: string, options: RunOptions, signal: AbortSignal): Promise<number> {
  const { image: path, command: args, memoryBytes } = options;
  const containerd = new ContainerdRun(bus, address, signal);
  try {
    await containerd.open();
    if (path === undefined) return await runContainerdDemo(containerd);
    const image = await containerd.importImage(path === '-' ? process.stdin : path);
    return await containerd.run(image, { id: 'run', args, memoryBytes });
  } finally {
    await containerd.close();
  }
}

async function runHere(options: RunOptions, signal: AbortSignal): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'ringcast-run-'));
  try {
    return await runInDirectory(directory, options, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runInDirectory(directory: string, options: RunOptions, signal: AbortSignal): Promise<number> {
  const { image: path } = options;
  const chosen = path === undefined ? await chooseDemoRuntime(options.runtime) : runtimeFor(options);
  const services = await openServices({ directory, runtime: chosen });
  try {
    if (path === undefined) return await runDemo(services, chosen, signal);
    const images = await importImage(services, path, signal);
    signal.throwIfAborted();
    const container = await services.containers.create({
      image: images[0]?.name ?? '',
      stdio: ['ignore', process.stderr.fd, process.stderr.fd],
      signal,
      ...(options.command ? { args: options.command } : {}),
      ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    });
    return await runToEnd(container, signal);
  } finally {
    await services.close();
  }
}

/** A memory limit asks for the one that has it. */
function runtimeFor({ runtime, memoryBytes }: RunOptions): 'runc' | 'process' {
  return runtime ?? (memoryBytes === undefined ? 'process' : 'runc');
}

async function importImage({ importer }: Services, path: string, signal: AbortSignal): Promise<Image[]> {
  const found = path === '-' ? undefined : await stat(path);
  const progress = new ImportProgress(process.stderr, path, found?.isFile() ? found.size : undefined);
  const baseName = baseNameOf(path);
  try {
    if (found?.isDirectory()) {
      let staged = 0;
      const onProgress = ({ stagedBytes }: { stagedBytes: number }) => {
        progress.add(stagedBytes - staged);
        staged = stagedBytes;
      };
      return await importer.importLayout(path, { baseName, onProgress, signal });
    }
    const source = addAbortSignal(signal, found ? createReadStream(path) : process.stdin);
    // Until somebody reads it, nobody would be told; who reads it then is.
    source.on('error', () => {});
    return await importer.importArchive(progress.count(source), { baseName });
  } catch (error) {
    // Rather than that the source was destroyed.
    signal.throwIfAborted();
    throw error;
  } finally {
    progress.end();
  }
}

/** What an image is called that has no name of its own: the file's name, as far as a reference takes it. */
function baseNameOf(path: string): string {
  const name = basename(path)
    .replace(/(\.oci|\.docker)?\.(tar|tgz|tar\.gz|tar\.zst)$/, '')
    .toLowerCase();
  return name.replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '') || 'imported';
}

class Interruption extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }
}

/** Failures that have a message for the user; anything else is a bug and keeps its stack. */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof ServiceError ||
    error instanceof Interruption ||
    error instanceof InputError ||
    // The package of the bridge to containerd is missing, for one.
    (error instanceof BusError && error.code.startsWith('BRIDGE_')) ||
    isSystemError(error)
  );
}
