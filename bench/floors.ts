/** What the bus is to reach, as ratios to what was measured beside it. Reported, never enforced: machines differ. */
import type { Result } from './results.js';
import { type Spread, spreadOf } from './statistics.js';

interface Floor {
  readonly case: string;
  readonly metric: string;
  /** Which of our subjects; default `ringcast`. */
  readonly subject?: string;
  /** The ratio shall be at most that, or at least that. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** What it is a ratio to; the best of several subjects. Undefined: the value itself is bounded. */
  readonly of?: { readonly case?: string; readonly subjects: readonly string[] };
}

/** Cold: beside what a user would take for several threads. */
const COLD = [1, 4].flatMap((threads) => [1000, 10_000, 20_000].map((events) => `cold/${threads}/${events}`));
const THREADS = ['postMessage', 'postMessage-bytes', 'BroadcastChannel'];

export const floors: readonly Floor[] = [
  { case: 'publish/typed/1', metric: 'cost', atMost: 0.27, of: { subjects: ['protobufjs'] } },
  {
    case: 'publish/typed/1',
    metric: 'cost',
    subject: 'ringcast-flood',
    atMost: 0.33,
    of: { subjects: ['protobufjs'] },
  },
  { case: 'publish/plain/1', metric: 'cost', atMost: 1.6, of: { subjects: ['msgpackr'] } },
  { case: 'publish/none', metric: 'cost', atMost: 3, of: { subjects: ['EventEmitter'] } },
  { case: 'fan-out/object/1', metric: 'rate', atLeast: 9, of: { subjects: THREADS } },
  { case: 'fan-out/object/4', metric: 'rate', atLeast: 6, of: { subjects: THREADS } },
  { case: 'fan-out/lazy/1', metric: 'rate', atLeast: 9, of: { subjects: THREADS } },
  { case: 'fan-out/lazy/4', metric: 'rate', atLeast: 11, of: { subjects: THREADS } },
  { case: 'forward/128B/1', metric: 'rate', atLeast: 20, of: { subjects: ['postMessage'] } },
  ...COLD.map((name) => ({ case: name, metric: 'rate', atLeast: 1, of: { subjects: ['BroadcastChannel'] } })),
  { case: 'raw/128B/1', metric: 'rate', atLeast: 0.3, of: { subjects: ['c-ring'] } },
  { case: 'filter/cached/10000', metric: 'cost', atMost: 1.2, of: { case: 'filter/cached/1', subjects: ['ringcast'] } },
  {
    case: 'filter/cached/10000',
    metric: 'delivery',
    atMost: 1.2,
    of: { case: 'filter/cached/1', subjects: ['ringcast'] },
  },
  // The question alone, as the peers answer it; `ringcast` beside it is a whole publish.
  {
    case: 'filter/new-topic/10000',
    metric: 'cost',
    subject: 'ringcast-index',
    atMost: 1.5,
    of: { subjects: ['qlobber'] },
  },
  {
    case: 'filter/new-topic/10000',
    metric: 'cost',
    subject: 'ringcast-index',
    atMost: 0.01,
    of: { subjects: ['picomatch-list'] },
  },
  { case: 'filter/field', metric: 'cost', atMost: 0.33, of: { subjects: ['decoding'] } },
  { case: 'latency/parked', metric: 'p50', atMost: 1.3, of: { subjects: ['Atomics.wait'] } },
  { case: 'latency/busy', metric: 'p50', atMost: 0.1, of: { subjects: ['postMessage'] } },
  { case: 'uplink/1', metric: 'rate', atLeast: 5, of: { subjects: ['postMessage', 'MessageChannel'] } },
  // The cost of an event to the owner, against one that it publishes itself.
  { case: 'uplink/take-over', metric: 'cost', atMost: 0.25, of: { case: 'publish/typed/1', subjects: ['ringcast'] } },
  { case: 'uplink/none', metric: 'cost', atMost: 3, of: { case: 'publish/none', subjects: ['ringcast'] } },
  // What the import adds is half of an empty process.
  { case: 'start/import', metric: 'start', atMost: 1.5, of: { subjects: ['empty process'] } },
  { case: 'start/module', metric: 'ready', atMost: 1.8, of: { subjects: ['Worker'] } },
  { case: 'memory/thread', metric: 'memory', atMost: 1.35, of: { subjects: ['Worker'] } },
  { case: 'services/content-write', metric: 'cost', atMost: 1.05, of: { subjects: ['no-bus'] } },
  { case: 'memory/steady', metric: 'rss-growth', atMost: 4 },
  { case: 'memory/steady', metric: 'heap-growth', atMost: 4 },
  { case: 'bytes/publish/8', metric: 'bytes', atMost: 1, of: { case: 'bytes/publish/1', subjects: ['ringcast'] } },
  { case: 'wakes/burst/1', metric: 'wakes', atMost: 1 },
  { case: 'wakes/burst/8', metric: 'wakes', atMost: 1 },
  { case: 'wakes/burst/1', metric: 'wakes-long', atMost: 1 },
  { case: 'wakes/burst/8', metric: 'wakes-long', atMost: 1 },
];

export interface Verdict {
  readonly floor: Floor;
  /** The subject that the ratio is to. */
  readonly against: string | undefined;
  /** Of the ratios round by round. */
  readonly ratio: Spread;
  readonly holds: boolean;
}

/** The verdict on a floor, or undefined where the run did not measure what it needs. */
export function judge(floor: Floor, results: readonly Result[]): Verdict | undefined {
  const find = (benchCase: string, subject: string): Result | undefined =>
    results.find((r) => r.case === benchCase && r.subject === subject && r.metric === floor.metric);
  const ours = find(floor.case, floor.subject ?? 'ringcast');
  if (ours === undefined) return undefined;
  let samples = ours.samples;
  let against: string | undefined;
  if (floor.of !== undefined) {
    const { case: otherCase = floor.case, subjects } = floor.of;
    const peers = subjects.map((subject) => find(otherCase, subject)).filter((found) => found !== undefined);
    if (peers.length === 0) return undefined;
    const higherIsBetter = floor.atLeast !== undefined;
    const best = peers.reduce((a, b) => (higherIsBetter === b.value > a.value ? b : a));
    against = otherCase === floor.case ? best.subject : otherCase;
    samples = ours.samples.map((value, round) => value / (best.samples[round] ?? best.value));
  }
  const ratio = spreadOf(samples);
  const holds = ratio.median <= (floor.atMost ?? Infinity) && ratio.median >= (floor.atLeast ?? -Infinity);
  return { floor, against, ratio, holds };
}
