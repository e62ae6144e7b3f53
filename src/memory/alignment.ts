/** Sizes that keep words of different writers apart, and what a power of two is. */

/**
 * Distance between cells that different threads write, in bytes. Cache lines are 64 bytes, but x86 fetches them in
 * adjacent pairs, so two lines are what one writer disturbs.
 */
export const CACHE_LINE_BYTES = 128;

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 2 ** 30 && (value & (value - 1)) === 0;
}
