/** A child of this process as a {@link RunningProcess}: when it has started, how it ended. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { sleep } from '../../host/timing.js';
import { type ExitStatus, timestampNow } from './runtime.js';

const GROUP_LOOK_INTERVAL_MS = 5;
const GROUP_LOOKS = 200;

export interface StartedChild {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
}

/**
 * Spawns a program in a process group of its own.
 *
 * @throws what `spawn` reports: ENOENT, EACCES and so on
 */
export async function startChild(file: string, args: readonly string[], options: SpawnOptions): Promise<StartedChild> {
  const child = spawn(file, args, { ...options, detached: true });
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => {
      const exitStatus = signal ? 128 + constants.signals[signal] : (code ?? 255);
      resolve({ exitStatus, exitedAt: timestampNow() });
    });
  });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error(`${file} was spawned without a process id`);
  return { child, pid: child.pid, exited };
}

/** Sends a signal to a process, or with a negative id to a group; false where there is none any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Kills what is left of a group whose leader has exited, and waits until it is gone, for a second at most: a dead
 * process of which the system's first process takes no note stays in its group. Never rejects.
 */
export async function killGroup(leader: number): Promise<void> {
  let signal: NodeJS.Signals | 0 = 'SIGKILL';
  for (let look = 0; look < GROUP_LOOKS; look++) {
    try {
      process.kill(-leader, signal);
    } catch {
      // Nobody is left, or nobody of ours.
      return;
    }
    signal = 0;
    await sleep(GROUP_LOOK_INTERVAL_MS);
  }
}
