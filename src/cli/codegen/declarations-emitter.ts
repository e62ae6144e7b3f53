/** The declarations (`.d.ts`) of a module that is written in JavaScript. */

import { propertyType, type TypeNames } from './field-types.js';
import { emitInit, fieldContexts, propertyComment } from './message-emitter.js';
import { literalKey, quoted } from './names.js';
import type { EnumModel, MessageModel } from './proto-model.js';
import { docComment, indent } from './source-lines.js';

export function declareMessage(message: MessageModel, types: TypeNames): string[] {
  const name = message.className;
  const contexts = fieldContexts(message, types);
  return [
    ...emitInit(message, contexts),
    '',
    ...docComment(message.comment ?? `The message ${message.fullName}.`),
    `export declare class ${name} {`,
    ...indent([
      `static readonly typeUrl = ${quoted(message.fullName)};`,
      'static readonly fields: readonly wire.FieldDescriptor[];',
      ...contexts.flatMap((context) => [
        ...propertyComment(context.field),
        `${context.field.property}: ${propertyType(context)};`,
      ]),
      ...(contexts.length > 0 ? [`constructor(init?: ${name}Init);`] : []),
      `static encode(event: ${name}Init, target: Buffer, position: number, limit: number): number;`,
      `static decode(source: Buffer, start: number, end: number): ${name};`,
      '/** For generated code: encode inside another message. */',
      `static write(event: ${name}Init, target: Buffer, position: number, limit: number, depth: number): number;`,
      '/** For generated code: decode inside another message, into `message`. */',
      `static read(source: Buffer, start: number, end: number, depth: number, message: ${name}): ${name};`,
      ...(message.checked
        ? [
            '/** For generated code: looks for required fields that are missing. */',
            `static check(message: ${name}, end: number): ${name};`,
          ]
        : []),
    ]),
    '}',
  ];
}

export function declareEnum(model: EnumModel): string[] {
  return [
    ...docComment(model.comment ?? `Values of the enum ${model.fullName}.`),
    `export declare const ${model.className}: {`,
    ...model.values.map(({ name, number }) => `  readonly ${literalKey(name)}: ${number};`),
    '};',
  ];
}
