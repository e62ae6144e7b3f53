/** Whether the long versions of the tests are wanted: `npm run test:full`. */
export const FULL = process.env.RINGCAST_TESTS === 'full';

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
