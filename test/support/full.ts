/** Whether the long versions of the tests are wanted: `npm run test:full`. */
export const FULL = process.env.RINGCAST_TESTS === 'full';

/** How long a file may take: `--minutes` of the run. */
const MINUTES = Number(process.env.RINGCAST_MINUTES ?? Number.POSITIVE_INFINITY);

/** How long a test goes on, in ms: `long` in the full run, but no more than half of the time that there is. */
export function duration(shortMs: number, longMs: number): number {
  return FULL ? Math.min(longMs, MINUTES * 30_000) : shortMs;
}

/** Whether a full run tries the item of that index of a list that is divided among the shards: `--shard` of the run. */
export function inShard(index: number): boolean {
  const [shard, shards] = (process.env.RINGCAST_SHARD ?? '1/1').split('/').map(Number);
  return !FULL || index % shards! === shard! - 1;
}

/** How much of something a test does: `short` in every run, `long` in the full one. */
export function size(short: number, long: number): number {
  return FULL ? long : short;
}

/**
 * The cases of a table that a test tries: in a short run every `step`-th. Where `step` has no divisor in common with the
 * lengths of the table's sides, each row and each column is tried.
 */
export function covering<T>(cases: readonly T[], step: number): readonly T[] {
  return FULL ? cases : cases.filter((_, index) => index % step === 0);
}
