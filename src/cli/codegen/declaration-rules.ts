/** What protoc refuses of any declaration, whatever it declares: its options, its name, and that others may use it. */

import { type Features, inheritFeatures } from './features.js';
import { type OptionPlace, optionRecord } from './grammar/proto-options.js';
import { MAX_FIELD_NUMBER, type Reserved } from './grammar/proto-ranges.js';
import { checkOptions, type OptionHolder } from './option-rules.js';
import type { ProtoFile } from './proto-files.js';
import type { EnumDeclaration, FieldDeclaration, MessageDeclaration, Scope } from './proto-parser.js';
import { refuse, type SymbolTable } from './proto-symbols.js';
import { featuresOf, type References } from './references.js';

/** How things are called from edition 2024 on, unless a file opts out of it. */
const STYLES = {
  TitleCase: /^[A-Z][A-Za-z0-9]*$/,
  // Of a package as a whole: of a part in its middle, protoc lets an underscore be the first letter.
  lower_snake_case: /^[a-z][a-z0-9.]*(?:_[a-z][a-z0-9.]*)*$/,
  UPPER_SNAKE_CASE: /^[A-Z][A-Z0-9]*(?:_[A-Z][A-Z0-9]*)*$/,
} as const;

/** Refuses a name of another style where the features ask for one. */
function checkStyle(
  file: ProtoFile,
  declaration: { readonly name: string; readonly path: string; readonly line: number },
  style: keyof typeof STYLES,
  features: Features,
): void {
  if (features.enforce_naming_style === 'STYLE_LEGACY' || STYLES[style].test(declaration.name)) return;
  refuse(file, declaration, `its name is to be in ${style}, or features.enforce_naming_style to be STYLE_LEGACY`);
}

export class DeclarationRules {
  readonly #file: ProtoFile;
  readonly #symbols: SymbolTable;
  readonly #references: References;

  constructor(file: ProtoFile, symbols: SymbolTable, references: References) {
    this.#file = file;
    this.#symbols = symbols;
    this.#references = references;
  }

  /** @throws {CodegenError} for the first that is refused */
  check(): void {
    const file = this.#file;
    const features = featuresOf(file);
    this.#options({ path: '', line: 1, written: file.written }, 'File', '');
    if (file.package !== '') checkStyle(file, { name: file.package, path: '', line: 1 }, 'lower_snake_case', features);
    this.#scope(file, '', features);
    this.#services(features);
  }

  #services(features: Features): void {
    for (const service of this.#file.services) {
      this.#options(service, 'Service', service.path);
      const ofService = inheritFeatures(features, service.options);
      checkStyle(this.#file, service, 'TitleCase', ofService);
      for (const { name, line, options: written, types } of service.methods) {
        const method = { name, path: `${service.path}.${name}`, line, written };
        for (const type of types) this.#references.resolve(type, method, service.path, ['message']);
        this.#options(method, 'Method', method.path);
        checkStyle(this.#file, method, 'TitleCase', inheritFeatures(ofService, optionRecord(written)));
      }
    }
  }

  #scope(scope: Scope, path: string, features: Features): void {
    for (const type of scope.enums) this.#enum(type, inheritFeatures(features, type.options));
    for (const message of scope.messages) this.#message(message, inheritFeatures(features, message.options));
    for (const extension of scope.extensions) this.#field(extension, path, features);
  }

  #enum(declaration: EnumDeclaration, features: Features): void {
    this.#options(declaration, 'Enum', declaration.path);
    checkStyle(this.#file, declaration, 'TitleCase', features);
    for (const { name, line, written } of declaration.values) {
      const value = { name, path: `${declaration.path}.${name}`, line, written };
      this.#options(value, 'EnumValue', declaration.path);
      checkStyle(this.#file, value, 'UPPER_SNAKE_CASE', inheritFeatures(features, optionRecord(written)));
    }
  }

  #message(declaration: MessageDeclaration, features: Features): void {
    const { path, line, rangeOptions, fields, oneofs } = declaration;
    // To its own options, what is declared in a message is not known by its short name.
    const enclosing = path.slice(0, Math.max(0, path.lastIndexOf('.')));
    this.#options(declaration, 'Message', enclosing);
    this.#options({ path, line, written: rangeOptions }, 'ExtensionRange', enclosing);
    checkStyle(this.#file, declaration, 'TitleCase', features);
    for (const oneof of oneofs) {
      this.#options(oneof, 'Oneof', path);
      checkStyle(this.#file, oneof, 'lower_snake_case', inheritFeatures(features, oneof.options));
    }
    for (const field of fields) this.#field(field, path, features);
    // A message that can have no field is there for the enums in it.
    const exported = declaration.reserved.some(isEveryNumber) ? [] : declaration.enums;
    for (const type of [...exported, ...declaration.messages]) this.#checkExport(type);
    this.#scope(declaration, path, features);
  }

  #field(field: FieldDeclaration, scope: string, features: Features): void {
    this.#options(field, 'Field', scope);
    checkStyle(this.#file, field, 'lower_snake_case', inheritFeatures(features, field.options));
  }

  /** @param declaration one inside a message */
  #checkExport(declaration: EnumDeclaration | MessageDeclaration): void {
    if (declaration.visibility !== 'export' || featuresOf(this.#file).default_symbol_visibility !== 'STRICT') return;
    refuse(this.#file, declaration, 'a type inside another is local where default_symbol_visibility is STRICT');
  }

  #options(holder: OptionHolder, place: OptionPlace, scope: string): void {
    checkOptions(this.#file, holder, place, scope, this.#symbols);
  }
}

function isEveryNumber(reserved: Reserved): boolean {
  return reserved[0] === 1 && reserved[1] === MAX_FIELD_NUMBER;
}
