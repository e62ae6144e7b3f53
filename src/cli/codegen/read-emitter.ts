/** The statements that read one field. */

import {
  defaultValue,
  type FieldContext,
  indent,
  primitive,
  propertyType,
  valueType,
  wireType,
} from './field-types.js';
import type { FieldModel } from './proto-model.js';

/** The cases of the reading switch; `source`, `p`, `end`, `depth` and `message` are in scope. */
export function readCases(context: FieldContext, others: readonly FieldModel[]): string[] {
  const { field } = context;
  const property = `message.${field.jsonName}`;
  const type = wireType(field.kind);
  if (field.cardinality === 'map') {
    return readCase(field.number, 2, [
      'const fieldEnd = wire.readEnd(source, p, end);',
      `${entryReader(context)}(source, wire.cursor.position, fieldEnd, depth, ${property});`,
      'wire.cursor.position = fieldEnd;',
    ]);
  }
  if (field.cardinality === 'repeated') {
    if (field.kind === 'message')
      return readCase(
        field.number,
        2,
        readMessage(context, 'p', '', (read) => `${property}.push(${read});`),
      );
    const one = readCase(field.number, type, [`${property}.push(${readScalar(context, 'p', 'end')});`]);
    if (type === 2) return one;
    return [
      ...one,
      ...readCase(field.number, 2, [
        'const fieldEnd = wire.readEnd(source, p, end);',
        'while (wire.cursor.position < fieldEnd) {',
        `  ${property}.push(${readScalar(context, 'wire.cursor.position', 'fieldEnd')});`,
        '}',
      ]),
    ];
  }
  const clear = others
    .filter((other) => field.oneof !== undefined && other.oneof === field.oneof && other !== field)
    .map((other) => `message.${other.jsonName} = undefined;`);
  const statements =
    field.kind === 'message'
      ? readMessage(context, 'p', `${property} ?? `, (read) => `${property} = ${read};`)
      : [`${property} = ${readScalar(context, 'p', 'end')};`];
  return readCase(field.number, type, [...statements, ...clear]);
}

function readCase(number: number, type: number, statements: readonly string[]): string[] {
  return [`case ${number * 8 + type}: {`, ...indent([...statements, 'break;']), '}'];
}

function readScalar({ field, plainSeconds }: FieldContext, position: string, end: string): string {
  return `wire.read${primitive(field.kind)}${plainSeconds ? 'AsNumber' : ''}(source, ${position}, ${end})`;
}

function readMessage(
  context: FieldContext,
  position: string,
  existing: string,
  use: (read: string) => string,
): string[] {
  const Class = valueType(context);
  return [
    `const fieldEnd = wire.readEnd(source, ${position}, end);`,
    use(`${Class}.read(source, wire.cursor.position, fieldEnd, depth + 1, ${existing}new ${Class}())`),
    'wire.cursor.position = fieldEnd;',
  ];
}

function entryReader({ field, owner }: FieldContext): string {
  return `read${owner}${field.jsonName.charAt(0).toUpperCase()}${field.jsonName.slice(1)}Entry`;
}

/** The function that reads one entry of a map field. */
export function entryReaderFunction(context: FieldContext): string[] {
  const { field } = context;
  const keyKind = field.keyKind!;
  const single: FieldContext = { ...context, field: { ...field, cardinality: 'singular', presence: false } };
  const wasMessage = field.kind === 'message';
  const key = `wire.read${keyKind === 'string' ? 'Key' : primitive(keyKind)}(source, p, end)`;
  const keyDefault = keyKind === 'string' ? "''" : keyKind === 'bool' ? "'false'" : "'0'";
  return [
    `function ${entryReader(context)}(`,
    `  source: Buffer, start: number, end: number, depth: number, map: ${propertyType(context)},`,
    '): void {',
    `  let key = ${keyDefault};`,
    `  let value: ${valueType(context)} = ${wasMessage ? `new ${valueType(context)}()` : defaultValue(single)};`,
    ...indent(
      readLoop([
        ...readCase(1, wireType(keyKind), [`key = ${keyKind === 'string' ? key : `String(${key})`};`]),
        ...readCase(
          2,
          wireType(field.kind),
          wasMessage
            ? [
                'const fieldEnd = wire.readEnd(source, p, end);',
                `value = ${valueType(context)}.read(source, wire.cursor.position, fieldEnd, depth + 1, value);`,
                'wire.cursor.position = fieldEnd;',
              ]
            : [`value = ${readScalar(context, 'p', 'end')};`],
        ),
      ]),
    ),
    '  wire.setEntry(map, key, value);',
    '}',
  ];
}

/** The loop over the fields of [start, end). */
export function readLoop(cases: readonly string[]): string[] {
  return [
    'let p = start;',
    'while (p < end) {',
    '  let tag = source[p]!;',
    '  if (tag < 128) p++;',
    '  else {',
    '    tag = wire.readTag(source, p, end);',
    '    p = wire.cursor.position;',
    '  }',
    '  switch (tag) {',
    ...indent(indent(cases)),
    '    default:',
    '      wire.cursor.position = wire.skipField(source, p, end, tag, depth);',
    '  }',
    '  p = wire.cursor.position;',
    '}',
  ];
}
