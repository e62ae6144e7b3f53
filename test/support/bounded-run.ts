/** Runs test files for as many minutes as there are, and says what has become of each. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface BoundedRun {
  readonly files: readonly string[];
  /** What a file is called in the report. */
  readonly nameOf: (file: string) => string;
  readonly minutes: number;
  /** How many files run at a time. */
  readonly concurrency: number;
  /** Gets lines, and whole reports of files that failed. */
  readonly print: (text: string) => void;
}

/**
 * When the time is over no file is started, and those that run are ended, with the processes that they have started: neither
 * is a failure, and both are listed.
 *
 * @returns whether all that came to its end has passed
 */
export async function runBounded({ files, nameOf, minutes, concurrency, print }: BoundedRun): Promise<boolean> {
  const waiting = [...files];
  const running = new Map<string, ChildProcess>();
  const cut: string[] = [];
  let passed = true;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    cut.push(...running.keys());
    for (const { pid } of running.values()) endGroup(pid!);
  };
  const timer = minutes === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, minutes * 60_000);
  const runNext = async (): Promise<void> => {
    while (waiting.length > 0 && !isOver) {
      const file = waiting.shift()!;
      const startMs = performance.now();
      // A group of its own, which can be ended as a whole.
      const child = spawn(process.execPath, ['--test-reporter=spec', file], {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      running.set(file, child);
      const report: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => report.push(chunk));
      const [exitCode] = (await once(child, 'close')) as [number | null];
      running.delete(file);
      if (cut.includes(file)) continue;
      if (exitCode !== 0) {
        passed = false;
        print(Buffer.concat(report).toString());
      }
      const seconds = ((performance.now() - startMs) / 1e3).toFixed(1);
      print(`${seconds.padStart(7)} s  ${nameOf(file)}${exitCode === 0 ? '' : '  FAILED'}\n`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, runNext));
  clearTimeout(timer);
  for (const file of cut) print(`ended after ${minutes} minutes: ${nameOf(file)}\n`);
  for (const file of waiting) print(`not started within ${minutes} minutes: ${nameOf(file)}\n`);
  return passed;
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
