/**
 * The figures on the pages of the repository. A page marks each with the name of what it says,
 *
 *     <!-- measured: NAME -->…<!-- end -->
 *
 * and what is between the marks is written here from `bench/results.json`, and from nothing else.
 */
import type { Report, Result } from './results.js';
import { digits, mebibytes, milliseconds, type Row, rows } from './table-rows.js';

/** What subjects are called on pages, where their name does not say it. */
const PEER_NAMES: Readonly<Record<string, string>> = {
  protobufjs: 'protobufjs, encoding alone',
  decoding: 'decoding the event',
  'postMessage-bytes': '`postMessage` of bytes',
  'Atomics.wait': 'bare `Atomics.wait`',
  Worker: 'bare `Worker`',
  'empty process': 'one that imports nothing',
};
/** What metrics are that are not times. */
const MEASURES: Readonly<Record<string, string>> = { rate: 'rate', memory: 'memory' };

/** What the pages may mark, by name. */
export const figures: Readonly<Record<string, (report: Report) => string>> = {
  environment({ environment, beside = [] }) {
    const { command, cpu, cores, os, node, date, loadAverage } = environment;
    const run = command.replace(/( --)? --node .*/, '');
    const load = `load average ${digits(loadAverage)} at the start`;
    const nodes = [node, ...beside.map((other) => other.environment.node)].join(', ');
    return `\`${run}\` on ${cores} cores of ${cpu}, ${os}, Node ${nodes}, ${date.slice(0, 10)}, ${load}.`;
  },
  rounds: ({ results }) => `${results[0]!.samples.length} rounds`,
  losses({ environment, results }) {
    const behind = rows.flatMap((row) => {
      if (row.besideNothing || !isMeasured(row, results)) return [];
      const peer = bestOf(row, results);
      const ratio = measured(results, row.case, row.subject ?? 'ringcast', row.metric) / peer.value;
      const isRate = row.metric === 'rate';
      // A ratio that is written as 1 is none.
      if (isRate === ratio >= 1 || digits(ratio) === '1') return [];
      return [`\`${row.case}\` (${digits(ratio)} × the ${MEASURES[row.metric] ?? 'time'} of ${nameOf(peer)})`];
    });
    const list = behind.length === 0 ? 'nothing of the table' : behind.join(', ');
    return `On Node ${environment.node.split('.')[0]}, ringcast is behind the best of the others in ${list}.`;
  },
  table: (report) => `\n${table(report)}\n\n`,
  thread({ results }) {
    const ready = measured(results, 'start/module', 'ringcast', 'ready');
    const memory = measured(results, 'memory/thread', 'ringcast', 'memory');
    return `a module's thread takes ${milliseconds(ready)} to start, and ${mebibytes(memory)}`;
  },
  'event-emitter'({ results }) {
    const [ours, its] = ['ringcast', 'EventEmitter'].map((subject) =>
      measured(results, 'publish/typed/1', subject, 'cost'),
    );
    return `${Math.round(ours! / its!)} times`;
  },
};

const MARKED = /(<!-- measured: (\S+) -->)([\s\S]*?)(<!-- end -->)/g;

/** The page with what the report says between its marks. */
export function withFigures(page: string, report: Report): string {
  return page.replace(MARKED, (_, begin: string, name: string, __, end: string) => {
    const figure = figures[name];
    if (figure === undefined) throw new Error(`no figure is called ${name}`);
    return `${begin}${figure(report)}${end}`;
  });
}

/** What is left of a page without its figures. */
export function withoutFigures(page: string): string {
  return page.replace(MARKED, '');
}

/** Rows of the table that a report has no results for. */
export function missingRows({ results }: Report): readonly string[] {
  return rows.filter((row) => !isMeasured(row, results)).map((row) => row.case);
}

function isMeasured(row: Row, results: readonly Result[]): boolean {
  return results.some((result) => result.case === row.case && result.metric === row.metric);
}

/** On one Node, or on several side by side; the peer is the one that is best on the first. */
function table(report: Report): string {
  const reports = [report, ...(report.beside ?? [])];
  const several = reports.length > 1;
  const cells = rows
    .filter((row) => isMeasured(row, report.results))
    .map((row) => {
      const peer = bestOf(row, report.results);
      const name = nameOf(peer);
      const shown = (results: readonly Result[], subject: string): string =>
        row.format(measured(results, row.case, subject, row.metric));
      const pairs = reports.map(({ results }) => [
        shown(results, row.subject ?? 'ringcast'),
        shown(results, peer.subject),
      ]);
      const values = several
        ? [...pairs.map((pair) => pair.join(' : ')), name]
        : [pairs[0]![0]!, `${pairs[0]![1]}: ${name}`];
      return [row.what, `\`${row.case}\``, ...values];
    });
  const nodes = reports.map(({ environment }) => `Node ${environment.node.split('.')[0]}, ringcast : other`);
  const head = several ? [...nodes, 'the best of the others'] : ['ringcast', 'the best of the others'];
  const all = [['what', 'case', ...head], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(all[0]!), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

function nameOf({ subject }: Result): string {
  return PEER_NAMES[subject] ?? `\`${subject}\``;
}

/** Of rates the highest is best, of costs and times the lowest. */
function bestOf({ case: benchCase, metric, peers }: Row, results: readonly Result[]): Result {
  const found = results.filter((r) => r.case === benchCase && r.metric === metric && peers.includes(r.subject));
  if (found.length === 0) throw new Error(`the results have no ${metric} of ${peers.join(', ')} in ${benchCase}`);
  return found.reduce((best, other) => ((metric === 'rate') === other.value > best.value ? other : best));
}

function measured(results: readonly Result[], benchCase: string, subject: string, metric: string): number {
  const result = results.find((r) => r.case === benchCase && r.subject === subject && r.metric === metric);
  if (result === undefined) throw new Error(`the results have no ${metric} of ${subject} in ${benchCase}`);
  return result.value;
}
