/** Sizes that keep words of different writers apart, and the arithmetic on powers of two. */

/**
 * Distance between cells that different threads write, in bytes. Cache lines are 64 bytes, but x86 fetches them in
 * adjacent pairs, so two lines are what one writer disturbs.
 */
export const CACHE_LINE_BYTES = 128;

/** `value` rounded up to a multiple of `alignment`, a power of two; both below 2^31. */
export function align(value: number, alignment: number): number {
  return (value + alignment - 1) & -alignment;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 2 ** 30 && (value & (value - 1)) === 0;
}
