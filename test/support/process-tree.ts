/** Ends a process with all that it has started. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * @param pid of a process that leads a group. What it started is found by the group, and where there is a `/proc` by its
 *   parents too: a group of its own does not hide a process.
 */
export function endTree(pid: number): void {
  const below = descendants(pid);
  kill(-pid);
  for (const other of below) kill(other);
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  try {
    for (const name of readdirSync('/proc')) {
      if (/^\d+$/.test(name)) parents.set(Number(name), parentOf(name));
    }
  } catch {
    return [];
  }
  const found = [pid];
  for (const parent of found) found.push(...[...parents.keys()].filter((child) => parents.get(child) === parent));
  return found.slice(1);
}

function parentOf(pid: string): number {
  try {
    // After the name, which may hold anything: the state, then the parent. See proc(5).
    return Number(/^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return Number.NaN;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
