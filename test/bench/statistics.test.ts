import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { median, quantile, rankTest, slope, spreadOf } from '../../bench/statistics.js';

describe('statistics of the benchmark suite', () => {
  test('a quantile lies between its neighbours, in proportion', () => {
    assert.equal(quantile([10, 20, 30, 40], 0), 10);
    assert.equal(quantile([10, 20, 30, 40], 0.5), 25);
    assert.equal(quantile([10, 20, 30, 40], 1), 40);
    assert.equal(quantile([7], 0.99), 7);
  });

  test('a median does not depend on the order, and a spread holds it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (samples) => {
        const { low, high } = spreadOf(samples);
        const middle = median(samples);
        assert.equal(median([...samples].reverse()), middle);
        assert.ok(low <= middle && middle <= high);
        assert.ok(Math.min(...samples) <= low && high <= Math.max(...samples));
      }),
    );
  });

  test('a slope is that of the line the points lie on', () => {
    assert.equal(slope([1, 2, 3, 4], [5, 7, 9, 11]), 2);
    assert.equal(slope([1, 2, 3], [4, 4, 4]), 0);
    assert.equal(slope([2, 2], [1, 9]), 0);
  });
});

describe('rank test', () => {
  // Two-sided exact p = 2 * (arrangements at least as extreme) / (m + n choose m).
  const exact: readonly [a: number[], b: number[], p: number][] = [
    [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252],
    [[1, 2, 3, 4, 6], [5, 7, 8, 9, 10], 4 / 252],
    [[1, 2, 3], [4, 5, 6], 2 / 20],
    [[1, 2], [3, 4, 5, 6], 2 / 15],
    [[1, 4], [2, 3], 1],
  ];
  for (const [a, b, p] of exact) {
    test(`of ${a} and ${b} gives ${p}`, () => {
      assert.ok(Math.abs(rankTest(a, b) - p) < 1e-12, String(rankTest(a, b)));
    });
  }

  test('is symmetric, a probability, and depends on the ranks alone', () => {
    const samples = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const p = rankTest(a, b);
        assert.ok(p >= 0 && p <= 1 + 1e-6, String(p));
        assert.ok(Math.abs(rankTest(b, a) - p) < 1e-9);
        const stretch = (value: number): number => value ** 3 + 5;
        assert.ok(Math.abs(rankTest(a.map(stretch), b.map(stretch)) - p) < 1e-9);
      }),
    );
  });

  test('with ties comes close to the exact value without', () => {
    const a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const b = [6.5, 7.5, 8.5, 9.5, 11, 12, 13, 14, 15, 16];
    const tied = [...b.slice(0, -1), 15];
    assert.ok(Math.abs(rankTest(a, tied) - rankTest(a, b)) < 0.002);
  });

  test('finds no difference where all values are equal', () => {
    assert.equal(rankTest([3, 3, 3], [3, 3, 3, 3]), 1);
  });

  test('refuses to compare with nothing', () => {
    assert.throws(() => rankTest([], [1]), RangeError);
  });
});
