/** The values of `default` options. */

import type { FieldKind } from './proto-model.js';
import type { EnumDeclaration } from './proto-parser.js';

export type DefaultValue = bigint | boolean | number | string | Uint8Array;

const INTEGER = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
const FLOAT = /^([+-]?)(inf|infinity|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fF]?$/i;

const BITS: Partial<Record<FieldKind, readonly [bits: number, signed: boolean]>> = {
  fixed32: [32, false],
  fixed64: [64, false],
  int32: [32, true],
  int64: [64, true],
  sfixed32: [32, true],
  sfixed64: [64, true],
  sint32: [32, true],
  sint64: [64, true],
  uint32: [32, false],
  uint64: [64, false],
};

/**
 * The value of a `default` option as it is written.
 *
 * @param written  the bytes of a string literal, or the text of anything else
 * @returns undefined where a field of this kind cannot have it
 */
export function defaultOf(
  written: Uint8Array | string,
  kind: FieldKind,
  values: EnumDeclaration['values'] | undefined,
): DefaultValue | undefined {
  if (typeof written !== 'string') {
    if (kind === 'bytes') return written;
    return kind === 'string' ? Buffer.from(written).toString() : undefined;
  }
  if (kind === 'bool') return written === 'true' ? true : written === 'false' ? false : undefined;
  if (kind === 'enum') return values?.find(({ name }) => name === written)?.number;
  if (kind === 'double' || kind === 'float') return floatOf(written);
  const width = BITS[kind];
  return width && integerOf(written, ...width);
}

function floatOf(written: string): number | undefined {
  const integer = written.startsWith('0') || /^[+-]0/.test(written) ? integerOf(written, 64, true) : undefined;
  if (integer !== undefined && integer !== 0 && integer !== 0n) return Number(integer);
  const [, sign, digits] = FLOAT.exec(written) ?? [];
  if (digits === undefined) return undefined;
  const value = /^inf/i.test(digits) ? Number.POSITIVE_INFINITY : /^nan$/i.test(digits) ? Number.NaN : Number(digits);
  return sign === '-' ? -value : value;
}

function integerOf(written: string, bits: number, signed: boolean): bigint | number | undefined {
  const [, sign, digits] = INTEGER.exec(written) ?? [];
  if (digits === undefined) return undefined;
  const size = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === '-' ? -size : size;
  const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) return undefined;
  return bits === 64 ? value : Number(value);
}
