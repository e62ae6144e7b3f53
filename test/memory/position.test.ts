import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distance, narrow, widen } from '../../src/memory/position.js';

const wide = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 2 ** 32 }),
  fc
    .tuple(fc.constantFrom(2 ** 30, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 52), fc.integer({ min: -40, max: 40 }))
    .map(([edge, offset]) => edge + offset),
);
const gap = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(-(2 ** 31), -1, 0, 1, 2 ** 31 - 1),
);

test('a narrowed position widens to itself from anywhere less than 2^31 units away', () => {
  fc.assert(fc.property(wide, gap, (near, units) => assert.equal(widen(near, narrow(near + units)), near + units)));
});

test('the distance of two narrowed positions is that of the wide ones', () => {
  fc.assert(
    fc.property(wide, gap, (position, units) => {
      // `| 0` gives no -0, which assert.equal would tell from 0.
      assert.equal(distance(narrow(position + units), narrow(position)), units | 0);
    }),
  );
});
