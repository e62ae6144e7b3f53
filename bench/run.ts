/** `npm run bench`: measures the cases asked for, and says what came out. Exit code 1: a verification failed; 2: usage. */
import { readFileSync, writeFileSync } from 'node:fs';
import { BENCH_USAGE, type BenchArguments, commandOf, parseBenchArguments, UsageError } from './arguments.js';
import { loadCases } from './cases.js';
import { describeEnvironment } from './environment.js';
import { runOnNodes, versionOf } from './nodes.js';
import { writePlots } from './plots.js';
import { recordReport } from './record.js';
import { caseTable, environmentText, floorTable, nodesTable } from './report.js';
import { type Report, type Result, VerificationError } from './results.js';
import type { BenchCase, Plan } from './rounds.js';

const QUICK = { quick: true, rounds: 3, roundMs: 100 };
const FULL = { quick: false, rounds: 11, roundMs: 400 };

async function main(args: BenchArguments): Promise<void> {
  const report =
    args.from === undefined ? await measure(args) : (JSON.parse(readFileSync(args.from, 'utf8')) as Report);
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const written = args.plots === undefined ? [] : writePlots(report, args.plots);
  for (const file of args.record ? [...written, ...recordReport(report)] : written) console.log(`wrote ${file}`);
}

async function measure(args: BenchArguments): Promise<Report> {
  const onMissing = args.skipMissing
    ? (name: string, error: unknown) => console.error(skipped(name, error))
    : undefined;
  const cases = await loadCases(onMissing);
  const chosen = cases.filter(({ name }) => args.only.test(name));
  if (chosen.length === 0) {
    throw new UsageError(`--only ${args.only.source} matches none of ${cases.map(({ name }) => name).join(', ')}`);
  }
  const report = args.nodes.length > 0 ? onSeveral(args, chosen) : await onThisOne(args, chosen, onMissing);
  for (const { environment, results } of [report, ...(report.beside ?? [])]) {
    const floors = floorTable(results);
    if (floors === '') continue;
    const node = args.nodes.length > 1 ? `Node ${environment.node}: ` : '';
    console.log(`${node}ringcast as a multiple of its peer: median and quartiles of the rounds\n${floors}\n`);
  }
  return report;
}

async function onThisOne(
  args: BenchArguments,
  chosen: readonly BenchCase[],
  onMissing: Plan['onMissing'],
): Promise<Report> {
  const environment = describeEnvironment(commandOf(args, []));
  console.log(`${environmentText(environment)}\n`);
  const usual = args.quick ? QUICK : FULL;
  const plan: Plan = {
    ...usual,
    rounds: args.rounds ?? usual.rounds,
    wants: (subject) => args.subject.test(subject),
    onMissing,
  };
  const results: Result[] = [];
  for (const [index, benchCase] of chosen.entries()) {
    const measured = await withProgress(index, chosen, () =>
      benchCase.run(plan).catch((error: unknown) => {
        if (onMissing === undefined) throw error;
        onMissing(benchCase.name, error);
        return [];
      }),
    );
    if (measured.length === 0) continue;
    results.push(...measured);
    console.log(`${caseTable(measured)}\n`);
  }
  return { environment, results };
}

function onSeveral(args: BenchArguments, chosen: readonly BenchCase[]): Report {
  const versions = args.nodes.map(versionOf);
  const environment = describeEnvironment(commandOf(args, versions));
  console.log(`${environmentText(environment)}; cases on Node ${versions.join(', ')}\n`);
  const options = [
    ...(args.quick ? ['--quick'] : []),
    ...(args.rounds === undefined ? [] : ['--rounds', String(args.rounds)]),
    ...(args.skipMissing ? ['--skip-missing'] : []),
    ...['--subject', args.subject.source],
  ];
  const names = chosen.map(({ name }) => name);
  const report = runOnNodes(args.nodes, names, options, (name, byNode) =>
    console.log(`${nodesTable(name, versions, byNode)}\n`),
  );
  // What was asked for, rather than one of the runs that it came to.
  return { ...report, environment: { ...report.environment, command: environment.command } };
}

async function withProgress<T>(index: number, chosen: readonly BenchCase[], work: () => Promise<T>): Promise<T> {
  if (process.stderr.isTTY) process.stderr.write(`${index + 1}/${chosen.length} ${chosen[index]!.name} …`);
  const result = await work();
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return result;
}

function skipped(name: string, error: unknown): string {
  return `${name} is skipped: ${error instanceof Error ? error.message : String(error)}`;
}

try {
  const args = parseBenchArguments(process.argv.slice(2));
  await main(args);
  // What failed half-way may have left threads behind.
  if (args.skipMissing) process.exit();
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n${BENCH_USAGE}`);
    process.exit(2);
  }
  console.error(error instanceof VerificationError ? error.message : error);
  process.exit(1);
}
