/**
 * Times function calls with tinybench, in batches: it times every call it makes, at a cost of some 40 ns, so a call of
 * ours is a batch and reports its own duration.
 */
import { Bench } from 'tinybench';
import type { Running } from './rounds.js';

/** A batch is timed as a whole and lasts about that long. */
const BATCH_MS = 0.5;
const MIN_BATCHES = 8;

export interface Calls {
  /** Makes the call `count` times, `first` being how many were made before. */
  batch(count: number, first: number): void;
  /** Untimed, before each batch: makes what `batch` needs, waits for what the last one left behind. */
  prepare?(count: number, first: number): Promise<void> | void;
  /** Timed as a second metric, after each batch: waits until what the batch set off is done. */
  finish?(): Promise<void>;
  /** Largest batch; default 10,000. */
  readonly maxBatch?: number;
  close?(): Promise<void> | void;
}

/** Metrics `cost`, and `delivery` where there is a `finish`: ns per call, the median of the round's batches. */
export async function timeCalls(calls: Calls): Promise<Running> {
  let made = 0;
  const deliveries: number[] = [];
  const runBatch = async (count: number): Promise<number> => {
    await calls.prepare?.(count, made);
    const startMs = performance.now();
    calls.batch(count, made);
    const endMs = performance.now();
    if (calls.finish !== undefined) {
      await calls.finish();
      deliveries.push((performance.now() - endMs) / count);
    }
    made += count;
    return endMs - startMs;
  };

  const maxBatch = calls.maxBatch ?? 10_000;
  let batchSize = 1;
  // The shortest of three: the first calls are slow, and any may be interrupted.
  const shortestMs = async (): Promise<number> =>
    Math.min(await runBatch(batchSize), await runBatch(batchSize), await runBatch(batchSize));
  while (batchSize < maxBatch && (await shortestMs()) < BATCH_MS) batchSize = Math.min(batchSize * 2, maxBatch);

  return {
    async round(roundMs) {
      deliveries.length = 0;
      const bench = new Bench({ time: roundMs, iterations: MIN_BATCHES, warmup: false, throws: true });
      bench.add('batch', async () => {
        const startMs = performance.now();
        const durationMs = await runBatch(batchSize);
        return { overriddenDuration: durationMs / batchSize, overriddenIterationCost: performance.now() - startMs };
      });
      await bench.run();
      const result = bench.tasks[0]!.result;
      if (result.state !== 'completed') throw new Error(`tinybench says ${result.state}`);
      const cost = result.latency.p50 * 1e6;
      if (calls.finish === undefined) return { cost };
      deliveries.sort((a, b) => a - b);
      return { cost, delivery: deliveries[deliveries.length >> 1]! * 1e6 };
    },
    close: () => calls.close?.(),
  };
}
