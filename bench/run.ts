/** `npm run bench`: measures the cases asked for, and says what came out. Exit code 1: a verification failed; 2: usage. */
import { readFileSync, writeFileSync } from 'node:fs';
import { BENCH_USAGE, type BenchArguments, commandOf, parseBenchArguments, UsageError } from './arguments.js';
import { type CaseInFile, loadCases } from './cases.js';
import { describeEnvironment } from './environment.js';
import { FULL_ROUNDS, type Measuring, measureCase, planOf, QUICK_ROUNDS, saySkipped } from './measuring.js';
import { writePlots } from './plots.js';
import { nodeAt, ProcessError, runInProcesses } from './processes.js';
import { recordReport } from './record.js';
import { caseTable, environmentText, floorTable, nodesTable } from './report.js';
import { type Report, type Result, VerificationError } from './results.js';

async function main(args: BenchArguments): Promise<void> {
  const report =
    args.from === undefined ? await measure(args) : (JSON.parse(readFileSync(args.from, 'utf8')) as Report);
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const written = args.plots === undefined ? [] : writePlots(report, args.plots);
  for (const file of args.record ? [...written, ...recordReport(report)] : written) console.log(`wrote ${file}`);
}

async function measure(args: BenchArguments): Promise<Report> {
  const cases = await loadCases(args.skipMissing ? saySkipped : undefined);
  const chosen = cases.filter(({ name }) => args.only.test(name));
  if (chosen.length === 0) {
    throw new UsageError(`--only ${args.only.source} matches none of ${cases.map(({ name }) => name).join(', ')}`);
  }
  const { quick, skipMissing, rounds = quick ? QUICK_ROUNDS : FULL_ROUNDS } = args;
  const measuring: Measuring = { quick, skipMissing, subject: args.subject.source };
  const report = args.inProcess
    ? await inThisProcess(args, chosen, rounds, measuring)
    : inProcesses(args, chosen, rounds, measuring);
  for (const { environment, results } of [report, ...(report.beside ?? [])]) {
    const floors = floorTable(results);
    if (floors === '') continue;
    const node = args.nodes.length > 1 ? `Node ${environment.node}: ` : '';
    console.log(`${node}ringcast as a multiple of its peer: median and quartiles of the rounds\n${floors}\n`);
  }
  return report;
}

async function inThisProcess(
  args: BenchArguments,
  chosen: readonly CaseInFile[],
  rounds: number,
  measuring: Measuring,
): Promise<Report> {
  const environment = describeEnvironment(commandOf(args, []));
  console.log(`${environmentText(environment)}\n`);
  const results: Result[] = [];
  for (const [index, benchCase] of chosen.entries()) {
    showProgress(`${index + 1}/${chosen.length} ${benchCase.name}`);
    const measured = await measureCase(benchCase, planOf(measuring, rounds));
    results.push(...measured);
    printCase(measured);
  }
  return { environment, results };
}

function inProcesses(
  args: BenchArguments,
  chosen: readonly CaseInFile[],
  rounds: number,
  measuring: Measuring,
): Report {
  const nodes = (args.nodes.length > 0 ? args.nodes : [process.execPath]).map(nodeAt);
  const versions = nodes.map(({ node }) => node);
  const environment = describeEnvironment(commandOf(args, args.nodes.length > 0 ? versions : []));
  const several = nodes.length > 1;
  console.log(`${environmentText(environment)}${several ? `; cases on Node ${versions.join(', ')}` : ''}\n`);
  const results = runInProcesses(nodes, chosen, rounds, measuring, {
    onStart(round, index) {
      showProgress(`round ${round + 1}/${rounds}, ${index + 1}/${chosen.length} ${chosen[index]!.name}`);
    },
    onCase({ name }, byNode) {
      if (several) print(`${nodesTable(name, versions, byNode)}\n`);
      else printCase(byNode[0]!);
    },
    onLine(line) {
      showProgress('');
      console.error(line);
    },
  });
  const [first, ...beside] = nodes.map(({ node, v8 }, at) => ({
    environment: { ...environment, node, v8 },
    results: results[at]!,
  }));
  return several ? { ...first!, beside } : first!;
}

function printCase(results: readonly Result[]): void {
  // A case that cannot run here has none.
  if (results.length > 0) print(`${caseTable(results)}\n`);
}

function print(text: string): void {
  showProgress('');
  console.log(text);
}

/** In place of what was shown before. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
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
  const isSaid = error instanceof VerificationError || error instanceof ProcessError;
  console.error(isSaid ? error.message : error);
  process.exit(1);
}
