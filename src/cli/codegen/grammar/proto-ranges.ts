/** `reserved` and `extensions` statements, which are taken out of the text that protobufjs parses. */
import type { Option, OptionReader } from './proto-options.js';
import type { TokenCursor } from './token-cursor.js';

/** Numbers, both ends included. */
export type Range = readonly [from: number, to: number];

/** A range of numbers, or a name. */
export type Reserved = Range | string;

/** What is known of a declaration besides what the parser says. */
export interface Note {
  readonly line: number;
  readonly options: Option[];
  readonly extensionRanges: Range[];
  /** The options of its extension ranges. */
  readonly rangeOptions: Option[];
  readonly reserved: Reserved[];
  number?: number;
  /** Whether the field is a group, whose message is declared beside it. */
  group?: boolean;
  /** Whether a field of proto3 says `optional`. */
  optional?: boolean;
  visibility?: 'export' | 'local';
}

export const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const MAX_ENUM_NUMBER = 2 ** 31 - 1;

/** `reserved` or `extensions` in a message, which is next. */
export function readRanges(cursor: TokenCursor, options: OptionReader, note: Note, isEdition: boolean): void {
  const isReserved = cursor.is('reserved');
  statement(cursor, () => {
    if (isReserved && readNames(cursor, note, isEdition)) return;
    const ranges: Range[] = [];
    do ranges.push(range(cursor, MAX_FIELD_NUMBER, () => cursor.integer()));
    while (cursor.take(','));
    (isReserved ? note.reserved : note.extensionRanges).push(...ranges);
    if (!isReserved) note.rangeOptions.push(...options.inline());
  });
}

/** `reserved` in an enum, which is next. */
export function readEnumRanges(cursor: TokenCursor, note: Note, isEdition: boolean): void {
  const signed = () => (cursor.take('-') ? -cursor.integer() : cursor.integer());
  statement(cursor, () => {
    if (readNames(cursor, note, isEdition)) return;
    do note.reserved.push(range(cursor, MAX_ENUM_NUMBER, signed));
    while (cursor.take(','));
  });
}

function statement(cursor: TokenCursor, readBody: () => void): void {
  cursor.peek();
  const from = cursor.at;
  cursor.next();
  readBody();
  cursor.expect(';');
  cursor.blankStatement(from);
}

/** Strings, or in editions plain names; false where neither is next. */
function readNames(cursor: TokenCursor, note: Note, isEdition: boolean): boolean {
  const kind = isEdition ? 'name' : 'string';
  const first = cursor.peek();
  if (first?.kind === 'number' || first?.text === '-') return false;
  do {
    if (cursor.peek()?.kind !== kind) cursor.illegal(cursor.peek(), isEdition ? 'a name' : 'a string');
    const name = isEdition ? cursor.name().text : cursor.string().toString();
    if (note.reserved.includes(name)) cursor.fail(`the name ${name} is reserved twice`, first);
    note.reserved.push(name);
  } while (cursor.take(','));
  return true;
}

function range(cursor: TokenCursor, max: number, readNumber: () => number): Range {
  const token = cursor.peek();
  const from = readNumber();
  if (!cursor.take('to')) return checked(cursor, token, [from, from]);
  return checked(cursor, token, [from, cursor.take('max') ? max : readNumber()]);
}

function checked(cursor: TokenCursor, token: { readonly line: number } | undefined, [from, to]: Range): Range {
  for (const one of [from, to]) if ((one | 0) !== one) cursor.fail(`${one} is no 32-bit number`, token);
  return [from, to];
}
