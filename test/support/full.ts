/** Whether the long versions of the tests are wanted: `npm run test:full`. */
export const FULL = process.env.RINGCAST_TESTS === 'full';

/** How much of something a test does: `short` in every run, `long` in the full one. */
export function size(short: number, long: number): number {
  return FULL ? long : short;
}
