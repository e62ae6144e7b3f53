import assert from 'node:assert/strict';
import { test } from 'node:test';
import { align, isPowerOfTwo } from '../../src/memory/alignment.js';

for (const [value, alignment, aligned] of [
  [0, 32, 0],
  [1, 32, 32],
  [32, 32, 32],
  [33, 32, 64],
  [2 ** 30 - 1, 128, 2 ** 30],
] as const) {
  test(`${value} aligned to ${alignment} is ${aligned}`, () => assert.equal(align(value, alignment), aligned));
}

for (const value of [1, 2, 64, 2 ** 16, 2 ** 30]) {
  test(`${value} is a power of two`, () => assert.ok(isPowerOfTwo(value)));
}

for (const value of [0, -1, -2, 3, 1.5, 2 ** 16 + 1, 2 ** 31, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${value} is no power of two up to 2^30`, () => assert.ok(!isPowerOfTwo(value)));
}
