/**
 * Containers by runc: namespaces, cgroup limits, a root of their own. Needs Linux, root and the program runc 1.1.
 *
 * A process is run in the foreground, by a `runc` that is our child and stays until it exits: `runc create` and `start`
 * would leave it to the system's first process, and its exit status with it. `--keep` leaves the cgroup in place after
 * the exit, to be asked for memory kills.
 */
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../host/timing.js';
import { command } from '../command.js';
import { absoluteDirectory } from '../durable-file.js';
import { CommandFailedError, StartFailedError, UnsupportedError } from '../service-errors.js';
import { signalProcess, startChild } from './child-process.js';
import { runcProcess, runcSpec } from './runc-spec.js';
import type { ContainerSpec, ProcessSpec, RunningProcess, Runtime, RuntimeContainer } from './runtime.js';

const RUNC = 'runc';
const MEND = 'install runc (Debian package runc), or use the runtime process';

/** runc tells that a process runs by writing its id to a file; a start takes it some ten milliseconds. */
const PID_FILE_POLL_MS = 5;

/** Root in a container of another runtime mostly lacks it, and cannot make containers. */
const CAP_SYS_ADMIN = 21n;

export class RuncRuntime implements Runtime {
  readonly name = 'runc';
  readonly #stateDirectory: string;

  /** @param stateDirectory where runc keeps its own state; it creates and removes what is in there */
  constructor(stateDirectory: string) {
    this.#stateDirectory = absoluteDirectory(stateDirectory, 'stateDirectory');
  }

  /** Whether containers can be expected to run: runc is installed, and this process is root and may mount. */
  static async isAvailable(): Promise<boolean> {
    if (process.getuid?.() !== 0 || !(await hasCapability(CAP_SYS_ADMIN))) return false;
    return command(RUNC, ['--version'], MEND).then(
      () => true,
      () => false,
    );
  }

  async create(spec: ContainerSpec): Promise<RuntimeContainer> {
    if (process.getuid?.() !== 0)
      throw new UnsupportedError('runc without root', 'be root, or use the runtime process');
    await command(RUNC, ['--version'], MEND);
    // Directly below the root of each hierarchy: runc removes this directory, and no parents.
    const cgroup = `/ringcast-${spec.id}-${randomUUID().slice(0, 8)}`;
    await writeFile(join(spec.directory, 'config.json'), JSON.stringify(await runcSpec(spec, cgroup)));
    return new RuncContainer(spec, cgroup, this.#stateDirectory);
  }

  async discard(id: string): Promise<void> {
    await deleteContainer(this.#stateDirectory, id);
  }
}

class RuncContainer implements RuntimeContainer {
  readonly #spec: ContainerSpec;
  readonly #cgroup: string;
  readonly #stateDirectory: string;

  constructor(spec: ContainerSpec, cgroup: string, stateDirectory: string) {
    this.#spec = spec;
    this.#cgroup = cgroup;
    this.#stateDirectory = stateDirectory;
  }

  async start(): Promise<RunningProcess> {
    const { directory, id } = this.#spec;
    try {
      const process = await this.#run('init', this.#spec, ['run', '--keep', '--bundle', directory], [id]);
      return { ...process, kill: async (signal) => this.#kill(signal) };
    } catch (error) {
      // What runc has set up by then would be in the way of another start.
      await deleteContainer(this.#stateDirectory, id).catch(() => {});
      throw error;
    }
  }

  async exec(execId: string, process: ProcessSpec): Promise<RunningProcess> {
    const { directory, id, rootfs } = this.#spec;
    const name = `exec-${execId}`;
    const processFile = join(directory, `${name}.json`);
    await writeFile(processFile, JSON.stringify(await runcProcess(process, rootfs)));
    try {
      return await this.#run(name, process, ['exec', '--process', processFile], [id]);
    } finally {
      await rm(processFile, { force: true });
    }
  }

  async pause(): Promise<void> {
    await this.#runc('pause', this.#spec.id);
  }

  async resume(): Promise<void> {
    await this.#runc('resume', this.#spec.id);
  }

  async oomKills(): Promise<number> {
    // cgroup v2, then v1.
    const files = [
      `/sys/fs/cgroup${this.#cgroup}/memory.events`,
      `/sys/fs/cgroup/memory${this.#cgroup}/memory.oom_control`,
    ];
    for (const file of files) {
      const text = await readFile(file, 'utf8').catch(() => '');
      const kills = /^oom_kill (\d+)$/m.exec(text);
      if (kills) return Number(kills[1]);
    }
    return 0;
  }

  async delete(): Promise<void> {
    await deleteContainer(this.#stateDirectory, this.#spec.id);
  }

  /** Runs a foreground runc, and waits until it says which process it has started, or has failed. */
  async #run(name: string, spec: ProcessSpec, before: string[], after: string[]): Promise<RunningProcess> {
    const pidFile = join(this.#spec.directory, `${name}.pid`);
    const logFile = join(this.#spec.directory, `${name}.log`);
    const log = ['--log', logFile, '--log-format', 'json'];
    const args = ['--root', this.#stateDirectory, ...log, ...before, '--pid-file', pidFile, ...after];
    const runc = await startChild(RUNC, args, { stdio: [...spec.stdio] });
    let isRunning = true;
    const exited = runc.exited.then((status) => {
      isRunning = false;
      return status;
    });
    try {
      for (;;) {
        const wasRunning = isRunning;
        const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
        if (pid > 0) {
          const kill = async (signal: NodeJS.Signals) => {
            if (isRunning) signalProcess(pid, signal);
          };
          return { pid, exited, kill };
        }
        if (!wasRunning) throw new StartFailedError(this.#spec.id, await lastError(logFile, spec.args[0] ?? ''));
        await Promise.race([sleep(PID_FILE_POLL_MS), exited]);
      }
    } finally {
      await rm(pidFile, { force: true });
    }
  }

  async #kill(signal: NodeJS.Signals): Promise<void> {
    await this.#runc('kill', this.#spec.id, signal).catch((error: unknown) => {
      // It exited first.
      if (!(error instanceof CommandFailedError) || !/not running|does not exist|already finished/.test(error.message))
        throw error;
    });
  }

  #runc(...args: string[]): Promise<string> {
    return command(RUNC, ['--root', this.#stateDirectory, ...args], MEND);
  }
}

async function hasCapability(bit: bigint): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}

async function deleteContainer(stateDirectory: string, id: string): Promise<void> {
  // With --force it is no error if there is nothing to delete.
  await command(RUNC, ['--root', stateDirectory, 'delete', '--force', id], MEND);
}

/** runc writes its log as one JSON object a line; the container's own output goes elsewhere. */
async function lastError(logFile: string, commandName: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const messages = text.split('\n').flatMap((line) => {
    try {
      const { level, msg } = JSON.parse(line);
      return level === 'error' && typeof msg === 'string' ? [msg] : [];
    } catch {
      return [];
    }
  });
  return messages.at(-1) ?? `runc could not start ${JSON.stringify(commandName)}`;
}
