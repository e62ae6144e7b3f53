/**
 * `ringcast run --address`: the same with a running containerd. Its own command `ctr` does what is to be done, in a namespace
 * that is made for this run and removed at its end; the events come by themselves.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { clearTimeout, setTimeout } from '../host/timing.js';
import type { Bus } from '../index.js';
import { InputError } from './command-errors.js';

/** How long the removal of everything, and its last event, may take. */
const REMOVE_MS = 60_000;

export interface ContainerRun {
  readonly id: string;
  /** Undefined: the image's own. */
  readonly args: readonly string[] | undefined;
  readonly memoryBytes?: number | undefined;
  /** Sent once it runs. */
  readonly signal?: NodeJS.Signals | undefined;
}

const NAMESPACE = `ringcast-run-${process.pid}`;

export class ContainerdRun {
  /** Selects the events of a run. */
  static readonly FILTER = `namespace==${NAMESPACE}`;
  readonly #bus: Bus;
  readonly #address: string;
  readonly #interrupt: AbortSignal;
  /** Where runc keeps its state: among that of others, it would leave a folder for each namespace. Undefined: nothing is made. */
  #runcRoot: string | undefined;
  #close: () => Promise<void> = async () => {};

  constructor(bus: Bus, address: string, interrupt: AbortSignal) {
    this.#bus = bus;
    this.#address = address;
    this.#interrupt = interrupt;
  }

  /** Resolves when nothing of what happens from now on is missed. */
  async open(): Promise<void> {
    // Loaded on demand: the other runtimes do without its peer.
    const { fromContainerd } = await import('../bridges/containerd/index.js');
    const source = await fromContainerd(this.#bus, {
      address: this.#address,
      filters: [ContainerdRun.FILTER],
    });
    this.#close = () => source.close();
    const away = new Promise<never>((_, reject) => {
      source.once('disconnected', (error) => reject(new InputError(this.#address, `${error?.message}`)));
    });
    await Promise.race([source.ready, away, aborted(this.#interrupt)]);
    await this.#ctr(['namespaces', 'create', NAMESPACE]);
    this.#runcRoot = await mkdtemp(join(tmpdir(), 'ringcast-runc-'));
  }

  /** @returns the name that the image has now */
  async importImage(source: string | Buffer | Readable): Promise<string> {
    if (typeof source === 'string' && (await stat(source)).isDirectory())
      throw new InputError(source, 'is a folder; containerd imports archives');
    const archive = typeof source === 'string' ? createReadStream(source) : source;
    await this.#ctr(['images', 'import', '--base-name', 'ringcast.run/imported', '-'], archive);
    const [name = ''] = (await this.#ctr(['images', 'ls', '-q'])).split('\n');
    return name;
  }

  /** @returns the exit status of the container */
  async run(image: string, { id, args, memoryBytes, signal }: ContainerRun): Promise<number> {
    this.#interrupt.throwIfAborted();
    const limit = memoryBytes === undefined ? [] : ['--memory-limit', `${memoryBytes}`];
    const started = this.#bus.next('/tasks/start', { signal: this.#interrupt });
    const kill = (name: NodeJS.Signals) => void this.#ctr(['tasks', 'kill', '-s', name, id]).catch(() => {});
    const killNow = () => kill('SIGKILL');
    this.#interrupt.addEventListener('abort', killNow, { once: true });
    started.then(
      () => signal !== undefined && kill(signal),
      () => {},
    );
    const command = ['run', '--rm', '--runc-root', this.#runcRoot!, ...limit, image, id, ...(args ?? [])];
    const child = spawn('ctr', this.#arguments(command), { stdio: ['ignore', process.stderr.fd, process.stderr.fd] });
    try {
      return await exitOf(child);
    } finally {
      this.#interrupt.removeEventListener('abort', killNow);
      this.#interrupt.throwIfAborted();
    }
  }

  /** Removes what was made; resolves when its last event has come. */
  async close(): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), REMOVE_MS);
    try {
      if (this.#runcRoot === undefined) return;
      const images = (await this.#ctr(['images', 'ls', '-q'])).split('\n').filter((name) => name !== '');
      if (images.length > 0) await this.#ctr(['images', 'rm', '--sync', ...images]);
      const last = this.#bus.next('/namespaces/delete', { signal: late.signal });
      await Promise.all([this.#ctr(['namespaces', 'rm', NAMESPACE]), last]);
      await rm(this.#runcRoot, { recursive: true, force: true });
    } catch (error) {
      process.stderr.write(`ringcast run: the namespace ${NAMESPACE} is left in containerd: ${error}\n`);
    } finally {
      clearTimeout(timer);
      await this.#close();
    }
  }

  #arguments(args: readonly string[]): string[] {
    return ['-a', this.#address, '-n', NAMESPACE, ...args];
  }

  /** @returns what it printed */
  async #ctr(args: readonly string[], input?: Buffer | Readable): Promise<string> {
    const child = spawn('ctr', this.#arguments(args), { stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    // It ended before it had read everything: its own message says why.
    child.stdin.on('error', () => {});
    if (input === undefined || Buffer.isBuffer(input)) child.stdin.end(input);
    else input.once('error', () => child.kill()).pipe(child.stdin);
    if ((await exitOf(child)) !== 0) throw new InputError(`ctr ${args.slice(0, 2).join(' ')}`, lastLine(stderr));
    return stdout;
  }
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new InputError('ctr', `cannot be started: ${error.message}. It comes with containerd`, { cause: error })),
    );
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)!;
  return line.replace(/^ctr: /, '');
}
