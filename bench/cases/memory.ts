/** What millions of events leave behind, measured in a process of its own: the other cases' garbage is not ours. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Result, resultOf, VerificationError } from '../results.js';
import type { BenchCase } from '../rounds.js';
import { slope } from '../statistics.js';
import type { MemorySample } from '../threads/memory-run.js';

const steady = 'memory/steady';
const MEASURED_EVENTS = 20_000_000;
const QUICK_EVENTS = 1_000_000;
/** Intervals over the measured events; the warm-up is a quarter as many again. */
const SAMPLES = 20;
const WARM_UP_SAMPLES = 5;
const MIB = 2 ** 20;
/** V8 doubles a thread's young generation at some point, once: 8 MiB that are nobody's growth. */
const FIXED_YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

const script = fileURLToPath(new URL('../threads/memory-run.js', import.meta.url));

async function run(events: number): Promise<readonly MemorySample[]> {
  const between = events / SAMPLES;
  const args = [
    '--expose-gc',
    ...FIXED_YOUNG_GENERATION,
    script,
    String(between),
    String(SAMPLES + WARM_UP_SAMPLES + 1),
  ];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return (JSON.parse(stdout) as MemorySample[]).slice(WARM_UP_SAMPLES);
  } catch (error) {
    throw new VerificationError(steady, 'ringcast', (error as Error).message);
  }
}

/** MiB for each million events by least squares, and over all of them. */
function growth(metric: string, samples: readonly MemorySample[], bytes: (sample: MemorySample) => number): Result[] {
  const events = samples.map((sample) => sample.events / 1e6);
  const perMillion = slope(
    events,
    samples.map((sample) => bytes(sample) / MIB),
  );
  const measured = events.at(-1)! - events[0]!;
  return [
    resultOf(steady, 'ringcast', `${metric}-slope`, 'MiB/million', [perMillion]),
    resultOf(steady, 'ringcast', `${metric}-growth`, `MiB/${measured} million`, [perMillion * measured]),
  ];
}

export const cases: readonly BenchCase[] = [
  {
    name: steady,
    once: true,
    async run(plan) {
      if (!plan.wants('ringcast')) return [];
      const samples = await run(plan.quick ? QUICK_EVENTS : MEASURED_EVENTS);
      return [
        ...growth('rss', samples, (sample) => sample.rssBytes),
        ...growth('heap', samples, (sample) => sample.heapBytes),
      ];
    },
  },
];
