/**
 * What the container service needs of a runtime: make a container, run processes in it, freeze it, take it away.
 * A runtime emits nothing and keeps no order between containers; the service does.
 */
import { systemMs } from '../../host/timing.js';

export interface ProcessSpec {
  /** Command and arguments; the command is looked up in the root filesystem. */
  readonly args: readonly string[];
  /** As `NAME=value`. */
  readonly environment: readonly string[];
  /** Absolute, inside the root filesystem. */
  readonly workingDirectory: string;
  /** `uid`, `uid:gid` or a name of the root filesystem's /etc/passwd; empty for root. */
  readonly user: string;
  /** Where its three standard streams go: a file descriptor of this process, or nowhere. */
  readonly stdio: Stdio;
}

export type Stdio = readonly [stdin: number | 'ignore', stdout: number | 'ignore', stderr: number | 'ignore'];

export interface ContainerSpec extends ProcessSpec {
  readonly id: string;
  /** Directory that is the root filesystem. */
  readonly rootfs: string;
  /** A directory for the runtime's own files; the service removes it. */
  readonly directory: string;
  /** Limit in bytes, swap included; undefined for none. */
  readonly memoryBytes: number | undefined;
}

/** Seconds and nanoseconds since the Unix epoch, as in a protobuf Timestamp. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface ExitStatus {
  /** The exit code; 128 + signal number after a signal. */
  readonly exitStatus: number;
  readonly exitedAt: Timestamp;
}

export interface RunningProcess {
  /** As the host counts. */
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal to this process; no effect once it has exited. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The service calls one operation at a time; `kill` of a process at any time. */
export interface RuntimeContainer {
  /**
   * Starts the first process. When it has exited, all others of the container are killed.
   *
   * @throws {StartFailedError} `SERVICE_START_FAILED`; the container can be started again or deleted
   */
  start(): Promise<RunningProcess>;
  /** @throws {StartFailedError} `SERVICE_START_FAILED` */
  exec(execId: string, process: ProcessSpec): Promise<RunningProcess>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** How many processes of the container were killed for want of memory. */
  oomKills(): Promise<number>;
  /** Removes what the runtime holds of it. The processes have exited. */
  delete(): Promise<void>;
}

export interface Runtime {
  readonly name: string;
  /** @throws {UnsupportedError} `SERVICE_UNSUPPORTED` for what this runtime cannot do, such as a memory limit */
  create(spec: ContainerSpec): Promise<RuntimeContainer>;
  /** Removes what a dead process left of a container, running or not. */
  discard(id: string): Promise<void>;
}

/** The present time, as finely as Node has it: microseconds. */
export function timestampNow(): Timestamp {
  const microseconds = Math.round(systemMs() * 1000);
  return { seconds: Math.floor(microseconds / 1e6), nanos: (microseconds % 1e6) * 1000 };
}
