/** What protoc refuses in a file that can be read: messages, enums and their numbers. Fields have `field-rules.ts`. */

import { type Features, isKnownEdition } from './features.js';
import { MAX_FIELD_NUMBER, type Range, type Reserved } from './grammar/proto-ranges.js';
import { jsonName } from './names.js';
import type { ProtoFile } from './proto-files.js';
import type { Declaration, EnumDeclaration, FieldDeclaration, MessageDeclaration } from './proto-parser.js';
import { fullNameOf, type ProtoSymbol, refuse } from './proto-symbols.js';

/** Extensions of a message set have more numbers. */
const MAX_MESSAGE_SET_NUMBER = 2 ** 31 - 2;
const [FIRST_RESERVED, LAST_RESERVED] = [19_000, 19_999];

export function checkFile(file: ProtoFile): void {
  if (!isKnownEdition(file.edition)) {
    refuse(file, { path: '', line: 1 }, `${JSON.stringify(file.edition)} is none of proto2, proto3, 2023, 2024, 2026`);
  }
  checkImports(file);
}

function checkImports(file: ProtoFile): void {
  const paths = new Set<string>();
  let isAfterOptions = false;
  for (const { path, kind, line } of file.imports) {
    const at = { path: '', line };
    if (paths.has(path)) refuse(file, at, `import ${JSON.stringify(path)}: it is imported already`);
    paths.add(path);
    if (kind === 'option' && !(Number(file.edition) >= 2024)) {
      refuse(file, at, `import option is new in edition 2024; this file is ${file.edition}`);
    }
    if (kind === 'weak' && Number(file.edition) >= 2024) refuse(file, at, 'import weak is gone since edition 2024');
    if (kind !== 'option' && isAfterOptions) refuse(file, at, 'imports come before those for options');
    isAfterOptions ||= kind === 'option';
  }
}

export function checkEnum(file: ProtoFile, declaration: EnumDeclaration, features: Features): void {
  const { values } = declaration;
  const [first] = values;
  if (first === undefined) refuse(file, declaration, 'an enum has at least one value');
  if (features.enum_type === 'OPEN' && first.number !== 0) {
    refuse(
      file,
      { path: `${declaration.path}.${first.name}`, line: first.line },
      `the first value of an open enum is 0, not ${first.number}`,
    );
  }
  checkRanges(file, declaration, declaration.reserved.filter(isRange));
  const allowsAlias = declaration.options.allow_alias === true;
  const numbers = new Map<number, string>();
  for (const { name, number, line } of values) {
    const value = { path: `${declaration.path}.${name}`, line };
    if ((number | 0) !== number) refuse(file, value, `${number} is no 32-bit number`);
    checkReserved(file, value, name, number, declaration.reserved);
    const same = numbers.get(number);
    if (same !== undefined && !allowsAlias) {
      refuse(file, value, `duplicate number ${number}, which ${same} has: the option allow_alias is needed for that`);
    }
    numbers.set(number, name);
  }
  if (declaration.options.allow_alias === false) refuse(file, declaration, 'allow_alias is false already');
  if (allowsAlias && numbers.size === values.length) refuse(file, declaration, 'it allows aliases and has none');
  checkValueNames(file, declaration);
}

/** Refuses names that are the same without the name of the enum in front, as many languages have them. */
function checkValueNames(file: ProtoFile, { name: enumName, path, values }: EnumDeclaration): void {
  const prefix = enumName.replaceAll('_', '').toLowerCase();
  const seen = new Map<string, EnumDeclaration['values'][number]>();
  for (const value of values) {
    const short = valueName(value.name, prefix);
    const other = seen.get(short);
    if (other !== undefined && other.number !== value.number) {
      const reason = `its name is that of ${other.name} but for the case of letters and the name of the enum`;
      refuse(file, { path: `${path}.${value.name}`, line: value.line }, reason);
    }
    seen.set(short, value);
  }
}

/** PascalCase, without the name of the enum in front. */
function valueName(name: string, prefix: string): string {
  let at = 0;
  for (let matched = 0; matched < prefix.length; at++) {
    if (name[at] === '_') continue;
    if (name[at]?.toLowerCase() !== prefix[matched++]) {
      at = 0;
      break;
    }
  }
  const rest = name.slice(at).replace(/^_+/, '');
  return (rest === '' ? name : rest)
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}

function checkReserved(
  file: ProtoFile,
  declaration: Pick<Declaration, 'path' | 'line'>,
  name: string,
  number: number,
  reserved: readonly Reserved[],
): void {
  for (const one of reserved) {
    if (one === name) refuse(file, declaration, `the name ${name} is reserved`);
    if (typeof one !== 'string' && one[0] <= number && number <= one[1]) {
      refuse(file, declaration, `the number ${number} is reserved`);
    }
  }
}

function checkNumber(file: ProtoFile, field: FieldDeclaration, max = MAX_FIELD_NUMBER): void {
  const { number } = field;
  if (number < 1 || number > max) {
    refuse(file, field, `a field number is from 1 to ${max}, not ${number}`);
  }
  if (number >= FIRST_RESERVED && number <= LAST_RESERVED) {
    refuse(
      file,
      field,
      `the numbers from ${FIRST_RESERVED} to ${LAST_RESERVED} are protobuf's own, ${number} among them`,
    );
  }
}

export function checkMessage(file: ProtoFile, message: MessageDeclaration, features: Features): void {
  if (file.edition === 'proto3' && message.extensionRanges.length > 0) {
    refuse(file, message, 'proto3 has no extension ranges');
  }
  if (message.options.map_entry !== undefined)
    refuse(file, message, 'map_entry is for the entries of maps: use map<…>');
  const isMessageSet = message.options.message_set_wire_format === true;
  if (isMessageSet && file.edition === 'proto3') refuse(file, message, 'proto3 has no message sets');
  const max = isMessageSet ? MAX_MESSAGE_SET_NUMBER : MAX_FIELD_NUMBER;
  for (const [from, to] of message.extensionRanges) {
    if (to > max) refuse(file, message, `${from} to ${to} is no range of field numbers; they are from 1 to ${max}`);
  }
  checkRanges(file, message, [...message.extensionRanges, ...message.reserved.filter(isRange)], 1);
  for (const oneof of message.oneofs) if (oneof.members === 0) refuse(file, oneof, 'a oneof has at least one field');
  if (isMessageSet && message.fields.length > 0) {
    refuse(file, message, 'a message set has extensions and no fields');
  }
  const numbers = new Map<number, FieldDeclaration>();
  for (const field of message.fields) {
    checkNumber(file, field);
    const same = numbers.get(field.number);
    if (same !== undefined) refuse(file, field, `${same.name} has the number ${field.number} already`);
    numbers.set(field.number, field);
    checkReserved(file, field, field.name, field.number, message.reserved);
    if (message.extensionRanges.some(([from, to]) => from <= field.number && field.number <= to)) {
      refuse(file, field, `the number ${field.number} is kept for extensions`);
    }
  }
  checkJsonNames(file, message, features);
}

/** Names that fields have in JSON, with `json_name` and, but for legacy formats, without. */
function checkJsonNames(file: ProtoFile, { fields, options }: MessageDeclaration, features: Features): void {
  for (const field of fields) checkJsonName(file, field);
  const isLegacy = features.json_format !== 'ALLOW' || options.deprecated_legacy_json_field_conflicts === true;
  const isCustom = (field: FieldDeclaration) => jsonNameOf(field) !== jsonName(field.name);
  for (const nameOf of [(field: FieldDeclaration) => jsonName(field.name), jsonNameOf]) {
    const names = new Map<string, FieldDeclaration>();
    for (const field of fields) {
      const name = nameOf(field);
      const same = names.get(name);
      const isForgiven = isLegacy && same !== undefined && !(isCustom(field) && isCustom(same));
      if (same !== undefined && !isForgiven) {
        refuse(file, field, `${same.name} has the name ${JSON.stringify(name)} in JSON, too`);
      }
      names.set(name, field);
    }
  }
}

function checkJsonName(file: ProtoFile, field: FieldDeclaration): void {
  const name = field.options.json_name as string | undefined;
  if (name?.includes('\0')) refuse(file, field, 'a json_name has no NUL in it');
  if (name?.startsWith('[') && name.endsWith(']')) {
    refuse(file, field, `the json_name ${JSON.stringify(name)} is in brackets, as extensions are in JSON`);
  }
}

export function jsonNameOf(field: FieldDeclaration): string {
  return (field.options.json_name as string | undefined) ?? jsonName(field.name);
}

function isRange(one: Reserved): one is Range {
  return typeof one !== 'string';
}

function checkRanges(
  file: ProtoFile,
  declaration: Declaration,
  ranges: readonly Range[],
  min = Number.NEGATIVE_INFINITY,
): void {
  for (const [index, [from, to]] of ranges.entries()) {
    if (from < min || from > to) refuse(file, declaration, `${from} to ${to} is no range of numbers`);
    const other = ranges.slice(0, index).find((one) => one[0] <= to && from <= one[1]);
    if (other !== undefined) refuse(file, declaration, `the ranges ${other.join(' to ')} and ${from} to ${to} overlap`);
  }
}

const OPTION_MESSAGE = /^google\.protobuf\.[A-Za-z]+Options$|^google\.protobuf\.FeatureSet$/;

/** The extensions so far, by message and number. */
export type ExtensionNumbers = Map<string, { readonly name: string; readonly file: ProtoFile }[]>;

export function checkExtension(
  file: ProtoFile,
  extension: FieldDeclaration,
  extendee: ProtoSymbol | undefined,
  target: ProtoSymbol | undefined,
  taken: ExtensionNumbers,
): void {
  if (extendee?.kind !== 'message') return;
  const { fullName, declaration } = extendee;
  const isMessageSet = declaration.options.message_set_wire_format === true;
  checkNumber(file, extension, isMessageSet ? MAX_MESSAGE_SET_NUMBER : MAX_FIELD_NUMBER);
  if (isMessageSet && (extension.label === 'repeated' || target?.kind !== 'message')) {
    refuse(file, extension, 'the extensions of a message set are single messages');
  }
  if (file.edition === 'proto3' && !OPTION_MESSAGE.test(fullName)) {
    refuse(file, extension, `proto3 extends options only, and ${fullName} is none`);
  }
  const keeps = ([from, to]: Range) =>
    from <= extension.number && (extension.number <= to || (isMessageSet && to === MAX_FIELD_NUMBER));
  if (!declaration.extensionRanges.some(keeps)) {
    refuse(file, extension, `${fullName} keeps no number ${extension.number} for extensions`);
  }
  if (extension.label === 'required') refuse(file, extension, 'an extension cannot be required');
  if (extension.options.json_name !== undefined) refuse(file, extension, 'an extension has no json_name');
  const key = `${fullName}:${extension.number}`;
  const name = fullNameOf(file, extension.path);
  const others = taken.get(key) ?? [];
  // Of other files, protoc warns.
  const other = others.find((one) => one.file === file);
  if (other !== undefined)
    refuse(file, extension, `${other.name} is extension ${extension.number} of ${fullName} already`);
  taken.set(key, [...others, { name, file }]);
}
