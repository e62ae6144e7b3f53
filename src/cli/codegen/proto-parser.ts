/**
 * One .proto file as plain declarations: what is written in it, with nothing resolved. The only importer of protobufjs's
 * parser, which is asked for the structure of a file and nothing else: it resolves names across files that do not import each
 * other, and forgets the file of what follows a `reserved` name in editions (protobufjs 8.8.1), so each file is parsed alone.
 */

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { CodegenError } from '../../errors.js';
import { fileReason } from '../command-errors.js';
import { type Option, type OptionValue, optionRecord } from './grammar/proto-options.js';
import type { Note, Range, Reserved } from './grammar/proto-ranges.js';
import type { MethodStatement } from './grammar/proto-services.js';
import { type ImportStatement, mendProtoText } from './grammar/proto-text.js';
import { originalName } from './grammar/proto-tokens.js';

export type Options = Readonly<Record<string, unknown>>;

/** Something with a name and a place in a file. */
export interface Declaration {
  readonly name: string;
  /** Without the package, dots between. */
  readonly path: string;
  readonly line: number;
  readonly comment: string | undefined;
  readonly options: Options;
  /** The options as they are written. */
  readonly written: readonly Option[];
}

export interface FieldDeclaration extends Declaration {
  readonly number: number;
  /** A scalar's name or a reference to a message or an enum. */
  readonly type: string;
  readonly label: 'optional' | 'repeated' | 'required' | undefined;
  readonly keyType?: string;
  /** The name of its oneof. */
  readonly oneof?: string;
  readonly group: boolean;
  readonly default: OptionValue | undefined;
  /** The message that an extension extends. */
  readonly extendee?: string;
}

interface OneofDeclaration extends Declaration {
  readonly members: number;
}

export interface EnumDeclaration extends Declaration {
  readonly values: readonly EnumValue[];
  readonly reserved: readonly Reserved[];
  readonly visibility: Note['visibility'];
}

interface EnumValue {
  readonly name: string;
  readonly number: number;
  readonly line: number;
  readonly written: readonly Option[];
}

interface ServiceDeclaration extends Declaration {
  readonly methods: readonly MethodStatement[];
}

export interface Scope {
  readonly messages: readonly MessageDeclaration[];
  readonly enums: readonly EnumDeclaration[];
  readonly extensions: readonly FieldDeclaration[];
}

export interface MessageDeclaration extends Declaration, Scope {
  readonly fields: readonly FieldDeclaration[];
  readonly oneofs: readonly OneofDeclaration[];
  readonly extensionRanges: readonly Range[];
  readonly rangeOptions: readonly Option[];
  readonly reserved: readonly Reserved[];
  readonly visibility: Note['visibility'];
}

export interface ParsedFile extends Scope {
  /** Where it was found. */
  readonly file: string;
  readonly package: string;
  readonly edition: string;
  readonly imports: readonly ImportStatement[];
  readonly services: readonly ServiceDeclaration[];
  readonly options: Options;
  readonly written: readonly Option[];
}

/** @throws {CodegenError} when the file is missing or does not parse */
export function parseFile(file: string): ParsedFile {
  const mended = mendProtoText(file, readText(file));
  const root = new protobuf.Root();
  try {
    withoutNumberIndex(() => protobuf.parse(mended.text, root, { keepCase: true, alternateCommentMode: true }));
  } catch (error) {
    throw new CodegenError(`${file}: ${originalName((error as Error).message)}`, { cause: error });
  }
  return {
    ...new DeclarationReader(mended.notes).scope(root, ''),
    file,
    package: mended.package,
    edition: mended.edition,
    imports: mended.imports,
    options: optionRecord(mended.options),
    written: mended.options,
    services: mended.services.map((service) => ({
      ...service,
      path: service.name,
      comment: undefined,
      options: optionRecord(service.options),
      written: service.options,
    })),
  };
}

/**
 * protobufjs builds its index of a message's field numbers anew for each field, which takes minutes for ten thousand. While it
 * parses, the index is empty: `proto-rules.ts` looks for numbers that are used twice.
 */
function withoutNumberIndex<T>(parse: () => T): T {
  const index = { configurable: true, get: () => ({}), set: () => {} };
  Object.defineProperty(protobuf.Type.prototype, '_fieldsById', index);
  try {
    return parse();
  } finally {
    Reflect.deleteProperty(protobuf.Type.prototype, '_fieldsById');
  }
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new CodegenError(`${file}: ${fileReason(error)}`, { cause: error });
  }
  try {
    // Takes a byte order mark away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CodegenError(`${file}: it is not UTF-8`, { cause: error });
  }
}

class DeclarationReader {
  readonly #notes: ReadonlyMap<string, Note>;

  constructor(notes: ReadonlyMap<string, Note>) {
    this.#notes = notes;
  }

  declaration(object: protobuf.ReflectionObject, scope: string): Declaration {
    const name = originalName(object.name);
    const path = scope === '' ? name : `${scope}.${name}`;
    const { line, options: written = [] } = this.#notes.get(path) ?? {};
    return {
      name,
      path,
      line: line ?? 0,
      comment: object.comment ?? undefined,
      options: optionRecord(written),
      written,
    };
  }

  scope(parent: protobuf.NamespaceBase, scope: string): Scope {
    const nested = parent.nestedArray;
    return {
      messages: nested.filter((object) => object instanceof protobuf.Type).map((type) => this.#message(type, scope)),
      enums: nested.filter((object) => object instanceof protobuf.Enum).map((type) => this.#enum(type, scope)),
      extensions: nested.filter((object) => object instanceof protobuf.Field).map((field) => this.#field(field, scope)),
    };
  }

  #message(type: protobuf.Type, outer: string): MessageDeclaration {
    const declaration = this.declaration(type, outer);
    const { path } = declaration;
    const note = this.#notes.get(path);
    // An extension of a message of the same file is among its fields, too.
    const own = type.fieldsArray.filter((field) => field.declaringField === null);
    return {
      ...declaration,
      ...this.scope(type, path),
      fields: own.map((field) => this.#field(field, path)),
      oneofs: type.oneofsArray.map((oneof) => ({
        ...this.declaration(oneof, path),
        members: oneof.fieldsArray.length,
      })),
      extensionRanges: note?.extensionRanges ?? [],
      rangeOptions: note?.rangeOptions ?? [],
      reserved: note?.reserved ?? [],
      visibility: note?.visibility,
    };
  }

  #enum(type: protobuf.Enum, outer: string): EnumDeclaration {
    const declaration = this.declaration(type, outer);
    const note = this.#notes.get(declaration.path);
    return {
      ...declaration,
      values: Object.keys(type.values).map((mangled) => {
        const name = originalName(mangled);
        const { line, number, options } = this.#notes.get(`${declaration.path}.${name}`)!;
        return { name, number: number!, line, written: options };
      }),
      reserved: note?.reserved ?? [],
      visibility: note?.visibility,
    };
  }

  #field(field: protobuf.Field, scope: string): FieldDeclaration {
    const declaration = this.declaration(field, scope);
    const note = this.#notes.get(declaration.path);
    const oneof = field.partOf;
    const value = declaration.written.find(({ name }) => name === 'default')?.value;
    return {
      ...declaration,
      number: note?.number ?? field.id,
      type: originalName(field.type),
      label: field.repeated
        ? 'repeated'
        : field.rule === 'required'
          ? 'required'
          : note?.optional
            ? 'optional'
            : undefined,
      ...(field instanceof protobuf.MapField && { keyType: field.keyType }),
      ...(oneof && { oneof: originalName(oneof.name) }),
      group: note?.group === true,
      default: value,
      ...(field.extend !== undefined && { extendee: originalName(field.extend) }),
    };
  }
}
