/**
 * Positions: how far a cursor has come, counted in units of a ring, modulo 2^32, in an Int32 cell.
 *
 * Two positions are compared only by their signed distance, which is right as long as they are less than 2^31 units
 * apart. Each thread widens the positions that it follows to doubles (exact up to 2^53) for its own arithmetic.
 */

/** `a - b` in units: positive when `a` is ahead of `b`. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** The wide position that `cell` stands for, given a wide position less than 2^31 units away from it. */
export function widen(near: number, cell: number): number {
  return near + ((cell - (near | 0)) | 0);
}

/** The Int32 cell value of a wide position. */
export function narrow(wide: number): number {
  // `| 0` takes any double modulo 2^32, exactly, up to 2^53.
  return wide | 0;
}
