/** The TypeScript of one message: its class and what its constructor takes. */

import {
  type ClassNames,
  defaultValue,
  type FieldContext,
  indent,
  initialValue,
  initType,
  propertyType,
} from './field-types.js';
import type { EnumModel, FieldModel, MessageModel } from './proto-model.js';
import { entryReaderFunction, readCases, readLoop } from './read-emitter.js';
import { writeStatements } from './write-emitter.js';

const PLAIN_SECONDS = /^google\.protobuf\.(?:Timestamp|Duration)$/;

/** The lines of a class with static `typeUrl`, `fields`, `encode` and `decode`: an EventCodec of itself. */
export function emitMessage(message: MessageModel, className: ClassNames): string[] {
  const name = message.className;
  const contexts = message.fields.map(
    (field): FieldContext => ({
      field,
      owner: name,
      className,
      plainSeconds: PLAIN_SECONDS.test(message.fullName) && field.name === 'seconds',
    }),
  );
  return [
    `/** What a {@link ${name}} is made from; what is left out has its default. */`,
    `export interface ${name}Init {`,
    ...indent(contexts.map((context) => `${context.field.jsonName}?: ${initType(context)} | undefined;`)),
    '}',
    '',
    ...docComment(message.comment ?? `The message ${message.fullName}.`),
    `export class ${name} {`,
    `  static readonly typeUrl = '${message.fullName}';`,
    '  static readonly fields: readonly wire.FieldDescriptor[] = [',
    ...message.fields.map((field) => `    ${descriptor(field, className)},`),
    '  ];',
    '',
    ...indent(contexts.flatMap(declaration)),
    ...(contexts.length > 0 ? ['', ...indent(constructorLines(name, contexts)), ''] : []),
    ...indent(codecLines(message, contexts)),
    '}',
    ...contexts
      .filter(({ field }) => field.cardinality === 'map')
      .flatMap((context) => ['', ...entryReaderFunction(context)]),
  ];
}

/** An enum is an object of numbers; fields have the type number, because later versions may know more values. */
export function emitEnum(model: EnumModel): string[] {
  return [
    ...docComment(model.comment ?? `Values of the enum ${model.className}.`),
    `export const ${model.className} = {`,
    ...Object.entries(model.values).map(([name, value]) => `  ${name}: ${value},`),
    '} as const;',
  ];
}

function descriptor(field: FieldModel, className: ClassNames): string {
  const parts = [
    `number: ${field.number}`,
    `name: '${field.name}'`,
    `jsonName: '${field.jsonName}'`,
    `kind: '${field.kind}'`,
    `cardinality: '${field.cardinality}'`,
    `presence: ${field.presence}`,
  ];
  if (field.keyKind !== undefined) parts.push(`keyKind: '${field.keyKind}'`);
  if (field.type !== undefined)
    parts.push(`${field.kind === 'enum' ? 'values' : 'type'}: () => ${className(field.type)}`);
  if (field.oneof !== undefined) parts.push(`oneof: '${field.oneof}'`);
  return `{ ${parts.join(', ')} }`;
}

function declaration(context: FieldContext): string[] {
  const { field } = context;
  return [
    ...(field.comment === undefined ? [] : docComment(field.comment)),
    `declare ${field.jsonName}: ${propertyType(context)};`,
  ];
}

function constructorLines(name: string, contexts: readonly FieldContext[]): string[] {
  const assign = (value: (context: FieldContext) => string) =>
    contexts.map((context) => `    this.${context.field.jsonName} = ${value(context)};`);
  return [
    `constructor(init?: ${name}Init) {`,
    '  if (init === undefined) {',
    ...assign(defaultValue),
    '  } else {',
    ...assign(initialValue),
    '  }',
    '}',
  ];
}

function codecLines(message: MessageModel, contexts: readonly FieldContext[]): string[] {
  const name = message.className;
  const empty = contexts.length === 0;
  const others = message.fields;
  const nested = message.fields.some((field) => field.kind === 'message');
  return [
    `static encode(event: ${name}Init, target: Buffer, position: number, limit: number): number {`,
    `  wire.checkMessage(event, 0, '${message.fullName}');`,
    `  const end = ${name}.write(event, target, position, limit, 0);`,
    `  if (end === position && !(event instanceof ${name})) wire.checkEmpty(event, ${name});`,
    '  return end;',
    '}',
    '',
    `static decode(source: Buffer, start: number, end: number): ${name} {`,
    '  try {',
    `    return ${name}.read(source, start, end, 0, new ${name}());`,
    '  } catch (error) {',
    `    throw wire.malformed('${message.fullName}', error);`,
    '  }',
    '}',
    '',
    '/** For generated code: encode inside another message. */',
    ...(empty
      ? [
          `static write(_event: ${name}Init, _target: Buffer, position: number, _limit: number, _depth: number): number {`,
          '  return position;',
          '}',
        ]
      : [
          `static write(event: ${name}Init, target: Buffer, position: number, limit: number, ${nested ? 'depth' : '_depth'}: number): number {`,
          '  let p = position;',
          ...indent(contexts.flatMap((context) => writeStatements(context, others))),
          '  return p;',
          '}',
        ]),
    '',
    '/** For generated code: decode inside another message, into `message`. */',
    `static read(source: Buffer, start: number, end: number, depth: number, message: ${name}): ${name} {`,
    '  wire.enterMessage(depth, start);',
    ...indent(readLoop(contexts.flatMap((context) => readCases(context, others)))),
    '  return message;',
    '}',
  ];
}

function docComment(text: string): string[] {
  const lines = text.replaceAll('*/', '*∕').split('\n');
  return lines.length === 1 ? [`/** ${lines[0]} */`] : ['/**', ...lines.map((line) => ` * ${line}`.trimEnd()), ' */'];
}
