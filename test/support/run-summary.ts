/** What a run of test files prints last. */
import type { TestFileResult } from './test-process.js';

/** How many of the files that took longest are listed. */
const LISTED = 10;
/** Lines of a file that failed without naming a test. */
const LAST_LINES = 40;

/** Counts of all files, those that took longest, and what has failed once more. */
export function summary(results: ReadonlyMap<string, TestFileResult>, nameOf: (file: string) => string): string {
  const byTime = [...results].sort(([, one], [, other]) => other.seconds - one.seconds).slice(0, LISTED);
  const failed = [...results].filter(([, { passed }]) => !passed);
  return [
    '\nThe files that took longest:\n',
    ...byTime.map(([file, { seconds }]) => `${seconds.toFixed(1).padStart(7)} s  ${nameOf(file)}\n`),
    ...failed.map(([file, { output }]) => `\nFAILED: ${nameOf(file)}\n${failure(output)}`),
    `\n${results.size} files, ${failed.length} failed; tests: `,
    `${['pass', 'fail', 'cancelled', 'skipped', 'todo'].map((name) => `${total(results, name)} ${name}`).join(', ')}\n`,
  ].join('');
}

export function total(results: ReadonlyMap<string, TestFileResult>, name: string): number {
  return [...results.values()].reduce((sum, { counts }) => sum + (counts.get(name) ?? 0), 0);
}

/** What node:test lists of failing tests, to the end: what a file was killed for is said behind. */
function failure(output: string): string {
  const start = output.lastIndexOf('\n✖ failing tests:');
  return start === -1 ? output.split('\n').slice(-LAST_LINES).join('\n') : output.slice(start + 1);
}
