/**
 * One container from its creation to its deletion.
 *
 *     created --start--> running <--pause/resume--> paused
 *                           \---------exit---------> stopped --delete--> deleted
 *
 * Events of one container come in this order: create, start, exec-added, exec-started, the exit of that exec, the exit
 * of the first process, delete. `oom` comes before the exit that it caused. What happens by itself (exit, oom) is
 * emitted in the async context of the call that started the process.
 */
import { randomUUID } from 'node:crypto';
import { TaskExecAdded, TaskExecStarted, TaskExit, TaskOOM, TaskPaused, TaskResumed, TaskStart } from '../../events.js';
import { clearInterval, setInterval } from '../../host/timing.js';
import { tryEmit } from '../../index.js';
import { checkSignalName } from '../argument-check.js';
import { KeyedLock } from '../keyed-lock.js';
import { AlreadyExistsError, WrongStateError } from '../service-errors.js';
import { checkArgs, checkIdentifier, checkProcess } from './process-check.js';
import type { ContainerSpec, ExitStatus, ProcessSpec, RunningProcess, RuntimeContainer } from './runtime.js';

const OOM_POLL_MS = 250;

export type ContainerStatus = 'created' | 'running' | 'paused' | 'stopped' | 'deleted';

/** A process that `exec` has started beside the first. */
export interface ExecProcess {
  readonly execId: string;
  readonly pid: number;
  /** How it ended, once its exit event is emitted. Never rejects. */
  wait(): Promise<ExitStatus>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** What `exec` runs; what is omitted is as in the first process. */
export type ExecOptions = Partial<ProcessSpec> & Pick<ProcessSpec, 'args'> & { execId?: string };

export class Container {
  readonly id: string;
  readonly image: string;
  readonly #spec: ContainerSpec;
  readonly #runtime: RuntimeContainer;
  readonly #remove: () => Promise<void>;
  readonly #lock = new KeyedLock();
  /** Exec processes that run, until their exit is emitted. */
  readonly #execs = new Map<string, Promise<ExitStatus>>();
  readonly #stopped: Promise<ExitStatus>;
  #resolveStopped!: (status: ExitStatus) => void;
  #rejectStopped!: (error: Error) => void;
  #status: ContainerStatus = 'created';
  #process: RunningProcess | undefined;
  #oomTimer: NodeJS.Timeout | undefined;
  #oomKills = 0;

  /** For the service: {@link ContainerService.create} makes one. `remove` takes its files and its record away. @internal */
  constructor(image: string, spec: ContainerSpec, runtime: RuntimeContainer, remove: () => Promise<void>) {
    this.id = spec.id;
    this.image = image;
    this.#spec = spec;
    this.#runtime = runtime;
    this.#remove = remove;
    this.#stopped = new Promise((resolve, reject) => {
      this.#resolveStopped = resolve;
      this.#rejectStopped = reject;
    });
    this.#stopped.catch(() => {});
  }

  get status(): ContainerStatus {
    return this.#status;
  }

  /** Of the first process, as the host counts; undefined before the start. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Runs the container's command. Emits `/service/container/start`.
   *
   * @throws {StartFailedError} `SERVICE_START_FAILED`; the container stays created
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless created
   */
  start(): Promise<void> {
    return this.#exclusively('start', ['created'], async () => {
      const process = await this.#runtime.start();
      this.#process = process;
      this.#status = 'running';
      tryEmit('/service/container/start', new TaskStart({ containerId: this.id, pid: process.pid }));
      if (this.#spec.memoryBytes !== undefined) this.#watchMemory();
      // Waits for the operation under way, so that its events come before the exit.
      void process.exited.then((status) => this.#lock.run(this.id, () => this.#onExit(process.pid, status)));
    });
  }

  /**
   * Runs another process in the container. Emits `/service/container/exec-added`, `…/exec-started` and, later, its exit.
   *
   * @throws {StartFailedError} `SERVICE_START_FAILED`
   * @throws {AlreadyExistsError} `SERVICE_ALREADY_EXISTS` for an `execId` that is in use
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a malformed option
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless running
   */
  exec(options: ExecOptions): Promise<ExecProcess> {
    // A copy, without what is undefined; Node reads twice what is taken out beside a rest.
    const given = Object.entries({ ...options }).filter(([, value]) => value !== undefined);
    const { execId = randomUUID(), ...overrides } = Object.fromEntries(given) as unknown as ExecOptions;
    if (Array.isArray(overrides.args)) overrides.args = [...overrides.args];
    checkIdentifier('execId', execId);
    checkArgs(overrides.args);
    checkProcess(overrides);
    return this.#exclusively('exec', ['running'], async () => {
      if (execId === this.id || this.#execs.has(execId)) throw new AlreadyExistsError('exec', execId);
      const { environment, workingDirectory, user, stdio } = this.#spec;
      tryEmit('/service/container/exec-added', new TaskExecAdded({ containerId: this.id, execId }));
      const spec = { environment, workingDirectory, user, stdio, ...overrides };
      const { pid, exited, kill } = await this.#runtime.exec(execId, spec);
      tryEmit('/service/container/exec-started', new TaskExecStarted({ containerId: this.id, execId, pid }));
      const ended = exited.then(async (status) => {
        await this.#emitExit(execId, pid, status);
        this.#execs.delete(execId);
        return status;
      });
      this.#execs.set(execId, ended);
      const checked = async (signal: NodeJS.Signals): Promise<void> => {
        checkSignalName(signal);
        await kill(signal);
      };
      return { execId, pid, wait: () => ended, kill: checked };
    });
  }

  /**
   * Sends a signal to the first process; its exit is an event of its own. No effect on a stopped container.
   *
   * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for a signal that does not exist
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` before the start
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    checkSignalName(signal);
    if (!this.#process) throw new WrongStateError('kill', this.id, this.#status, 'started');
    if (this.#status === 'running' || this.#status === 'paused') await this.#process.kill(signal);
  }

  /**
   * How the first process ended, once its exit event is emitted. Waits for a start, too. Nobody has to watch it.
   *
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` when it is deleted before a start
   */
  wait(): Promise<ExitStatus> {
    return this.#stopped;
  }

  /**
   * Freezes all processes. Emits `/service/container/paused`.
   *
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless running
   */
  pause(): Promise<void> {
    return this.#exclusively('pause', ['running'], async () => {
      await this.#runtime.pause();
      this.#status = 'paused';
      tryEmit('/service/container/paused', new TaskPaused({ containerId: this.id }));
    });
  }

  /**
   * Lets all processes run on. Emits `/service/container/resumed`.
   *
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` unless paused
   */
  resume(): Promise<void> {
    return this.#exclusively('resume', ['paused'], async () => {
      await this.#runtime.resume();
      this.#status = 'running';
      tryEmit('/service/container/resumed', new TaskResumed({ containerId: this.id }));
    });
  }

  /**
   * Removes a container that does not run, with its root filesystem. Emits `/service/container/delete`. No effect on
   * one that is deleted.
   *
   * @param options.force kills it first, if it runs
   * @throws {WrongStateError} `SERVICE_WRONG_STATE` while it runs, without `force`
   */
  async delete(options: { force?: boolean } = {}): Promise<void> {
    if (options.force) {
      // Behind a start that is under way.
      await this.#lock.run(this.id, async () => {});
      if (this.#status === 'running' || this.#status === 'paused') {
        await this.kill('SIGKILL');
        await this.wait();
      }
    }
    await this.#exclusively('delete', ['created', 'stopped', 'deleted'], async () => {
      if (this.#status === 'deleted') return;
      await this.#runtime.delete();
      await this.#remove();
      if (this.#status === 'created') this.#rejectStopped(new WrongStateError('wait', this.id, 'deleted', 'started'));
      this.#status = 'deleted';
    });
  }

  #exclusively<T>(operation: string, expected: readonly ContainerStatus[], action: () => Promise<T>): Promise<T> {
    return this.#lock.run(this.id, async () => {
      if (!expected.includes(this.#status)) {
        throw new WrongStateError(operation, this.id, this.#status, expected.join(' or '));
      }
      return action();
    });
  }

  async #onExit(pid: number, status: ExitStatus): Promise<void> {
    this.#status = 'stopped';
    await Promise.all(this.#execs.values());
    clearInterval(this.#oomTimer);
    await this.#emitExit(this.id, pid, status);
    this.#resolveStopped(status);
  }

  async #emitExit(id: string, pid: number, { exitStatus, exitedAt }: ExitStatus): Promise<void> {
    await this.#checkMemory();
    const containerId = this.id;
    tryEmit('/service/container/exit', new TaskExit({ containerId, id, pid, exitStatus, exitedAt: { ...exitedAt } }));
  }

  /** A child of a process can be killed for want of memory and nobody exit: so it is also looked at from time to time. */
  #watchMemory(): void {
    this.#oomTimer = setInterval(() => void this.#checkMemory(), OOM_POLL_MS).unref();
  }

  async #checkMemory(): Promise<void> {
    if (this.#spec.memoryBytes === undefined) return;
    // A runtime that cannot tell must not keep an exit from being told.
    const kills = await this.#runtime.oomKills().catch(() => 0);
    if (kills <= this.#oomKills) return;
    this.#oomKills = kills;
    tryEmit('/service/container/oom', new TaskOOM({ containerId: this.id }));
  }
}
