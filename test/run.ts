/**
 * Runs test files: `npm test`, or `npm test -- test/worker/restarts.test.ts --only 'hangTimeoutMs'`. See test/README.md.
 *
 * Node's own `--test` is not enough: it needs other arguments on each version of Node, reports in another form where
 * nobody looks at a terminal, and runs one file at a time on two cores.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = 'Usage: npm test -- [FILE|FOLDER]… [--only REGEX] [--full] [--times] [--concurrency N]';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiled = join(root, 'dist');

/** Files that take longest, in this order: started first, they do not run alone at the end. */
const LONGEST = [
  'models/models',
  'bus/hanging-threads',
  'bridges/containerd',
  'bridges/nats',
  'services/container',
  'services/end-to-end',
  'worker/restarts',
  'torture/torture',
  'random-use/',
  'cli/run-command',
  'cli/events',
  'concurrency/',
  'package/',
];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', short: 'o' },
      full: { type: 'boolean', default: false },
      times: { type: 'boolean', default: false },
      'in-process': { type: 'boolean', default: false },
      concurrency: { type: 'string', default: String(availableParallelism() + 2) },
    },
  });
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new Error('--concurrency must be a number from 1');
  // What is named is run, long or not.
  const files = positionals.length > 0 ? positionals.flatMap(named) : testFiles(join(compiled, 'test'), values.full);
  if (values.full) process.env.RINGCAST_TESTS = 'full';
  if (values['in-process']) {
    // For a debugger, which would not see into the processes that test files have of their own otherwise.
    for (const file of files) await import(pathToFileURL(file).href);
    return;
  }

  if (values.times) return printTimes(files);

  const only = values.only === undefined ? {} : { testNamePatterns: [new RegExp(values.only)] };
  const results = run({ files: files.sort(byLength), concurrency, ...only });
  let isRun = false;
  results.on('test:fail', ({ todo }) => {
    isRun = true;
    if (todo === undefined || todo === false) process.exitCode = 1;
  });
  // Tests with other titles count as skipped, or are not told of; suites and files pass then.
  results.on('test:pass', ({ name, skip, details }) => {
    if (skip === undefined && details.type !== 'suite' && !name.endsWith('.test.js')) isRun = true;
  });
  results.once('end', () => {
    if (isRun || values.only === undefined) return;
    console.error(`--only ${values.only} matches the title of no test`);
    process.exitCode = 2;
  });
  results.compose<Spec>(new Spec()).pipe(process.stdout);
}

/** Runs the files one after the other, and prints what CPU time each has taken, with its threads and processes. On Linux. */
async function printTimes(files: readonly string[]): Promise<void> {
  const lines: string[] = [];
  let totalSeconds = 0;
  for (const file of files) {
    const before = childrenCpuSeconds();
    const [exitCode] = await once(spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
    const seconds = childrenCpuSeconds() - before;
    totalSeconds += seconds;
    if (exitCode !== 0) process.exitCode = 1;
    lines.push(`${seconds.toFixed(1).padStart(7)} s  ${relative(compiled, file)}${exitCode === 0 ? '' : '  FAILED'}`);
    console.log(lines.at(-1));
  }
  // As wide as each other, so that text sorts as numbers do.
  console.log(
    `\nCPU time, the most first:\n${lines.sort().reverse().join('\n')}\n${totalSeconds.toFixed(1).padStart(7)} s  all`,
  );
}

/** CPU time of the processes that this one has waited for, with those that they have waited for: proc(5), in hundredths. */
function childrenCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** The compiled tests that a file or a folder of the sources means. */
function named(path: string): string[] {
  const source = resolve(path);
  const target = source.startsWith(compiled) ? source : join(compiled, relative(root, source)).replace(/\.ts$/, '.js');
  const found = statSync(target, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${path}: no such test`);
  return found.isDirectory() ? testFiles(target, true) : [target];
}

function testFiles(folder: string, full: boolean): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js') && (full || !name.endsWith('.full.test.js')))
    .map((name) => join(folder, name));
}

function byLength(one: string, other: string): number {
  return rank(one) - rank(other) || (one < other ? -1 : 1);
}

function rank(file: string): number {
  const place = LONGEST.findIndex((part) => file.includes(`/test/${part}`));
  return place === -1 ? LONGEST.length : place;
}

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
