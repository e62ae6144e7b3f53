/**
 * The figures on the pages of the repository. A page marks each with the name of what it says,
 *
 *     <!-- measured: NAME -->…<!-- end -->
 *
 * and what is between the marks is written here from `bench/results.json`, and from nothing else.
 */
import type { Report, Result } from './results.js';

type Format = (value: number) => string;

/** A line of the table: what is measured, and which results say so. */
interface Row {
  readonly what: string;
  readonly case: string;
  readonly metric: string;
  /** Which of our subjects; default `ringcast`. */
  readonly subject?: string;
  /** The best of these stands beside it. */
  readonly peers: readonly string[];
  readonly format: Format;
}

const THREADS = ['postMessage', 'postMessage-bytes', 'BroadcastChannel'];
/** What subjects are called on pages, where their name does not say it. */
const PEER_NAMES: Readonly<Record<string, string>> = {
  protobufjs: 'protobufjs, encoding alone',
  decoding: 'decoding the event',
  'postMessage-bytes': '`postMessage` of bytes',
  'Atomics.wait': 'bare `Atomics.wait`',
  Worker: 'bare `Worker`',
  'empty process': 'one that imports nothing',
};

const nanoseconds: Format = (ns) => (ns < 1000 ? `${digits(ns)} ns` : `${digits(ns / 1000)} µs`);
const microseconds: Format = (us) => nanoseconds(us * 1000);
const eventsPerSecond: Format = (rate) => `${digits(rate / 1e6)} M events/s`;
const thousandsPerSecond: Format = (rate) => `${digits(rate / 1e3)} k events/s`;
const milliseconds: Format = (ms) => `${digits(ms)} ms`;
const mebibytes: Format = (mib) => `${digits(mib)} MiB`;

const rows: readonly Row[] = [
  {
    what: 'publish a `TaskExit` (stamp, encode, write, wake check)',
    case: 'publish/typed/1',
    metric: 'cost',
    peers: ['protobufjs'],
    format: nanoseconds,
  },
  {
    what: 'publish it as a plain object',
    case: 'publish/plain/1',
    metric: 'cost',
    peers: ['msgpackr', 'v8.serialize'],
    format: nanoseconds,
  },
  {
    what: 'publish to nobody',
    case: 'publish/none',
    metric: 'cost',
    peers: ['EventEmitter', 'diagnostics_channel'],
    format: nanoseconds,
  },
  ...[1, 4].flatMap((threads) =>
    [1000, 20_000].map((events) => ({
      what: `the first ${events.toLocaleString('en')} to ${threads === 1 ? '1 new thread' : `${threads} new threads`} of a new process`,
      case: `cold/${threads}/${events}`,
      metric: 'rate',
      peers: ['BroadcastChannel'],
      format: thousandsPerSecond,
    })),
  ),
  ...[1, 4].map((threads) => ({
    what: `to ${threads === 1 ? '1 thread' : `${threads} threads`}, every field read`,
    case: `fan-out/object/${threads}`,
    metric: 'rate',
    peers: THREADS,
    format: eventsPerSecond,
  })),
  ...[1, 4].map((threads) => ({
    what: `to ${threads === 1 ? '1 thread' : `${threads} threads`}, topic and payload length read`,
    case: `fan-out/lazy/${threads}`,
    metric: 'rate',
    peers: THREADS,
    format: eventsPerSecond,
  })),
  {
    what: 'forward 128 bytes to 1 thread, validated',
    case: 'forward/128B/1',
    metric: 'rate',
    peers: THREADS,
    format: eventsPerSecond,
  },
  {
    what: 'find who wants a new topic, among 10,000 filters',
    case: 'filter/new-topic/10000',
    metric: 'cost',
    subject: 'ringcast-index',
    peers: ['qlobber', 'picomatch-list', 'eventemitter2', 'mqemitter'],
    format: nanoseconds,
  },
  {
    what: 'pick an event by a condition on a field',
    case: 'filter/field',
    metric: 'cost',
    peers: ['decoding'],
    format: nanoseconds,
  },
  {
    what: 'wake a sleeping thread, until its handler runs (median)',
    case: 'latency/parked',
    metric: 'p50',
    peers: ['Atomics.wait', 'postMessage'],
    format: microseconds,
  },
  {
    what: 'reach a busy `dedicated` thread (median)',
    case: 'latency/busy',
    metric: 'p50',
    peers: ['postMessage'],
    format: microseconds,
  },
  {
    what: 'start a subscriber thread',
    case: 'start/module',
    metric: 'ready',
    peers: ['Worker'],
    format: milliseconds,
  },
  {
    what: 'start a process, a bus and a subscriber thread, until its first event has arrived',
    case: 'start/first-event',
    metric: 'arrived',
    peers: ['postMessage', 'BroadcastChannel'],
    format: milliseconds,
  },
  {
    what: 'start a process that imports it, and end it',
    case: 'start/import',
    metric: 'start',
    peers: ['empty process'],
    format: milliseconds,
  },
  {
    what: 'memory of a subscriber thread',
    case: 'memory/thread',
    metric: 'memory',
    peers: ['Worker'],
    format: mebibytes,
  },
];

/** What the pages may mark, by name. */
export const figures: Readonly<Record<string, (report: Report) => string>> = {
  environment({ environment, beside = [] }) {
    const { command, cpu, cores, os, node, date, loadAverage } = environment;
    const run = command.replace(/ --record\b/, '').replace(/ --$/, '');
    const load = `load average ${digits(loadAverage)} at the start`;
    const nodes = [node, ...beside.map((other) => other.environment.node)].join(', ');
    return `\`${run}\` on ${cores} cores of ${cpu}, ${os}, Node ${nodes}, ${date.slice(0, 10)}, ${load}.`;
  },
  table: (report) => `\n\n${table(report)}\n\n`,
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
      const name = PEER_NAMES[peer.subject] ?? `\`${peer.subject}\``;
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
  const nodes = reports.map(({ environment }) => `Node ${environment.node.split('.')[0]}, ringcast : it`);
  const head = several ? [...nodes, 'the best of the others'] : ['ringcast', 'the best of the others'];
  const all = [['what', 'case', ...head], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(all[0]!), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
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

/** Two significant digits, or the whole number where it has more. */
function digits(value: number): string {
  return value >= 10 ? String(Math.round(value)) : Number(value.toPrecision(2)).toString();
}
