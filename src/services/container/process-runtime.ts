/**
 * The embedded runtime: plain child processes, started in the root filesystem's directory with only the container's
 * environment. No isolation: what runs sees the host's files and processes, as this user, without limits.
 *
 * Each process leads a group of its own. What its children start is killed with it, unless it leaves the group.
 */
import { join } from 'node:path';
import { RootedTree } from '../rootfs/rooted-tree.js';
import { StartFailedError, UnsafeEntryError, UnsupportedError } from '../service-errors.js';
import { killGroup, signalProcess, startChild } from './child-process.js';
import type { ContainerSpec, ProcessSpec, RunningProcess, Runtime, RuntimeContainer } from './runtime.js';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class ProcessRuntime implements Runtime {
  readonly name = 'process';

  async create(spec: ContainerSpec): Promise<RuntimeContainer> {
    if (spec.memoryBytes !== undefined) throw new UnsupportedError('a memory limit', 'use the runtime runc');
    return new ProcessContainer(spec);
  }

  async discard(): Promise<void> {
    // Nothing is left that could be told from the processes of others.
  }
}

class ProcessContainer implements RuntimeContainer {
  readonly #spec: ContainerSpec;
  readonly #tree: RootedTree;
  /** Leaders of the groups that run. */
  readonly #pids = new Set<number>();
  /** The first process has exited. */
  #isOver = false;

  constructor(spec: ContainerSpec) {
    this.#spec = spec;
    this.#tree = new RootedTree(spec.rootfs);
  }

  async start(): Promise<RunningProcess> {
    this.#isOver = false;
    const first = await this.#run(this.#spec);
    const exited = first.exited.then((status) => {
      this.#isOver = true;
      for (const pid of this.#pids) signalProcess(-pid, 'SIGKILL');
      return status;
    });
    return { ...first, exited };
  }

  async exec(_execId: string, process: ProcessSpec): Promise<RunningProcess> {
    return this.#run(process);
  }

  async pause(): Promise<void> {
    for (const pid of this.#pids) signalProcess(-pid, 'SIGSTOP');
  }

  async resume(): Promise<void> {
    for (const pid of this.#pids) signalProcess(-pid, 'SIGCONT');
  }

  async oomKills(): Promise<number> {
    return 0;
  }

  async delete(): Promise<void> {
    // Files are the service's, processes have exited.
  }

  async #run(spec: ProcessSpec): Promise<RunningProcess> {
    const { pid, exited } = await this.#spawn(spec);
    this.#pids.add(pid);
    // The first process may have exited while this one was being spawned.
    if (this.#isOver) signalProcess(-pid, 'SIGKILL');
    const ended = exited.then(async (status) => {
      this.#pids.delete(pid);
      await killGroup(pid);
      return status;
    });
    const kill = async (signal: NodeJS.Signals) => {
      if (this.#pids.has(pid)) signalProcess(pid, signal);
    };
    return { pid, exited: ended, kill };
  }

  async #spawn(spec: ProcessSpec) {
    const environment = parseEnvironment(spec.environment);
    const path = environment.PATH ?? DEFAULT_PATH;
    const file = this.#findCommand(spec, path.split(':'));
    environment.PATH = path
      .split(':')
      .map((directory) => join(this.#spec.rootfs, directory))
      .join(':');
    const segments = spec.workingDirectory.split('/').filter((segment) => segment !== '');
    const directory = this.#tree.resolveDirectory(segments, spec.workingDirectory, true);
    try {
      return await startChild(file, spec.args.slice(1), {
        argv0: spec.args[0],
        cwd: this.#tree.path(directory ?? []),
        env: environment,
        stdio: [...spec.stdio],
      });
    } catch (error) {
      throw new StartFailedError(this.#spec.id, `${spec.args[0]}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** The command as the container means it: links are followed inside the root filesystem. */
  #findCommand({ args, workingDirectory }: ProcessSpec, path: readonly string[]): string {
    const [name = ''] = args;
    const candidates = name.startsWith('/')
      ? [name]
      : name.includes('/')
        ? [`${workingDirectory}/${name}`]
        : path.map((directory) => `${directory}/${name}`);
    for (const candidate of candidates) {
      const segments = candidate.split('/').filter((segment) => segment !== '' && segment !== '.');
      try {
        const file = this.#tree.resolveFile(segments, candidate);
        if (file) return file;
      } catch (error) {
        // Something on the way is no directory, or links run in circles: it is not here.
        if (!(error instanceof UnsafeEntryError)) throw error;
      }
    }
    throw new StartFailedError(this.#spec.id, `${JSON.stringify(name)} is not in its root filesystem`);
  }
}

/** `NAME=value` lines as an object; later ones win. */
function parseEnvironment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
