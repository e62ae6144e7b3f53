/**
 * Runs test files: `npm test`, or `npm test -- test/worker/restarts.test.ts --only 'hangTimeoutMs'`. See test/README.md.
 *
 * Node's own `--test` is not enough: it waits for ever for a process that does not end (on some versions even with
 * `--test-timeout`, on others for what that process has started), and needs other arguments on each version.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runBounded } from './support/bounded-run.js';
import { joinModules } from './support/joined-modules.js';
import { summary, total } from './support/run-summary.js';
import { nameOf, together } from './support/shared-processes.js';
import { type Limit, TestProcess } from './support/test-process.js';

const USAGE =
  'Usage: npm test -- [FILE|FOLDER]… [--except FILE|FOLDER]… [--only REGEX] [--full [--shard I/N] [--minutes M]] [--times] [--concurrency N]';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiled = join(root, 'dist');

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      except: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', short: 'o' },
      full: { type: 'boolean', default: false },
      shard: { type: 'string' },
      minutes: { type: 'string' },
      times: { type: 'boolean', default: false },
      'in-process': { type: 'boolean', default: false },
      concurrency: { type: 'string', default: String(availableParallelism() + 4) },
    },
  });
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new Error('--concurrency must be a number from 1');
  // What is named is run, long or not.
  const chosen = positionals.length > 0 ? positionals.flatMap(named) : testFiles(join(compiled, 'test'), values.full);
  const excepted = new Set(values.except.flatMap(named));
  const files = chosen.filter((file) => !excepted.has(file));
  if (values.full) process.env.RINGCAST_TESTS = 'full';
  if (!values['in-process']) await joinModules(join(compiled, 'src'));
  if (values.shard !== undefined || values.minutes !== undefined) {
    const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);
    if (!values.full || !(minutes > 0)) throw new Error('--shard and --minutes are for --full; --minutes is above 0');
    await runLong(files, values.shard ?? '1/1', minutes);
    return;
  }
  if (values['in-process']) {
    // For a debugger, which would not see into the processes that test files have of their own otherwise.
    for (const file of files) await import(pathToFileURL(file).href);
    return;
  }

  if (values.times) return printTimes(together(files));

  const results = await runBounded({
    files: together(files),
    nameOf,
    minutes: Number.POSITIVE_INFINITY,
    ...(values.full ? {} : { limitOf }),
    concurrency,
    nodeArguments: values.only === undefined ? [] : [`--test-name-pattern=${values.only}`],
    print,
    showsAll: true,
  });
  print(summary(results, nameOf));
  if (![...results.values()].every(({ passed }) => passed)) process.exitCode = 1;
  // Tests with other titles count as skipped, or are not counted.
  else if (values.only !== undefined && total(results, 'pass') + total(results, 'todo') === 0) {
    console.error(`--only ${values.only} matches the title of no test`);
    process.exitCode = 2;
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

/** A process that has said nothing for so long has come to nothing: each test prints a line. */
function limitOf(file: string): Limit {
  const limit = new AbortController();
  const maxQuietMs = (file.endsWith('.full.test.js') ? 30 : 3) * 60_000;
  const timer = setTimeout(() => limit.abort(), maxQuietMs).unref();
  return { signal: limit.signal, heard: () => void timer.refresh() };
}

/**
 * Runs those files of a full run that are longer than in a short one: those of one shard, for so many minutes.
 *
 * @param shard `I/N`: every N-th file, from the I-th on; a file that divides its own list is in each
 */
async function runLong(files: readonly string[], shard: string, minutes: number): Promise<void> {
  const [, index, shards] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(shard) ?? [];
  if (index === undefined || Number(index) > Number(shards)) throw new Error('--shard must be I/N, I from 1 to N');
  process.env.RINGCAST_SHARD = shard;
  if (minutes < Number.POSITIVE_INFINITY) process.env.RINGCAST_MINUTES = String(minutes);
  const texts = new Map(
    files
      .slice()
      .sort()
      .map((file) => [file, readFileSync(file, 'utf8')]),
  );
  const dividing = [...texts.keys()].filter((file) => texts.get(file)!.includes('inShard('));
  const long = [...texts.keys()].filter((file) => /\.full\.test\.js$|support\/full\.js'/.test(file + texts.get(file)));
  const chosen = long
    .filter((file) => !dividing.includes(file))
    .filter((_, at) => at % Number(shards) === Number(index) - 1);
  const results = await runBounded({
    files: [...dividing, ...chosen],
    nameOf,
    minutes,
    concurrency: availableParallelism(),
    print,
  });
  if (![...results.values()].every(({ passed }) => passed)) process.exitCode = 1;
}

/**
 * Runs the files one after the other, and prints what CPU time each has taken, with its threads and processes, and how long: a
 * file that takes much longer than its CPU time waits for something. On Linux.
 */
async function printTimes(files: readonly string[]): Promise<void> {
  const lines: string[] = [];
  let totalSeconds = 0;
  for (const file of files) {
    const before = childrenCpuSeconds();
    const { passed, seconds } = await new TestProcess(file).result(limitOf(file));
    const cpuSeconds = childrenCpuSeconds() - before;
    totalSeconds += cpuSeconds;
    if (!passed) process.exitCode = 1;
    lines.push(`${inSeconds(cpuSeconds)} in ${inSeconds(seconds)}  ${nameOf(file)}${passed ? '' : '  FAILED'}`);
    console.log(lines.at(-1));
  }
  // As wide as each other, so that text sorts as numbers do.
  console.log(`\nCPU time, the most first:\n${lines.sort().reverse().join('\n')}\n${inSeconds(totalSeconds)}  all`);
}

function inSeconds(seconds: number): string {
  return `${seconds.toFixed(1).padStart(7)} s`;
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

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
