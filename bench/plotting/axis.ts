/** Axes: where values lie between their ends, and which of them are written. */

export interface Axis {
  /** Values that are written beside the axis. */
  readonly ticks: readonly number[];
  /** Values in between that get a fainter line. */
  readonly between: readonly number[];
  /** Where a value lies, from 0 to 1. */
  share(value: number): number;
}

/** From one power of ten to another; the fainter lines in between show that it is logarithmic. */
export function logarithmicAxis(values: readonly number[]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return {
    ticks: powers,
    between: powers.slice(0, -1).flatMap((power) => [2, 3, 4, 5, 6, 7, 8, 9].map((factor) => factor * power)),
    share: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** From 0 on. */
export function linearAxis(values: readonly number[]): Axis {
  const most = Math.max(...values);
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((size) => size * 5 >= most)!;
  const steps = Math.ceil(most / step);
  return {
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
    between: [],
    share: (value) => value / (steps * step),
  };
}
