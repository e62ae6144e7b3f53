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
};

const nanoseconds: Format = (ns) => (ns < 1000 ? `${digits(ns)} ns` : `${digits(ns / 1000)} µs`);
const microseconds: Format = (us) => nanoseconds(us * 1000);
const eventsPerSecond: Format = (rate) => `${digits(rate / 1e6)} M events/s`;
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
    what: 'test a condition on a field, on the bytes',
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
    case: 'thread/start',
    metric: 'ready',
    peers: ['Worker'],
    format: milliseconds,
  },
  {
    what: 'memory of a subscriber thread',
    case: 'thread/start',
    metric: 'memory',
    peers: ['Worker'],
    format: mebibytes,
  },
];

/** What the pages may mark, by name. */
export const figures: Readonly<Record<string, (report: Report) => string>> = {
  environment({ environment }) {
    const { command, cpu, cores, os, node, date, loadAverage } = environment;
    const run = command.replace(/ --record\b/, '').replace(/ --$/, '');
    const load = `load average ${digits(loadAverage)} at the start`;
    return `\`${run}\` on ${cores} cores of ${cpu}, ${os}, Node ${node}, ${date.slice(0, 10)}, ${load}.`;
  },
  table: ({ results }) => `\n\n${table(results)}\n\n`,
  thread({ results }) {
    const [ready, memory] = ['ready', 'memory'].map((metric) => measured(results, 'thread/start', 'ringcast', metric));
    return `a module's thread takes ${milliseconds(ready!)} to start, and ${mebibytes(memory!)}`;
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

function table(results: readonly Result[]): string {
  const cells = rows.map((row) => {
    const peer = bestOf(row, results);
    const ours = row.format(measured(results, row.case, row.subject ?? 'ringcast', row.metric));
    const name = PEER_NAMES[peer.subject] ?? `\`${peer.subject}\``;
    return [row.what, `\`${row.case}\``, ours, `${row.format(peer.value)}: ${name}`];
  });
  const all = [['what', 'case', 'ringcast', 'the best of the others'], ...cells];
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
