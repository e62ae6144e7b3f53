/**
 * `npm run bench:compare`: what really changed between two commits, or whether two files of results say the same.
 *
 * Each commit is checked out into a folder of its own and built, with this suite in place of its own, so that both are measured
 * alike. Fresh processes take turns (a compiler's mood, a page's place: a process is one sample), and a case is named only
 * where a rank test and the size of the difference both say so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agreementOf } from './agreement.js';
import {
  type AgreeArguments,
  COMPARE_USAGE,
  type CompareArguments,
  parseCompareArguments,
  UsageError,
} from './arguments.js';
import { type Change, changesBetween } from './changes.js';
import { align, number } from './report.js';
import type { Report, Result } from './results.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A process for each case; what an old commit cannot do is skipped. */
const ONE_ROUND = ['--quick', '--rounds', '1', '--skip-missing', '--subject', '^ringcast'];

interface Side {
  readonly commit: string;
  readonly folder: string;
  /** One list of results for each process. */
  readonly runs: (readonly Result[])[];
  /** What it said of cases that it cannot run. */
  readonly skipped: Set<string>;
}

function resolveCommit(name: string): string {
  const args = ['rev-parse', '--verify', '--quiet', `${name}^{commit}`];
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    throw new UsageError(`${name} is no commit`);
  }
}

function checkOut(commit: string, folder: string): Side {
  // Not a worktree: an interrupted run leaves nothing behind in the repository.
  mkdirSync(folder);
  const archive = execFileSync('git', ['archive', commit, 'src', 'proto', 'package.json', 'tsconfig.json'], {
    cwd: root,
    maxBuffer: 2 ** 28,
  });
  execFileSync('tar', ['-x'], { cwd: folder, input: archive });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  cpSync(join(root, 'bench'), join(folder, 'bench'), { recursive: true });
  // Type errors stop nobody: an old commit need not know this suite's types, nor these packages a new one's.
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: folder, encoding: 'utf8' });
  if (!existsSync(join(folder, 'dist/bench/run.js'))) throw new Error(`${commit} cannot be built:\n${stdout}`);
  // What is published is measured; of an old commit that is what the compiler wrote.
  const bundle = join(folder, 'dist/src/build/build.js');
  if (existsSync(bundle)) execFileSync(process.execPath, [bundle], { cwd: folder, stdio: 'inherit' });
  return { commit, folder, runs: [], skipped: new Set() };
}

function measure(side: Side, only: string): void {
  const json = join(side.folder, 'dist', 'report.json');
  const options = [...ONE_ROUND, '--only', only, '--json', json];
  const { status, stderr } = spawnSync(process.execPath, ['dist/bench/run.js', ...options], {
    cwd: side.folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`the suite failed on ${side.commit}:\n${stderr}`);
  for (const line of stderr.split('\n')) if (line !== '') side.skipped.add(line);
  side.runs.push((JSON.parse(readFileSync(json, 'utf8')) as Report).results);
}

function changeTable(changes: readonly Change[]): string {
  const rows = changes.map(({ name, unit, base, head, effect, p, changed }) => [
    changed ? 'CHANGED' : '',
    name,
    number(base),
    number(head),
    unit,
    `${effect >= 0 ? '+' : ''}${(effect * 100).toFixed(1)} %`,
    `p ${p.toFixed(3)}`,
  ]);
  return align(rows, [2, 3, 5]);
}

/** Exit code 1 when they do not agree. */
function holdAgainst({ files, only, within }: AgreeArguments): void {
  const [base, head] = files.map((file) => readReport(file).results.filter((result) => only.test(result.case)));
  const figures = agreementOf(base!, head!, within);
  if (figures.length === 0) throw new UsageError(`${files.join(' and ')} have no figure in common`);
  const rows = figures.map(({ name, unit, base: from, head: to, apart, agrees, overlaps }) => [
    agrees ? '' : 'DIFFERS',
    name,
    number(from),
    number(to),
    unit,
    `${(apart * 100).toFixed(1)} %`,
    agrees || !overlaps ? '' : 'rounds overlap',
  ]);
  console.log(align(rows, [2, 3, 5]));
  const differ = figures.filter(({ agrees }) => !agrees);
  const overlap = differ.filter(({ overlaps }) => overlaps).length;
  console.log(
    `${differ.length} of ${figures.length} figures are more than ${within * 100} % apart, ${overlap} of them with rounds that overlap`,
  );
  if (differ.length > 0) process.exitCode = 1;
}

function readReport(file: string): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch (error) {
    throw new UsageError(`${file} is no file of results: ${(error as Error).message}`);
  }
}

function compareCommits({ base, head, only, rounds }: CompareArguments): void {
  const commits = [resolveCommit(base), resolveCommit(head)];
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-compare-'));
  const sides: Side[] = [];
  try {
    for (const [index, commit] of commits.entries()) sides.push(checkOut(commit, join(folder, `side-${index}`)));
    for (let round = 0; round < rounds; round++) {
      console.error(`round ${round + 1} of ${rounds}`);
      // Who goes first changes, so that a drift of the machine favours nobody.
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) measure(side, only);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const changes = changesBetween(sides[0]!.runs, sides[1]!.runs);
  for (const { commit, skipped } of sides) for (const line of skipped) console.log(`${commit.slice(0, 12)}: ${line}`);
  console.log(`${commits[0]!.slice(0, 12)} against ${commits[1]!.slice(0, 12)}, ${rounds} processes each`);
  console.log(changeTable(changes));
  if (!changes.some(({ changed }) => changed)) console.log('nothing changed that can be told from noise');
}

try {
  const args = parseCompareArguments(process.argv.slice(2));
  if ('files' in args) holdAgainst(args);
  else compareCommits(args);
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n${COMPARE_USAGE}`);
    process.exit(2);
  }
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
