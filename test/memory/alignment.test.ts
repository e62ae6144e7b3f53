import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPowerOfTwo } from '../../src/memory/alignment.js';

for (const value of [1, 2, 64, 2 ** 16, 2 ** 30]) {
  test(`${value} is a power of two`, () => assert.ok(isPowerOfTwo(value)));
}

for (const value of [0, -1, -2, 3, 1.5, 2 ** 16 + 1, 2 ** 31, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${value} is no power of two up to 2^30`, () => assert.ok(!isPowerOfTwo(value)));
}
