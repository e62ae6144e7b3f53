/** Runs test files for as many minutes as there are, and says what has become of each. */
import { type Limit, type TestFileResult, TestProcess } from './test-process.js';

export interface BoundedRun {
  readonly files: readonly string[];
  /** What a file is called in the report. */
  readonly nameOf: (file: string) => string;
  /** For all of them. */
  readonly minutes: number;
  /** Asked when a file starts. At its limit a file counts as failed, and its processes are killed. */
  readonly limitOf?: (file: string) => Limit;
  /** How many files run at a time. */
  readonly concurrency: number;
  /** See {@link TestProcess}. */
  readonly nodeArguments?: readonly string[];
  /** Gets lines, and whole reports of files that failed; with `showsAll`, of all files. */
  readonly print: (text: string) => void;
  readonly showsAll?: boolean;
}

/**
 * When the time is over no file is started, and those that run are ended, with the processes that they have started: neither
 * is a failure, and both are listed.
 *
 * @returns the result of each file that came to its end
 */
export async function runBounded(run: BoundedRun): Promise<Map<string, TestFileResult>> {
  const { nameOf, minutes, limitOf, nodeArguments, print, showsAll = false } = run;
  const waiting = [...run.files];
  const running = new Map<string, TestProcess>();
  const results = new Map<string, TestFileResult>();
  const cut: string[] = [];
  let isOver = false;
  const endAll = (): void => {
    isOver = true;
    cut.push(...running.keys());
    for (const testProcess of running.values()) testProcess.end();
  };
  const interrupt = (): void => {
    endAll();
    process.exit(130);
  };
  const timer = minutes === Number.POSITIVE_INFINITY ? undefined : setTimeout(endAll, minutes * 60_000);
  // The groups of those processes do not get what a terminal sends to this one.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const runNext = async (): Promise<void> => {
    while (waiting.length > 0 && !isOver) {
      const file = waiting.shift()!;
      const testProcess = new TestProcess(file, nodeArguments);
      running.set(file, testProcess);
      const result = await testProcess.result(limitOf?.(file));
      running.delete(file);
      if (cut.includes(file)) continue;
      results.set(file, result);
      if (showsAll || !result.passed) print(result.output);
      print(`${result.seconds.toFixed(1).padStart(7)} s  ${nameOf(file)}${result.passed ? '' : '  FAILED'}\n`);
    }
  };
  await Promise.all(Array.from({ length: run.concurrency }, runNext));
  clearTimeout(timer);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  for (const file of cut) print(`ended after ${minutes} minutes: ${nameOf(file)}\n`);
  for (const file of waiting) print(`not started within ${minutes} minutes: ${nameOf(file)}\n`);
  return results;
}
