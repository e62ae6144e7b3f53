/** Options are checked against `descriptor.proto`, which declares all that protobuf has, and against the extensions of it. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from '../../package-files.js';
import { type Feature, featureFault, hasFeatures } from './features.js';
import { isValueOf } from './field-defaults.js';
import type { Option, OptionPlace, OptionValue } from './grammar/proto-options.js';
import type { ProtoFile } from './proto-files.js';
import { type FieldDeclaration, parseFile } from './proto-parser.js';
import { type ProtoSymbol, refuse, SymbolTable } from './proto-symbols.js';

/** Options that are no fields of `descriptor.proto`: protoc reads them into others. */
const PSEUDO: Partial<Record<OptionPlace, Readonly<Record<string, OptionValue['kind'] | undefined>>>> = {
  Field: { default: undefined, json_name: 'string' },
};

/** Options that are gone, and the edition since when. */
const REMOVED: Readonly<Record<string, number | undefined>> = {
  'Field.ctype': 2024,
  'File.java_multiple_files': 2024,
  'File.cc_enable_arenas': 2026,
};

/** A declaration with its options. */
export interface OptionHolder {
  readonly path: string;
  readonly line: number;
  readonly written: readonly Option[];
}

interface Found {
  /** What it is called here, however its extensions are written. */
  readonly key: string;
  readonly field: FieldDeclaration;
  readonly type: ProtoSymbol | undefined;
}

let ownOptions: { readonly file: ProtoFile; readonly symbols: SymbolTable } | undefined;

function descriptors(): NonNullable<typeof ownOptions> {
  if (ownOptions === undefined) {
    const path = 'google/protobuf/descriptor.proto';
    const parsed = parseFile(join(fileURLToPath(new URL('proto', PACKAGE_ROOT)), path));
    const file: ProtoFile = { ...parsed, path, given: false, imported: [] };
    ownOptions = { file, symbols: new SymbolTable([file]) };
  }
  return ownOptions;
}

/**
 * Refuses options that are not declared, are set twice, or have a value of another type. What is inside of braces is not looked at,
 * but for features.
 *
 * @param scope  the path of what encloses the holder
 */
export function checkOptions(
  file: ProtoFile,
  holder: OptionHolder,
  place: OptionPlace,
  scope: string,
  symbols: SymbolTable,
): void {
  const seen: string[] = [];
  for (const { name, value, line } of holder.written) {
    const at = { path: holder.path, line };
    const parts = name.match(/\([^)]*\)|[^.]+/g)!;
    const isPseudo = parts.length === 1 && Object.hasOwn(PSEUDO[place] ?? {}, name);
    let key = name;
    let mayRepeat = false;
    if (isPseudo) {
      const kind = PSEUDO[place]![name];
      if (kind !== undefined && value.kind !== kind) refuse(file, at, `${name} is a ${kind}`);
    } else {
      const removed = REMOVED[`${place}.${name}`];
      if (Number(file.edition) >= removed!) refuse(file, at, `${name} is gone since edition ${removed}`);
      const { field, type, ...found } = find(file, at, place, parts, scope, symbols);
      key = found.key;
      mayRepeat = field.label === 'repeated';
      checkValue(file, at, name, value, field, type);
    }
    if (!mayRepeat && seen.some((one) => one === key || one.startsWith(`${key}.`))) {
      refuse(file, at, `the option ${name} is set twice`);
    }
    seen.push(key, ...(value.kind === 'message' ? value.fields.map(([inner]) => `${key}.${inner}`) : []));
  }
  checkFeatures(file, holder, place);
}

function find(
  file: ProtoFile,
  at: Pick<OptionHolder, 'path' | 'line'>,
  place: OptionPlace,
  parts: readonly string[],
  scope: string,
  symbols: SymbolTable,
): Found {
  const own = descriptors();
  let message = own.symbols.find(`google.protobuf.${place}Options`)!;
  let table = own.symbols;
  let found: Found | undefined;
  for (const [index, part] of parts.entries()) {
    const name = parts.slice(0, index + 1).join('.');
    if (found !== undefined) {
      const { field, type } = found;
      if (type?.kind !== 'message' || field.label === 'repeated') {
        refuse(file, at, `the option ${parts.slice(0, index).join('.')} is no message with a field ${part}`);
      }
      message = type;
    }
    if (part.startsWith('(')) {
      found = extensionOf(file, { ...at, scope }, part.slice(1, -1), message, symbols, found?.key ?? '');
      table = symbols;
    } else {
      const fields = message.kind === 'message' ? message.declaration.fields : [];
      const field = fields.find((one) => one.name === part);
      if (field === undefined || part === 'uninterpreted_option') {
        const what = place.replace(/(?!^)[A-Z]/g, ' $&').toLowerCase();
        const reason = index === 0 ? `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} has no option ${name}` : undefined;
        refuse(file, at, reason ?? `${name} is not known`);
      }
      const scopeOfField = field.path.slice(0, field.path.lastIndexOf('.'));
      found = {
        key: `${found?.key ?? ''}.${part}`,
        field,
        type: table.resolve(field.type, scopeOfField, message.file, ['message', 'enum']),
      };
    }
  }
  return found!;
}

function extensionOf(
  file: ProtoFile,
  at: Pick<OptionHolder, 'path' | 'line'> & { readonly scope: string },
  name: string,
  extended: ProtoSymbol,
  symbols: SymbolTable,
  key: string,
): Found {
  const symbol = symbols.resolveOption(name, at.scope, file);
  if (symbol?.kind !== 'extension') {
    refuse(file, { path: at.scope, line: at.line }, `option (${name}): ${symbols.unresolved(name, file)}`);
  }
  const { declaration: field, file: owner } = symbol;
  const scope = field.path.slice(0, Math.max(0, field.path.lastIndexOf('.')));
  const extendee = symbols.resolve(field.extendee!, scope, owner, ['message']);
  if (extendee !== undefined && extendee.fullName !== extended.fullName) {
    refuse(file, at, `(${name}) is an option of ${extendee.fullName}, not of ${extended.fullName}`);
  }
  return {
    key: `${key}.(${symbol.fullName})`,
    field,
    type: symbols.resolve(field.type, scope, owner, ['message', 'enum']),
  };
}

function checkValue(
  file: ProtoFile,
  at: Pick<OptionHolder, 'path' | 'line'>,
  name: string,
  value: OptionValue,
  field: FieldDeclaration,
  type: ProtoSymbol | undefined,
): void {
  // Features have a table of their own, which knows what is for users.
  if (/^features\.\w+$/.test(name)) return;
  const kind = type?.kind === 'message' || type?.kind === 'enum' ? type.kind : field.type;
  const values = type?.kind === 'enum' ? type.declaration.values : undefined;
  const fits = kind === 'message' ? value.kind === 'message' : isValueOf(value, kind, values);
  if (!fits) refuse(file, at, `the option ${name} has a value that is no ${type?.fullName ?? kind}`);
}

function checkFeatures(file: ProtoFile, { path, written }: OptionHolder, place: OptionPlace): void {
  for (const { name, value, line } of written) {
    if (!/^features(?:\.|$)/.test(name)) continue;
    const at = { path, line };
    if (!hasFeatures(file.edition)) refuse(file, at, `features need an edition; this file is ${file.edition}`);
    const given: (readonly [string, string])[] =
      value.kind === 'message' ? [...value.fields] : [[name.slice('features.'.length), textOf(value)]];
    for (const [feature, text] of given) {
      if (feature.startsWith('(')) continue;
      const fault = featureFault(feature as Feature, text, place, file.edition);
      if (fault !== undefined) refuse(file, at, fault);
    }
  }
}

function textOf(value: OptionValue): string {
  return value.kind === 'name' ? value.text : '';
}
