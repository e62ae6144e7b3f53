/**
 * Which process a file belongs to: its id, and where the system says so (Linux) when it was started. Ids come again: in a
 * container every life of a program may have the same one.
 */
import { readFileSync } from 'node:fs';

let own: string | undefined;

/** That of this process, the same on all of its threads: `<pid>` or `<pid>.<start>`. */
export function processMark(): string {
  own ??= [process.pid, startOf(process.pid)].filter((part) => part !== undefined).join('.');
  return own;
}

/** Whether the process lives that has left this mark; one without a start is any process of that id. */
export function isMarkAlive(mark: string): boolean {
  const [pid, start] = mark.split('.');
  const id = Number(pid);
  if (!Number.isSafeInteger(id) || id <= 0 || !isAlive(id)) return false;
  return start === undefined || (startOf(id) ?? start) === start;
}

/** Whether a process with this id exists. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process was started, in ticks since the system was: field 22 of proc_pid_stat(5). */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program comes second, in brackets, and may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
