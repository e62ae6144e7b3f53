/**
 * Reads .proto files into the few plain facts the emitter needs. The only importer of protobufjs's parser.
 *
 * Supported: proto3 and editions with open enums and length-prefixed messages. Groups, required fields, closed enums,
 * extensions and default values are refused, because their events would lose something here.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import protobuf from 'protobufjs';
import type { FieldDescriptor, ScalarKind } from '../../envelope/event-codec.js';
import { CodegenError } from '../../errors.js';
import { fileReason } from '../command-errors.js';

/** A field as the emitter sees it; `type` is the full name of the message type or enum. */
export interface FieldModel extends Omit<FieldDescriptor, 'type' | 'values'> {
  readonly type?: string;
  readonly packed: boolean;
  /** The oneof the field is a member of. */
  readonly oneof?: string;
  readonly comment?: string | undefined;
}

export interface MessageModel {
  readonly fullName: string;
  readonly className: string;
  readonly fields: readonly FieldModel[];
  readonly comment?: string | undefined;
}

export interface EnumModel {
  readonly fullName: string;
  readonly className: string;
  readonly values: Readonly<Record<string, number>>;
  readonly comment?: string | undefined;
}

/** One .proto file. */
export interface ProtoModel {
  /** The path other files import it by, with forward slashes. */
  readonly path: string;
  /** Where it was found. */
  readonly file: string;
  readonly messages: readonly MessageModel[];
  readonly enums: readonly EnumModel[];
}

interface Source {
  readonly path: string;
  readonly file: string;
}

const SCALARS: ReadonlySet<string> = new Set<ScalarKind>([
  'bool',
  'bytes',
  'double',
  'fixed32',
  'fixed64',
  'float',
  'int32',
  'int64',
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
  'string',
  'uint32',
  'uint64',
]);

/**
 * Parses `files` and all they import.
 *
 * @param includeDirs  where imports are looked up, in this order
 * @throws {CodegenError} when a file is missing, does not parse or uses what is not supported
 */
export function readProtos(files: readonly string[], includeDirs: readonly string[]): ProtoModel[] {
  const root = new protobuf.Root();
  const sources = new Map<string, Source>();
  const load = (source: Source) => {
    if (sources.has(source.path)) return;
    sources.set(source.path, source);
    for (const path of parse(source, root)) load(findImport(path, source, includeDirs));
  };
  for (const file of files) load({ path: importPath(file, includeDirs), file });
  try {
    root.resolveAll();
  } catch (error) {
    throw new CodegenError(`${files.join(', ')}: ${(error as Error).message}`);
  }
  return [...sources.values()].map((source) => modelOf(source, root));
}

function parse(source: Source, root: protobuf.Root): readonly string[] {
  let text: string;
  try {
    text = readFileSync(source.file, 'utf8');
  } catch (error) {
    throw new CodegenError(`${source.file}: ${fileReason(error)}`);
  }
  try {
    // Read by the parser: the name goes into its messages, where it is not needed, and into each object it makes.
    Object.assign(protobuf.parse, { filename: source.path });
    const parsed = protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true });
    return [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
  } catch (error) {
    const message = (error as Error).message.replace(`(${source.path}, line `, '(line ');
    throw new CodegenError(`${source.file}: ${message}`);
  }
}

function importPath(file: string, includeDirs: readonly string[]): string {
  const absolute = resolve(file);
  for (const dir of includeDirs) {
    const path = relative(resolve(dir), absolute);
    if (!path.startsWith('..') && path !== absolute) return path.split(sep).join('/');
  }
  return relative(dirname(absolute), absolute);
}

function findImport(path: string, importer: Source, includeDirs: readonly string[]): Source {
  for (const dir of [...includeDirs, dirname(resolve(importer.file))]) {
    const file = join(dir, path);
    if (existsSync(file)) return { path, file };
  }
  throw new CodegenError(
    `${importer.file}: import ${JSON.stringify(path)} is in none of ${includeDirs.join(', ')}; add -I DIR`,
  );
}

function modelOf(source: Source, root: protobuf.Root): ProtoModel {
  const messages: MessageModel[] = [];
  const enums: EnumModel[] = [];
  const visit = (parent: protobuf.NamespaceBase) => {
    for (const object of parent.nestedArray) {
      if (object.filename === source.path) {
        if (object instanceof protobuf.Type) messages.push(messageModel(object));
        else if (object instanceof protobuf.Enum) enums.push(enumModel(object));
        else if (object instanceof protobuf.Field) unsupported(object, 'extensions');
      }
      if (object instanceof protobuf.Namespace) visit(object);
    }
  };
  visit(root);
  return { ...source, messages, enums };
}

function messageModel(type: protobuf.Type): MessageModel {
  const fields = [...type.fieldsArray].sort((a, b) => a.id - b.id).map(fieldModel);
  const clash = fields.find((field, index) => fields.findIndex((other) => other.jsonName === field.jsonName) !== index);
  if (clash !== undefined) {
    throw new CodegenError(`${fullNameOf(type)}: two fields become the property ${JSON.stringify(clash.jsonName)}`);
  }
  return { fullName: fullNameOf(type), className: classNameOf(type), fields, comment: type.comment ?? undefined };
}

function enumModel(type: protobuf.Enum): EnumModel {
  return {
    fullName: fullNameOf(type),
    className: classNameOf(type),
    values: type.values,
    comment: type.comment ?? undefined,
  };
}

function fieldModel(field: protobuf.Field): FieldModel {
  if (field.required) unsupported(field, 'required fields');
  if (field.delimited) unsupported(field, 'groups');
  if (field.options?.default !== undefined) unsupported(field, 'default values');
  const target = field.resolvedType;
  if (target instanceof protobuf.Enum && features(target).enum_type === 'CLOSED') unsupported(field, 'closed enums');
  const kind = target === null ? field.type : target instanceof protobuf.Enum ? 'enum' : 'message';
  return {
    number: field.id,
    name: field.name,
    jsonName: propertyName(field.name),
    kind: kind as FieldModel['kind'],
    cardinality: field.map ? 'map' : field.repeated ? 'repeated' : 'singular',
    presence: !field.map && !field.repeated && (Boolean(field.hasPresence) || kind === 'message'),
    packed: field.repeated && field.packed && kind !== 'string' && kind !== 'bytes' && kind !== 'message',
    comment: field.comment ?? undefined,
    ...(field instanceof protobuf.MapField ? { keyKind: keyKindOf(field) } : {}),
    ...(target === null ? {} : { type: fullNameOf(target) }),
    ...(field.partOf && !field.partOf.isProto3Optional ? { oneof: propertyName(field.partOf.name) } : {}),
  };
}

function keyKindOf(field: protobuf.MapField): ScalarKind {
  if (!SCALARS.has(field.keyType)) unsupported(field, `keys of type ${field.keyType}`);
  return field.keyType as ScalarKind;
}

/** Not in the published types of protobufjs; its own generator reads the same property. */
function features(object: protobuf.ReflectionObject): Record<string, unknown> {
  return (object as unknown as { _features?: Record<string, unknown> })._features ?? {};
}

function unsupported(object: protobuf.ReflectionObject, what: string): never {
  throw new CodegenError(`${fullNameOf(object)}: ${what} are not supported`);
}

function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

// Names a generated module needs itself.
const TAKEN = /^(?:Array|Buffer|Object|Readonly|ReadonlyArray|Record|Uint8Array|Number|wire)$/;

/** The name of a type without its package; those of nested types are joined by `_`. */
function classNameOf(type: protobuf.ReflectionObject): string {
  const outer = type.parent instanceof protobuf.Type ? `${classNameOf(type.parent)}_` : '';
  const name = outer + type.name;
  return TAKEN.test(name) || RESERVED.test(name) ? `${name}$` : name;
}

const RESERVED =
  /^(?:await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|eval|arguments|undefined)$/;

/** lowerCamelCase as protobuf's JSON mapping has it; names that every object has get a `$`. */
function propertyName(name: string): string {
  const camel = name.replace(/_+([A-Za-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
  return camel in Object.prototype || camel === 'toJSON' ? `${camel}$` : camel;
}
