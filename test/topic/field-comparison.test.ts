import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FieldOperator, FieldTest } from '../../src/topic/condition.js';
import {
  compareBool,
  compareBytes,
  compareEnum,
  compareFloat,
  compareInteger,
  compareString,
  compareTimestamp,
  compareUtf8,
  holdsForAbsent,
} from '../../src/topic/field-comparison.js';
import { compileRegularExpression } from '../../src/topic/regular-expression.js';
import { size } from '../support/full.js';

const ORDERS: readonly FieldOperator[] = ['==', '!=', '<', '<=', '>', '>='];

function fieldTest(operator: FieldOperator, operand: string): FieldTest {
  const fields = { path: ['event', 'x'], operator, operand };
  return operator === '~=' ? { ...fields, matches: compileRegularExpression(operand) } : fields;
}

/** The order operators that hold for a comparison. */
function holding(compare: (test: FieldTest) => boolean, operand: string): string {
  return ORDERS.filter((operator) => compare(fieldTest(operator, operand))).join(' ');
}

const EQUAL = '== <= >=';
const LESS = '!= < <=';
const GREATER = '!= > >=';
const DIFFERENT = '!=';
const STATES = { CREATED: 0, STARTED: 1, ['__proto__']: 9 };

const rows: [kind: string, compare: (test: FieldTest) => boolean, operand: string, holds: string][] = [
  ['string a', (test) => compareString(test)('a', true), 'a', EQUAL],
  ['string a', (test) => compareString(test)('a', true), 'ab', LESS],
  ['string b', (test) => compareString(test)('b', true), 'ab', GREATER],
  ['unset string', (test) => compareString(test)('', false), '', EQUAL],
  ['string U+FF5E', (test) => compareString(test)('\uff5e', true), '\u{1f600}', LESS],
  ['true', (test) => compareBool(test)(true, true), 'true', EQUAL],
  ['unset bool', (test) => compareBool(test)(false, false), 'true', LESS],
  ['true', (test) => compareBool(test)(true, true), 'false', GREATER],
  ['true', (test) => compareBool(test)(true, true), '1', DIFFERENT],
  ['integer 5', (test) => compareInteger(test)(5, true), '5', EQUAL],
  ['integer 5', (test) => compareInteger(test)(5, true), '+05', EQUAL],
  ['integer 5', (test) => compareInteger(test)(5, true), '5.5', LESS],
  ['integer 5', (test) => compareInteger(test)(5, true), '-6', GREATER],
  ['integer 5', (test) => compareInteger(test)(5, true), 'five', DIFFERENT],
  ['integer 5', (test) => compareInteger(test)(5, true), '', DIFFERENT],
  ['integer 5', (test) => compareInteger(test)(5, true), '0x5', DIFFERENT],
  ['integer 5', (test) => compareInteger(test)(5, true), 'inf', LESS],
  ['2^63-1', (test) => compareInteger(test)(2n ** 63n - 1n, true), '9223372036854775807', EQUAL],
  ['2^63-1', (test) => compareInteger(test)(2n ** 63n - 1n, true), '9223372036854775808', LESS],
  ['2^53+1', (test) => compareInteger(test)(2n ** 53n + 1n, true), '9007199254740992', GREATER],
  ['-1n', (test) => compareInteger(test)(-1n, true), '-1', EQUAL],
  ['float 0.5', (test) => compareFloat(test, false)(0.5, true), '5e-1', EQUAL],
  ['float32 0.1', (test) => compareFloat(test, true)(Math.fround(0.1), true), '0.1', EQUAL],
  ['float64 of float32 0.1', (test) => compareFloat(test, false)(Math.fround(0.1), true), '0.1', GREATER],
  ['NaN', (test) => compareFloat(test, false)(Number.NaN, true), '1', DIFFERENT],
  ['NaN', (test) => compareFloat(test, false)(Number.NaN, true), 'NaN', DIFFERENT],
  ['-Infinity', (test) => compareFloat(test, false)(Number.NEGATIVE_INFINITY, true), '-Infinity', EQUAL],
  ['enum STARTED', (test) => compareEnum(test, STATES)(1, true), 'STARTED', EQUAL],
  ['enum STARTED', (test) => compareEnum(test, STATES)(1, true), '1', EQUAL],
  ['enum STARTED', (test) => compareEnum(test, STATES)(1, true), 'CREATED', GREATER],
  ['enum STARTED', (test) => compareEnum(test, STATES)(1, true), 'toString', DIFFERENT],
  ['enum STARTED', (test) => compareEnum(test, STATES)(1, true), '__proto__', LESS],
  ['bytes', (test) => compareBytes(test)(Buffer.from('b'), true), 'b', EQUAL],
  ['bytes', (test) => compareBytes(test)(Buffer.from('b'), true), 'ba', LESS],
  ['time', (test) => compareTimestamp(test)(1_700_000_000, 0, true), '2023-11-14T22:13:20Z', EQUAL],
  ['time', (test) => compareTimestamp(test)(1_700_000_000, 0, true), '2023-11-14T23:13:20+01:00', EQUAL],
  ['time', (test) => compareTimestamp(test)(1_700_000_000, 1, true), '1700000000', GREATER],
  ['time', (test) => compareTimestamp(test)(1_700_000_000, 1, true), '1700000000.000000002', LESS],
  ['time', (test) => compareTimestamp(test)(1_700_000_000, 0, true), '2023-11-14', GREATER],
  ['time before 1970', (test) => compareTimestamp(test)(-2, 500_000_000, true), '-1.5', EQUAL],
  ['time before 1970', (test) => compareTimestamp(test)(-2, 500_000_000, true), '1969-12-31T23:59:58.5Z', EQUAL],
  ['time', (test) => compareTimestamp(test)(0, 0, true), '-0', EQUAL],
  ['time', (test) => compareTimestamp(test)(0, 0, true), 'yesterday', DIFFERENT],
  ['time', (test) => compareTimestamp(test)(0, 0, true), '2023-13-01', DIFFERENT],
  ['time', (test) => compareTimestamp(test)(0, 0, true), '2023-01-01T24:00:00Z', DIFFERENT],
  ['time in year 50', (test) => compareTimestamp(test)(-60_589_296_000, 0, true), '0050-01-01', EQUAL],
];
for (const [kind, compare, operand, holds] of rows) {
  test(`${kind} against "${operand}": ${holds}`, () => assert.equal(holding(compare, operand), holds));
}

test('presence is what the caller says it is, of every kind', () => {
  const present = fieldTest('present', '');
  for (const flag of [true, false]) {
    assert.equal(compareString(present)('', flag), flag);
    assert.equal(compareBool(present)(true, flag), flag);
    assert.equal(compareInteger(present)(0, flag), flag);
    assert.equal(compareFloat(present, true)(0, flag), flag);
    assert.equal(compareEnum(present, {})(0, flag), flag);
    assert.equal(compareBytes(present)(Buffer.of(), flag), flag);
    assert.equal(compareUtf8(present)(Buffer.of(), 0, 0, flag), flag);
    assert.equal(compareTimestamp(present)(0, 0, flag), flag);
  }
});

test('~= sees a text of every kind', () => {
  assert.equal(compareString(fieldTest('~=', 'b+'))('abc', true), true);
  assert.equal(compareBool(fieldTest('~=', '^true$'))(true, true), true);
  assert.equal(compareInteger(fieldTest('~=', '^12'))(123n, true), true);
  assert.equal(compareFloat(fieldTest('~=', '^1\\.5$'), false)(1.5, true), true);
  assert.equal(compareEnum(fieldTest('~=', '^START'), STATES)(1, true), true);
  assert.equal(compareEnum(fieldTest('~=', '^7$'), STATES)(7, true), true);
  assert.equal(compareUtf8(fieldTest('~=', '^é$'))(Buffer.from('xéx'), 1, 3, true), true);
  assert.equal(compareTimestamp(fieldTest('~=', '^2023-11-14T22:13:20\\.05Z$'))(1_700_000_000, 50_000_000, true), true);
});

test('an absent field only differs', () => {
  const operators = [...ORDERS, 'present', '~='] as const;
  assert.deepEqual(
    operators.filter((operator) => holdsForAbsent(fieldTest(operator, ''))),
    ['!='],
  );
});

test('strings compare alike as text and as UTF-8 in place', () => {
  const text = fc.string({ unit: 'grapheme-composite', maxLength: 6 });
  fc.assert(
    fc.property(text, text, fc.constantFrom(...ORDERS), (value, operand, operator) => {
      const comparison = fieldTest(operator, operand);
      const bytes = Buffer.from(`..${value}..`);
      const inPlace = compareUtf8(comparison)(bytes, 2, bytes.length - 2, true);
      assert.equal(compareString(comparison)(value, true), inPlace);
    }),
    { numRuns: size(1_500, 5_000) },
  );
});
