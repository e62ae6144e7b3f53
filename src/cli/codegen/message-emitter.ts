/** The code of one message: its class and what its constructor takes. */

import {
  className,
  type FieldContext,
  initialValue,
  initType,
  literal,
  propertyType,
  shownValue,
  type TypeNames,
  unsetValue,
} from './field-types.js';
import { checkLines, chunked, readLines, writeLines } from './method-emitter.js';
import { literalKey, quoted } from './names.js';
import type { EnumModel, FieldModel, MessageModel } from './proto-model.js';
import { clearFunction, entryReaderFunction } from './read-emitter.js';
import { docComment, indent, typed } from './source-lines.js';

const PLAIN_SECONDS = /^google\.protobuf\.(?:Timestamp|Duration)$/;

export function fieldContexts(message: MessageModel, types: TypeNames): FieldContext[] {
  return message.fields.map((field) => ({
    field,
    owner: message.className,
    types,
    plainSeconds: PLAIN_SECONDS.test(message.fullName) && field.name === 'seconds',
  }));
}

/** The lines of a class with static `typeUrl`, `fields`, `encode` and `decode`: an EventCodec of itself. */
export function emitMessage(message: MessageModel, types: TypeNames): string[] {
  const name = message.className;
  const contexts = fieldContexts(message, types);
  const oneofs = oneofsOf(contexts);
  return [
    ...emitInit(message, contexts).map(typed),
    '',
    ...docComment(message.comment ?? `The message ${message.fullName}.`),
    `export class ${name} {`,
    `  static ${typed('readonly ')}typeUrl = ${quoted(message.fullName)};`,
    ...indent(descriptorLines(contexts)),
    '',
    ...indent(contexts.flatMap(declaration)),
    ...(contexts.length > 0 ? [typed('')] : []),
    ...indent(constructorLines(name, contexts)),
    '',
    ...indent(codecLines(message)),
    ...indent(writeLines(name, contexts, oneofs)),
    '',
    ...indent(readLines(name, contexts, oneofs)),
    ...(message.checked ? ['', ...indent(checkLines(name, contexts))] : []),
    '}',
    ...[...oneofs.values()].flatMap(clearFunction),
    ...contexts
      .filter(({ field }) => field.cardinality === 'map')
      .map(entryReaderFunction)
      .flatMap((lines) => (lines.length > 0 ? ['', ...lines] : [])),
  ];
}

export function emitInit({ className: name }: MessageModel, contexts: readonly FieldContext[]): string[] {
  return [
    `/** What a {@link ${name}} is made from; an omitted field has its default. */`,
    `export interface ${name}Init {`,
    ...indent(contexts.map((context) => `${context.field.property}?: ${initType(context)} | undefined;`)),
    '}',
  ];
}

/** An enum is an object of numbers; fields have the type number, because later versions may know more values. */
export function emitEnum(model: EnumModel): string[] {
  return [
    ...docComment(model.comment ?? `Values of the enum ${model.fullName}.`),
    `export const ${model.className} = {`,
    ...model.values.map(({ name, number }) => `  ${literalKey(name)}: ${number},`),
    `}${typed(' as const')};`,
  ];
}

function descriptorLines(contexts: readonly FieldContext[]): string[] {
  const head = `static ${typed('readonly ')}fields${typed(': readonly wire.FieldDescriptor[]')} =`;
  const lines = (part: readonly FieldContext[]) => part.map((context) => `  ${descriptor(context)},`);
  const [first = [], ...others] = chunked(contexts);
  if (others.length === 0) return [`${head} [`, ...lines(first), '];'];
  // One literal of thousands is too much for TypeScript.
  const parts = [first, ...others].flatMap((part) => ['  [', ...indent(lines(part)), '  ],']);
  return [`${head} ${typed('(')}[]${typed(' as wire.FieldDescriptor[])')}.concat(`, ...parts, ');'];
}

function descriptor(context: FieldContext): string {
  const { field } = context;
  const parts = [
    `number: ${field.number}`,
    `name: ${quoted(field.name)}`,
    `jsonName: ${quoted(field.jsonName)}`,
    `kind: '${field.kind}'`,
    `cardinality: '${field.cardinality}'`,
    `presence: ${field.presence}`,
  ];
  if (field.property !== field.jsonName) parts.push(`property: ${quoted(field.property)}`);
  if (field.keyKind !== undefined) parts.push(`keyKind: '${field.keyKind}'`);
  if (field.type !== undefined) {
    parts.push(`${field.kind === 'enum' ? 'values' : 'type'}: () => ${className(context)}`);
  }
  if (field.oneof !== undefined) parts.push(`oneof: ${quoted(field.oneof)}`);
  if (field.delimited) parts.push('delimited: true');
  if (field.unchecked && field.kind === 'string') parts.push('unchecked: true');
  if (field.default !== undefined) parts.push(`default: ${literal(field.default)}`);
  return `{ ${parts.join(', ')} }`;
}

/** What is said of a property: its comment, and what it counts as where it is not set. */
export function propertyComment({ comment, default: value, kind }: FieldModel): string[] {
  const said = value === undefined || kind === 'enum' ? '' : `Counts as ${shownValue(value)} where it is not set.`;
  const text = [comment, said].filter(Boolean).join('\n');
  return text === '' ? [] : docComment(text);
}

function declaration(context: FieldContext): string[] {
  return [...propertyComment(context.field), `declare ${context.field.property}: ${propertyType(context)};`].map(typed);
}

function constructorLines(name: string, contexts: readonly FieldContext[]): string[] {
  const assign = (value: (context: FieldContext) => string) =>
    contexts.map((context) => `    this.${context.field.property} = ${value(context)};`);
  return [
    `constructor(init${typed(`?: ${name}Init`)}) {`,
    ...(contexts.length === 0
      ? ['  if (init !== undefined) {']
      : ['  if (init === undefined) {', ...assign(unsetValue), '  } else {']),
    `    ${whereNothingIsGiven(contexts)}wire.checkEmpty(init, ${name});`,
    ...assign(initialValue),
    `    const unknown = ${typed('(')}init${typed(' as wire.Keeper)')}[wire.UNKNOWN];`,
    `    if (unknown !== undefined) ${typed('(')}this${typed(' as wire.Keeper)')}[wire.UNKNOWN] = unknown;`,
    '  }',
    '}',
  ];
}

/** The condition that none of the fields has a value: one that is given ends it, which is nearly always the first. */
function whereNothingIsGiven(contexts: readonly FieldContext[]): string {
  if (contexts.length === 0 || chunked(contexts).length > 1) return '';
  const missing = ({ field: { property, presence, kind } }: FieldContext) =>
    presence && kind !== 'message' ? `init.${property} === undefined` : `!init.${property}`;
  return `if (${contexts.map(missing).join(' && ')}) `;
}

function codecLines({ className: name, fullName, checked }: MessageModel): string[] {
  return [
    `static encode(event${typed(`: ${name}Init`)}, target${typed(': Buffer')}, position${typed(': number')}, limit${typed(': number')})${typed(': number')} {`,
    `  wire.checkMessage(event, 0, ${quoted(fullName)});`,
    `  const end = ${name}.write(event, target, position, limit, 0);`,
    `  if (end === position && !(event instanceof ${name})) wire.checkEmpty(event, ${name});`,
    '  return end;',
    '}',
    '',
    `static decode(source${typed(': Buffer')}, start${typed(': number')}, end${typed(': number')})${typed(`: ${name}`)} {`,
    '  try {',
    checked
      ? `    return ${name}.check(${name}.read(source, start, end, 0, new ${name}()), end);`
      : `    return ${name}.read(source, start, end, 0, new ${name}());`,
    '  } catch (error) {',
    `    throw wire.malformed(${quoted(fullName)}, error);`,
    '  }',
    '}',
    '',
  ];
}

function oneofsOf(contexts: readonly FieldContext[]): Map<string, FieldContext[]> {
  const oneofs = new Map<string, FieldContext[]>();
  for (const context of contexts) {
    const { oneof } = context.field;
    if (oneof !== undefined) oneofs.set(oneof, [...(oneofs.get(oneof) ?? []), context]);
  }
  return oneofs;
}
