/** What of a container can be left on a machine, outside of its folder. */
import { readdirSync, readFileSync } from 'node:fs';

/** Control groups whose name contains `text`, in either version's place. */
export function cgroupsNaming(text: string): string[] {
  const root = '/sys/fs/cgroup';
  const folders = [root, ...namesIn(root).map((hierarchy) => `${root}/${hierarchy}`)];
  return folders.flatMap(namesIn).filter((name) => name.includes(text));
}

/** Mounts on, or from, a path that contains `text`. */
export function mountsNaming(text: string): string[] {
  return linesOf('/proc/self/mounts').filter((line) => line.includes(text));
}

/** Processes with `text` in their environment; those that have ended and wait to be asked how have none. */
export function processesWith(text: string): string[] {
  return namesIn('/proc').filter(
    (name) => /^\d+$/.test(name) && linesOf(`/proc/${name}/environ`).join().includes(text),
  );
}

/** None where there is no such folder, or no folder: processes and groups end while they are looked at. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
