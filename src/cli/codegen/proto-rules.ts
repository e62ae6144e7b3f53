/** What protoc refuses in a file that can be read: messages, enums and their numbers. Fields have `field-rules.ts`. */

import { type Features, featureFault, hasFeatures, isKnownEdition } from './features.js';
import { jsonName } from './names.js';
import type { ProtoFile } from './proto-files.js';
import type { Declaration, EnumDeclaration, FieldDeclaration, MessageDeclaration, Reserved } from './proto-parser.js';
import { fullNameOf, type ProtoSymbol, refuse, type SymbolTable } from './proto-symbols.js';

const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const [FIRST_RESERVED, LAST_RESERVED] = [19_000, 19_999];

const OPTIONS = {
  enum: /^(?:allow_alias|deprecated|deprecated_legacy_json_field_conflicts|features)$/,
  field:
    /^(?:ctype|debug_redact|default|deprecated|edition_defaults|feature_support|features|json_name|jstype|lazy|packed|retention|targets|unverified_lazy|weak)$/,
  message:
    /^(?:deprecated|deprecated_legacy_json_field_conflicts|features|message_set_wire_format|no_standard_descriptor_accessor)$/,
} as const;

/** Options that protobuf itself has; custom ones have parentheses and are looked at elsewhere. */
export function checkOptions(file: ProtoFile, declaration: Declaration, kind: keyof typeof OPTIONS): void {
  for (const option of Object.keys(declaration.options)) {
    const name = option.split('.')[0]!;
    if (!OPTIONS[kind].test(name)) refuse(file, declaration, `a ${kind} has no option ${option}`);
    if (name === 'features' && !hasFeatures(file.edition)) {
      refuse(file, declaration, `features need an edition; this file is ${file.edition}`);
    }
  }
  const fault = featureFault(declaration.options);
  if (fault !== undefined) refuse(file, declaration, fault);
}

export function checkFile(file: ProtoFile, symbols: SymbolTable): void {
  if (!isKnownEdition(file.edition)) {
    refuse(file, { path: '', line: 1 }, `${JSON.stringify(file.edition)} is none of proto2, proto3, 2023, 2024, 2026`);
  }
  for (const { name, scope, line } of file.customOptions) {
    if (symbols.resolve(name, scope, file, ['extension']) === undefined) {
      const reason = symbols.unresolved(name, file);
      refuse(file, { path: scope, line }, `option (${name}): ${reason}`);
    }
  }
}

export function checkEnum(file: ProtoFile, declaration: EnumDeclaration, features: Features): void {
  checkOptions(file, declaration, 'enum');
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
  const numbers = new Set<number>();
  for (const { name, number, line } of values) {
    const value = { path: `${declaration.path}.${name}`, line };
    if ((number | 0) !== number) refuse(file, value, `${number} is no 32-bit number`);
    checkReserved(file, value, name, number, declaration.reserved);
    numbers.add(number);
  }
  if (declaration.options.allow_alias === true && numbers.size === values.length) {
    refuse(file, declaration, 'it allows aliases and has none');
  }
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

function checkNumber(file: ProtoFile, field: FieldDeclaration): void {
  const { number } = field;
  if (number < 1 || number > MAX_FIELD_NUMBER) {
    refuse(file, field, `a field number is from 1 to ${MAX_FIELD_NUMBER}, not ${number}`);
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
  checkOptions(file, message, 'message');
  if (file.edition === 'proto3' && message.extensionRanges.length > 0) {
    refuse(file, message, 'proto3 has no extension ranges');
  }
  checkRanges(file, message);
  for (const oneof of message.oneofs) if (oneof.members === 0) refuse(file, oneof, 'a oneof has at least one field');
  if (message.options.message_set_wire_format === true && message.fields.length > 0) {
    refuse(file, message, 'a message set has extensions and no fields');
  }
  const numbers = new Map<number, FieldDeclaration>();
  const names = new Map<string, FieldDeclaration>();
  for (const field of message.fields) {
    checkNumber(file, field);
    const same = numbers.get(field.number);
    if (same !== undefined) refuse(file, field, `${same.name} has the number ${field.number} already`);
    numbers.set(field.number, field);
    checkReserved(file, field, field.name, field.number, message.reserved);
    if (message.extensionRanges.some(([from, to]) => from <= field.number && field.number <= to)) {
      refuse(file, field, `the number ${field.number} is kept for extensions`);
    }
    const name = jsonNameOf(field);
    const sameName = names.get(name);
    if (sameName !== undefined && features.json_format === 'ALLOW') {
      refuse(file, field, `${sameName.name} has the name ${JSON.stringify(name)} in JSON, too`);
    }
    names.set(name, field);
  }
}

export function jsonNameOf(field: FieldDeclaration): string {
  return (field.options.json_name as string | undefined) ?? jsonName(field.name);
}

function checkRanges(file: ProtoFile, message: MessageDeclaration): void {
  const ranges = [...message.extensionRanges, ...message.reserved.filter((one) => typeof one !== 'string')];
  for (const [index, [from, to]] of ranges.entries()) {
    if (from < 1 || to > MAX_FIELD_NUMBER || from > to) {
      refuse(file, message, `${from} to ${to} is no range of field numbers; they are from 1 to ${MAX_FIELD_NUMBER}`);
    }
    const other = ranges.slice(0, index).find((one) => one[0] <= to && from <= one[1]);
    if (other !== undefined) refuse(file, message, `the ranges ${other.join(' to ')} and ${from} to ${to} overlap`);
  }
}

const OPTION_MESSAGE = /^google\.protobuf\.[A-Za-z]+Options$|^google\.protobuf\.FeatureSet$/;

/** The extensions so far, by message and number. */
export type ExtensionNumbers = Map<string, { readonly name: string; readonly file: ProtoFile }[]>;

export function checkExtension(
  file: ProtoFile,
  extension: FieldDeclaration,
  extendee: ProtoSymbol | undefined,
  taken: ExtensionNumbers,
  symbols: SymbolTable,
): void {
  checkNumber(file, extension);
  if (extendee?.kind !== 'message') return;
  const { fullName, declaration } = extendee;
  if (file.edition === 'proto3' && !OPTION_MESSAGE.test(fullName)) {
    refuse(file, extension, `proto3 extends options only, and ${fullName} is none`);
  }
  if (!declaration.extensionRanges.some(([from, to]) => from <= extension.number && extension.number <= to)) {
    refuse(file, extension, `${fullName} keeps no number ${extension.number} for extensions`);
  }
  if (extension.label === 'required') refuse(file, extension, 'an extension cannot be required');
  if (extension.options.json_name !== undefined) refuse(file, extension, 'an extension has no json_name');
  const key = `${fullName}:${extension.number}`;
  const name = fullNameOf(file, extension.path);
  const others = taken.get(key) ?? [];
  // Files that know nothing of each other may be used apart.
  const other = others.find((one) => symbols.sees(file, one.file) || symbols.sees(one.file, file));
  if (other !== undefined)
    refuse(file, extension, `${other.name} is extension ${extension.number} of ${fullName} already`);
  taken.set(key, [...others, { name, file }]);
}
