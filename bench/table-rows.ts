/** The lines of the table of performance: what is measured, which results say so, and how they are written. */

type Format = (value: number) => string;

/** A line of the table: what is measured, and which results say so. */
export interface Row {
  readonly what: string;
  readonly case: string;
  readonly metric: string;
  /** Which of our subjects; default `ringcast`. */
  readonly subject?: string;
  /** The best of these stands beside it. */
  readonly peers: readonly string[];
  readonly format: Format;
  /** What stands beside it does nothing: to take longer is no loss. */
  readonly besideNothing?: boolean;
}

const THREADS = ['postMessage', 'postMessage-bytes', 'BroadcastChannel'];

const nanoseconds: Format = (ns) => (ns < 1000 ? `${digits(ns)} ns` : `${digits(ns / 1000)} µs`);
const microseconds: Format = (us) => nanoseconds(us * 1000);
const eventsPerSecond: Format = (rate) => `${digits(rate / 1e6)} M events/s`;
const thousandsPerSecond: Format = (rate) => `${digits(rate / 1e3)} k events/s`;
export const milliseconds: Format = (ms) => `${digits(ms)} ms`;
export const mebibytes: Format = (mib) => `${digits(mib)} MiB`;

export const rows: readonly Row[] = [
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
    what: `the first 1,000 to ${threads === 1 ? '1 new thread' : `${threads} new threads`} of a new process`,
    case: `cold/${threads}/1000`,
    metric: 'rate',
    peers: ['postMessage', 'BroadcastChannel'],
    format: thousandsPerSecond,
  })),
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
    what: 'from 1 other thread to a handler on the main thread',
    case: 'uplink/1',
    metric: 'rate',
    peers: ['postMessage', 'MessageChannel', 'BroadcastChannel'],
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
    besideNothing: true,
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

/** Two significant digits, or the whole number where it has more. */
export function digits(value: number): string {
  return value >= 10 ? String(Math.round(value)) : Number(value.toPrecision(2)).toString();
}
