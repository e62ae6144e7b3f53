/** The values of `default` options. */

import type { OptionValue } from './grammar/proto-options.js';
import { integerOf } from './grammar/proto-tokens.js';
import type { FieldKind } from './proto-model.js';
import type { EnumDeclaration } from './proto-parser.js';

export type DefaultValue = bigint | boolean | number | string | Uint8Array;

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
 * @returns undefined where a field of this kind cannot have it
 */
export function defaultOf(
  written: OptionValue,
  kind: FieldKind,
  values: EnumDeclaration['values'] | undefined,
): DefaultValue | undefined {
  if (written.kind === 'message') return undefined;
  if (written.kind === 'string') {
    if (kind === 'bytes') return written.bytes;
    return kind === 'string' ? written.bytes.toString() : undefined;
  }
  const { text } = written;
  if (kind === 'double') return floatOf(text);
  if (kind === 'float') return singleOf(floatOf(text));
  if (written.kind === 'name') {
    if (kind === 'bool') return text === 'true' ? true : text === 'false' ? false : undefined;
    return kind === 'enum' ? values?.find(({ name }) => name === text)?.number : undefined;
  }
  const width = BITS[kind];
  return width && withinBits(text, ...width);
}

/** Whether an option of this type may have the value. */
export function isValueOf(written: OptionValue, type: string, values: EnumDeclaration['values'] | undefined): boolean {
  return defaultOf(written, type as FieldKind, values) !== undefined;
}

function floatOf(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const size = text.replace(/^-/, '');
  if (/^[a-z]/i.test(size)) {
    return size === 'inf' ? sign * Number.POSITIVE_INFINITY : size === 'nan' ? Number.NaN : undefined;
  }
  const integer = integerOf(size);
  const isDecimal = !/^0[0-9xX]/.test(size);
  if (!isDecimal && BigInt.asUintN(64, integer!) !== integer) return undefined;
  return sign * Number(isDecimal ? size : integer);
}

/** What a float holds of it: nothing too large and nothing too small. */
function singleOf(value: number | undefined): number | undefined {
  const single = Math.fround(value ?? Number.NaN);
  return value !== undefined && (single === 0 || !Number.isFinite(single)) ? single : value;
}

function withinBits(text: string, bits: number, signed: boolean): bigint | number | undefined {
  const isNegative = text.startsWith('-');
  const size = integerOf(text.replace(/^-/, ''));
  if (size === undefined || (isNegative && !signed)) return undefined;
  const value = isNegative ? -size : size;
  const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) return undefined;
  return bits === 64 ? value : Number(value);
}
