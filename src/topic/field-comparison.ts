/**
 * Comparisons of field values with the operand of a test, compiled once and run per envelope.
 *
 * One function per kind of value; each result takes the value and whether the field is present, and allocates nothing
 * (but the text that `~=` needs for values that are no strings). `present` holds for a present field; every other operator
 * compares the value given, which for an unset scalar is the default of its type. An operand that is no value of the kind
 * differs from every value: only `!=` holds.
 *
 *     string       by Unicode code point, which is also the order of the UTF-8 bytes
 *     bool         true and false, false first
 *     integer      exact, bigint or number; the operand may have a fraction
 *     float        numerically; NaN differs from everything
 *     enum         by number; the operand is a name or a number, "~=" sees the name
 *     timestamp    the operand is RFC 3339 or seconds since the Unix epoch, to the nanosecond
 *     bytes        as UTF-8 text
 */
import type { FieldOperator, FieldTest } from './condition.js';
import { formatInstant, parseInstant } from './instant.js';

// For each operator the orders of value and operand it accepts: bit 0 less, bit 1 equal, bit 2 greater. Two values without
// an order (NaN, an operand of another kind) are "different", bit 3.
const LESS = 0b0001;
const EQUAL = 0b0010;
const GREATER = 0b0100;
const DIFFERENT = 0b1000;
const ACCEPTED: Readonly<Record<Exclude<FieldOperator, 'present' | '~='>, number>> = {
  '==': EQUAL,
  '!=': LESS | GREATER | DIFFERENT,
  '<': LESS,
  '<=': LESS | EQUAL,
  '>': GREATER,
  '>=': GREATER | EQUAL,
};

type Comparison<V> = (value: V, present: boolean) => boolean;

/** Whether a test holds for a field that is absent: one the type does not have, or a message that is not set. */
export function holdsForAbsent({ operator }: FieldTest): boolean {
  return operator === '!=';
}

export function compareString(test: FieldTest): Comparison<string> {
  const { operand } = test;
  return compile(test, (value: string) => orderOfStrings(value, operand), String);
}

/** The string comparison, on UTF-8 in place: `bytes[start, end)`. Only `~=` makes a string of them. */
export function compareUtf8(
  test: FieldTest,
): (bytes: Uint8Array, start: number, end: number, present: boolean) => boolean {
  const { operator, operand, matches } = test;
  if (operator === 'present') return (_bytes, _start, _end, present) => present;
  if (operator === '~=') return (bytes, start, end) => matches!(textOf(bytes, start, end));
  const accepted = ACCEPTED[operator];
  const other = Buffer.from(operand);
  return (bytes, start, end) => (accepted & orderOfBytes(bytes, start, end, other)) !== 0;
}

export function compareBytes(test: FieldTest): Comparison<Uint8Array> {
  const compare = compareUtf8(test);
  return (value, present) => compare(value, 0, value.length, present);
}

export function compareBool(test: FieldTest): Comparison<boolean> {
  const { operand } = test;
  if (operand !== 'true' && operand !== 'false') return compile(test, () => DIFFERENT, String);
  const other = operand === 'true';
  return compile(test, (value: boolean) => (value === other ? EQUAL : other ? LESS : GREATER), String);
}

export function compareInteger(test: FieldTest): Comparison<number | bigint> {
  const other = parseNumber(test.operand);
  return compile(test, (value: number | bigint) => orderOfNumbers(value, other), String);
}

/** `single`: a 32-bit float, which compares with the operand rounded to one: 0.1 equals "0.1". */
export function compareFloat(test: FieldTest, single: boolean): Comparison<number> {
  const parsed = parseNumber(test.operand);
  const other = parsed === undefined || !single ? parsed : Math.fround(Number(parsed));
  return compile(test, (value: number) => orderOfNumbers(value, other), String);
}

/** `numbers`: the names of the enum and the number of each; a value without a name is shown as its number. */
export function compareEnum(test: FieldTest, numbers: Readonly<Record<string, number>>): Comparison<number> {
  const named = Object.hasOwn(numbers, test.operand) ? numbers[test.operand] : undefined;
  const other = named ?? parseNumber(test.operand);
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
  return compile(
    test,
    (value: number) => orderOfNumbers(value, other),
    (value) => names.get(value) ?? String(value),
  );
}

export function compareTimestamp(test: FieldTest): (seconds: number, nanos: number, present: boolean) => boolean {
  const { operator, operand, matches } = test;
  if (operator === 'present') return (_seconds, _nanos, present) => present;
  if (operator === '~=') return (seconds, nanos) => matches!(formatInstant(seconds, nanos));
  const accepted = ACCEPTED[operator];
  const other = parseInstant(operand);
  if (other === undefined) return () => (accepted & DIFFERENT) !== 0;
  return (seconds, nanos) => {
    const order =
      seconds === other.seconds ? orderOfNumbers(nanos, other.nanos) : orderOfNumbers(seconds, other.seconds);
    return (accepted & order) !== 0;
  };
}

function compile<V>(test: FieldTest, orderOf: (value: V) => number, show: (value: V) => string): Comparison<V> {
  const { operator, matches } = test;
  if (operator === 'present') return (_value, present) => present;
  if (operator === '~=') return (value) => matches!(show(value));
  const accepted = ACCEPTED[operator];
  return (value) => (accepted & orderOf(value)) !== 0;
}

function orderOfNumbers(value: number | bigint, other: number | bigint | undefined): number {
  // Number and bigint compare exactly with each other.
  if (other === undefined) return DIFFERENT;
  if (value < other) return LESS;
  if (value > other) return GREATER;
  return Number.isNaN(value) ? DIFFERENT : EQUAL;
}

function orderOfStrings(value: string, other: string): number {
  if (value === other) return EQUAL;
  const shared = Math.min(value.length, other.length);
  for (let index = 0; index < shared; index++) {
    const difference = codePointRank(value.charCodeAt(index)) - codePointRank(other.charCodeAt(index));
    if (difference !== 0) return difference < 0 ? LESS : GREATER;
  }
  return value.length < other.length ? LESS : GREATER;
}

/** Orders UTF-16 units as the code points they begin: surrogates stand for code points above all others. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function orderOfBytes(bytes: Uint8Array, start: number, end: number, other: Uint8Array): number {
  const length = end - start;
  const shared = Math.min(length, other.length);
  for (let index = 0; index < shared; index++) {
    const difference = bytes[start + index]! - other[index]!;
    if (difference !== 0) return difference < 0 ? LESS : GREATER;
  }
  if (length === other.length) return EQUAL;
  return length < other.length ? LESS : GREATER;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

/** A decimal number; an integer beyond what a number holds exactly is a bigint. Undefined for anything else. */
function parseNumber(text: string): number | bigint | undefined {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text.replace('+', ''));
  }
  if (/^[+-]?(\d+\.\d*|\.?\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const infinity = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return undefined;
}
