/** `npm run bench`: measures the cases asked for, and says what came out. Exit code 1: a verification failed; 2: usage. */
import { writeFileSync } from 'node:fs';
import { BENCH_USAGE, type BenchArguments, parseBenchArguments, UsageError } from './arguments.js';
import { loadCases } from './cases.js';
import { describeEnvironment } from './environment.js';
import { writePlots } from './plots.js';
import { recordReport } from './record.js';
import { caseTable, environmentText, floorTable } from './report.js';
import { type Report, type Result, VerificationError } from './results.js';
import type { Plan } from './rounds.js';

const QUICK = { quick: true, rounds: 3, roundMs: 100 };
const FULL = { quick: false, rounds: 11, roundMs: 400 };

async function main(args: BenchArguments): Promise<void> {
  const onMissing = args.skipMissing
    ? (name: string, error: unknown) => console.error(skipped(name, error))
    : undefined;
  const cases = await loadCases(onMissing);
  const chosen = cases.filter(({ name }) => args.only.test(name));
  if (chosen.length === 0) {
    throw new UsageError(`--only ${args.only.source} matches none of ${cases.map(({ name }) => name).join(', ')}`);
  }
  const environment = describeEnvironment(process.argv.slice(2));
  console.log(`${environmentText(environment)}\n`);
  const plan: Plan = { ...(args.quick ? QUICK : FULL), wants: (subject) => args.subject.test(subject), onMissing };
  const results: Result[] = [];
  for (const [index, benchCase] of chosen.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`${index + 1}/${chosen.length} ${benchCase.name} …`);
    const measured = await benchCase.run(plan).catch((error: unknown) => {
      if (onMissing === undefined) throw error;
      onMissing(benchCase.name, error);
      return [];
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    if (measured.length === 0) continue;
    results.push(...measured);
    console.log(`${caseTable(measured)}\n`);
  }
  const floors = floorTable(results);
  if (floors !== '') console.log(`ringcast as a multiple of its peer: median and quartiles of the rounds\n${floors}`);
  const report: Report = { environment, results };
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const written = args.plots === undefined ? [] : writePlots(report, args.plots);
  for (const file of args.record ? [...written, ...recordReport(report)] : written) console.log(`wrote ${file}`);
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
