/** From .proto files to the emitters' models: resolves types, applies features, and refuses what protoc refuses. */

import type { ScalarKind } from '../../envelope/event-codec.js';
import { DeclarationRules } from './declaration-rules.js';
import { type Features, inheritFeatures } from './features.js';
import { checkField, ruleOf } from './field-rules.js';
import { propertyName, typeName } from './names.js';
import type { ProtoFile } from './proto-files.js';
import type { EnumModel, FieldModel, MessageModel, ProtoModel } from './proto-model.js';
import type { EnumDeclaration, FieldDeclaration, MessageDeclaration, Scope } from './proto-parser.js';
import {
  checkEnum,
  checkExtension,
  checkFile,
  checkMessage,
  type ExtensionNumbers,
  jsonNameOf,
} from './proto-rules.js';
import { fullNameOf, type ProtoSymbol, SymbolTable } from './proto-symbols.js';
import { featuresOf, References } from './references.js';

/** @throws {CodegenError} for what protoc refuses, too, with the file, the declaration and the line */
export function buildModels(files: readonly ProtoFile[]): ProtoModel[] {
  const symbols = new SymbolTable(files);
  const extensions: ExtensionNumbers = new Map();
  for (const file of files) checkFile(file);
  const enumFeatures = closedEnums(files);
  const wanted = withoutOptionImports(files);
  // All are checked, also those that become no code.
  const models = files.map((file) => new FileBuilder(file, symbols, extensions, enumFeatures).build());
  return withChecked(models.filter((_, index) => wanted.has(files[index]!)));
}

/** Files that are imported for their options only change nothing in an event. */
function withoutOptionImports(files: readonly ProtoFile[]): ReadonlySet<ProtoFile> {
  const wanted = new Set<ProtoFile>();
  const want = (file: ProtoFile): void => {
    if (wanted.has(file)) return;
    wanted.add(file);
    for (const { statement, file: imported } of file.imported) if (statement.kind !== 'option') want(imported);
  };
  for (const file of files) if (file.given) want(file);
  return wanted;
}

/** The enums whose unnamed values are unknown fields. */
function closedEnums(files: readonly ProtoFile[]): ReadonlySet<EnumDeclaration> {
  const closed = new Set<EnumDeclaration>();
  const visit = (scope: Scope, features: Features): void => {
    for (const type of scope.enums)
      if (inheritFeatures(features, type.options).enum_type === 'CLOSED') closed.add(type);
    for (const message of scope.messages) visit(message, inheritFeatures(features, message.options));
  };
  for (const file of files) visit(file, featuresOf(file));
  return closed;
}

class FileBuilder {
  readonly #file: ProtoFile;
  readonly #symbols: SymbolTable;
  readonly #references: References;
  readonly #extensions: ExtensionNumbers;
  readonly #closed: ReadonlySet<EnumDeclaration>;
  readonly #messages: MessageModel[] = [];
  readonly #enums: EnumModel[] = [];

  constructor(
    file: ProtoFile,
    symbols: SymbolTable,
    extensions: ExtensionNumbers,
    closed: ReadonlySet<EnumDeclaration>,
  ) {
    this.#file = file;
    this.#symbols = symbols;
    this.#references = new References(file, symbols);
    this.#extensions = extensions;
    this.#closed = closed;
  }

  build(): ProtoModel {
    const { path, file, given, services } = this.#file;
    new DeclarationRules(this.#file, this.#symbols, this.#references).check();
    this.#scope(this.#file, '', featuresOf(this.#file));
    return {
      path,
      file,
      given,
      messages: this.#messages,
      enums: this.#enums,
      services: services.map((service) => fullNameOf(this.#file, service.path)),
    };
  }

  #scope(scope: Scope, path: string, features: Features): void {
    for (const declaration of scope.enums) this.#enum(declaration, inheritFeatures(features, declaration.options));
    for (const declaration of scope.messages)
      this.#message(declaration, inheritFeatures(features, declaration.options));
    for (const extension of scope.extensions)
      this.#extension(extension, path, inheritFeatures(features, extension.options));
  }

  #enum(declaration: EnumDeclaration, features: Features): void {
    checkEnum(this.#file, declaration, features);
    this.#enums.push({
      fullName: fullNameOf(this.#file, declaration.path),
      className: typeName(declaration.path.split('.')),
      values: declaration.values,
      comment: declaration.comment,
    });
  }

  #message(declaration: MessageDeclaration, features: Features): void {
    const { path, comment } = declaration;
    checkMessage(this.#file, declaration, features);
    const oneofs = new Map(declaration.oneofs.map((oneof) => [oneof.name, inheritFeatures(features, oneof.options)]));
    const fields = [...declaration.fields]
      .sort((a, b) => a.number - b.number)
      .map((field) => {
        const around = field.oneof === undefined ? features : oneofs.get(field.oneof)!;
        return this.#field(field, path, inheritFeatures(around, field.options));
      });
    this.#messages.push({
      fullName: fullNameOf(this.#file, path),
      className: typeName(path.split('.')),
      fields: withSeparateProperties(fields),
      checked: fields.some(({ required }) => required),
      comment,
    });
    this.#scope(declaration, path, features);
  }

  #extension(extension: FieldDeclaration, scope: string, features: Features): void {
    const extendee = this.#references.resolve(extension.extendee!, extension, scope, ['message']);
    checkExtension(this.#file, extension, extendee, this.#target(extension, scope), this.#extensions);
    // For what it may refuse: the fields of extensions are unknown fields here.
    this.#field(extension, scope, features);
  }

  #field(field: FieldDeclaration, scope: string, features: Features): FieldModel {
    const target = this.#target(field, scope);
    const closed = target?.kind === 'enum' && this.#closed.has(target.declaration);
    const rule = ruleOf(this.#file, field, target, features, closed);
    checkField(this.#file, field, target, rule, closed);
    return {
      ...rule,
      number: field.number,
      name: field.name,
      property: propertyName(field.name),
      jsonName: jsonNameOf(field),
      closed,
      checked: false,
      comment: field.comment,
      ...(field.keyType !== undefined && { keyKind: field.keyType as ScalarKind }),
      ...(target !== undefined && { type: target.fullName }),
      ...(field.oneof !== undefined && { oneof: field.oneof }),
    };
  }

  #target(field: FieldDeclaration, scope: string): ProtoSymbol | undefined {
    if (SCALARS.test(field.type)) return undefined;
    return this.#references.resolve(field.type, field, scope, ['message', 'enum']);
  }
}

const SCALARS = /^(?:bool|bytes|double|float|string|s?fixed(?:32|64)|[su]?int(?:32|64))$/;

/** proto2 allows fields whose names differ in their underscores only; all but that of the lowest number get their number. */
function withSeparateProperties(fields: readonly FieldModel[]): FieldModel[] {
  const taken = new Set<string>();
  return fields.map((field) => {
    if (taken.has(field.property)) return { ...field, property: `${field.property}$${field.number}` };
    taken.add(field.property);
    return field;
  });
}

/** Spreads `checked` from the messages with required fields to those that hold them. */
function withChecked(models: readonly ProtoModel[]): ProtoModel[] {
  const checked = new Set<string>();
  const messages = models.flatMap((model) => model.messages);
  for (let size = -1; size !== checked.size; ) {
    size = checked.size;
    for (const { fullName, checked: itself, fields } of messages) {
      if (itself || fields.some(({ type }) => checked.has(type!))) checked.add(fullName);
    }
  }
  return models.map((model) => ({
    ...model,
    messages: model.messages.map((message) => ({
      ...message,
      checked: checked.has(message.fullName),
      fields: message.fields.map((field) => ({ ...field, checked: checked.has(field.type!) })),
    })),
  }));
}
