/** The arithmetic of the suite: what a list of samples comes to, and whether two lists differ. */

export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
}

/** Quantile by linear interpolation; `sorted` ascends and is not empty, `q` is from 0 to 1. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const place = (sorted.length - 1) * q;
  const below = Math.floor(place);
  const value = sorted[below]!;
  const above = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return value + (above - value) * (place - below);
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = Float64Array.from(samples).sort();
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

export function median(samples: readonly number[]): number {
  return spreadOf(samples).median;
}

/** Slope of the least-squares line through the points; 0 where all `xs` are equal. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = mean(xs);
  const meanY = mean(ys);
  let covariance = 0;
  let variance = 0;
  for (let i = 0; i < xs.length; i++) {
    covariance += (xs[i]! - meanX) * (ys[i]! - meanY);
    variance += (xs[i]! - meanX) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Two-sided p of the Mann-Whitney rank test: how likely samples this far apart are if both come from one distribution.
 *
 * Exact, by counting arrangements, where all values differ; else the normal approximation, corrected for ties and
 * continuity. Source: H. B. Mann, D. R. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically
 * Larger than the Other", 1947.
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) throw new RangeError('rankTest needs samples on both sides');
  let u = 0;
  for (const x of a) for (const y of b) u += x > y ? 1 : x === y ? 0.5 : 0;
  const values = [...a, ...b];
  if (new Set(values).size === values.length) return exactP(u, a.length, b.length);
  return approximateP(u, a.length, b.length, values);
}

function exactP(u: number, m: number, n: number): number {
  // ways[k]: how many arrangements of m and n samples have U = k, built up sample by sample as a Gaussian binomial.
  let ways = [1];
  for (let i = 1; i <= m; i++) ways = divide(multiply(ways, n + i), i);
  const extreme = Math.min(u, m * n - u);
  let tail = 0;
  let all = 0;
  ways.forEach((count, k) => {
    all += count;
    if (k <= extreme) tail += count;
  });
  return Math.min(1, (2 * tail) / all);
}

/** The polynomial times (1 - x^power). */
function multiply(polynomial: readonly number[], power: number): number[] {
  const product: number[] = new Array(polynomial.length + power).fill(0);
  polynomial.forEach((coefficient, k) => {
    product[k]! += coefficient;
    product[k + power]! -= coefficient;
  });
  return product;
}

/** The polynomial, which it divides, over (1 - x^power). */
function divide(polynomial: readonly number[], power: number): number[] {
  const quotient: number[] = [];
  for (let k = 0; k < polynomial.length - power; k++) quotient.push(polynomial[k]! + (quotient[k - power] ?? 0));
  return quotient;
}

function approximateP(u: number, m: number, n: number, values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const total = m + n;
  let ties = 0;
  for (const count of counts.values()) ties += count ** 3 - count;
  const variance = ((m * n) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance === 0) return 1;
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / Math.sqrt(variance);
  return 2 * upperNormal(z);
}

/** P(Z > z) for z >= 0; Abramowitz and Stegun 26.2.17, off by less than 1e-7. */
function upperNormal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
