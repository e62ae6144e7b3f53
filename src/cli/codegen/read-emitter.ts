/** The statements that read one field. */

import {
  className,
  DELIMITED,
  type FieldContext,
  primitive,
  propertyType,
  START_GROUP,
  unsetValue,
  valueType,
  wireType,
} from './field-types.js';
import type { FieldModel } from './proto-model.js';
import { indent, typed } from './source-lines.js';

/** A oneof with more members is cleared by a function of its own. */
const CLEARED_IN_PLACE = 8;

const SKIP = 'wire.cursor.position = wire.keepUnknown(message, source, p, end, tag, depth);';

/** The cases of the reading switch; `source`, `p`, `end`, `tag`, `depth` and `message` are in scope. */
export function readCases(context: FieldContext, oneof: readonly FieldContext[]): string[] {
  const { field } = context;
  if (field.cardinality === 'map') return mapCase(context);
  if (field.cardinality === 'repeated') return listCases(context);
  const property = `message.${field.property}`;
  const rivals = oneof.filter((other) => other !== context);
  const clear =
    rivals.length > CLEARED_IN_PLACE
      ? [`${clearName(context)}(message);`]
      : rivals.map((other) => `message.${other.field.property} = undefined;`);
  if (field.kind === 'message') {
    return readMessageCase(context, `${property} ?? `, (read) =>
      rivals.length > CLEARED_IN_PLACE
        ? [`const value = ${read};`, ...clear, `${property} = value;`]
        : [`${property} = ${read};`, ...clear],
    );
  }
  const type = wireType(field.kind);
  if (!field.closed) {
    const read = readScalar(context, 'p', 'end');
    return readCase(
      field.number,
      type,
      rivals.length > CLEARED_IN_PLACE ? [...clear, `${property} = ${read};`] : [`${property} = ${read};`, ...clear],
    );
  }
  return readCase(field.number, type, [
    'const value = wire.readInt32(source, p, end);',
    `if (wire.isNamed(${className(context)}, value)) {`,
    ...indent([...clear, `${property} = value;`]),
    `} else ${SKIP}`,
  ]);
}

function clearName({ field, owner }: FieldContext): string {
  return `clear$${owner}$${field.oneof}`;
}

/** The function that clears the oneof, where reading its members calls one. */
export function clearFunction(oneof: readonly FieldContext[]): string[] {
  if (oneof.length <= CLEARED_IN_PLACE + 1) return [];
  return [
    '',
    `function ${clearName(oneof[0]!)}(message${typed(`: ${oneof[0]!.owner}`)})${typed(': void')} {`,
    ...oneof.map(({ field }) => `  message.${field.property} = undefined;`),
    '}',
  ];
}

function mapCase(context: FieldContext): string[] {
  const { field } = context;
  const reader = isText(field) ? 'wire.readTextEntry' : entryReader(context);
  const call = `${reader}(source, wire.cursor.position, fieldEnd, depth + 1, message.${field.property})`;
  return readCase(field.number, DELIMITED, [
    'const fieldEnd = wire.readEnd(source, p, end);',
    // An entry whose value the enum does not name is unknown as a whole.
    ...(field.closed ? [`if (!${call}) wire.keepUnknown(message, source, p, end, tag, depth);`] : [`${call};`]),
    'wire.cursor.position = fieldEnd;',
  ]);
}

function listCases(context: FieldContext): string[] {
  const { field } = context;
  const property = `message.${field.property}`;
  if (field.kind === 'message') return readMessageCase(context, '', (read) => [`${property}.push(${read});`]);
  const type = wireType(field.kind);
  const push = (position: string, end: string, unnamed: string): string[] => {
    if (!field.closed) return [`${property}.push(${readScalar(context, position, end)});`];
    return [
      `const value = wire.readInt32(source, ${position}, ${end});`,
      `if (wire.isNamed(${className(context)}, value)) ${property}.push(value);`,
      `else ${unnamed}`,
    ];
  };
  const one = readCase(field.number, type, push('p', 'end', SKIP));
  if (type === DELIMITED) return one;
  return [
    ...one,
    ...readCase(field.number, DELIMITED, [
      'const fieldEnd = wire.readEnd(source, p, end);',
      'while (wire.cursor.position < fieldEnd) {',
      ...indent(push('wire.cursor.position', 'fieldEnd', `wire.keepVarint(message, ${field.number * 8}, value);`)),
      '}',
    ]),
  ];
}

function readCase(number: number, type: number, statements: readonly string[]): string[] {
  return [`case ${number * 8 + type}: {`, ...indent([...statements, 'break;']), '}'];
}

function readScalar({ field, plainSeconds }: FieldContext, position: string, end: string): string {
  if (field.kind === 'string' && field.unchecked) return `wire.readLooseString(source, ${position}, ${end})`;
  return `wire.read${plainSeconds ? 'Seconds' : primitive(field.kind)}(source, ${position}, ${end})`;
}

function readMessageCase(context: FieldContext, existing: string, use: (read: string) => readonly string[]): string[] {
  const { field } = context;
  const Class = className(context);
  if (field.delimited) {
    return readCase(field.number, START_GROUP, [
      'const fieldEnd = wire.groupEnd(source, p, end, tag, depth);',
      'const next = wire.cursor.position;',
      ...use(`${Class}.read(source, p, fieldEnd, depth + 1, ${existing}new ${Class}())`),
      'wire.cursor.position = next;',
    ]);
  }
  return readCase(field.number, DELIMITED, [
    'const fieldEnd = wire.readEnd(source, p, end);',
    ...use(`${Class}.read(source, wire.cursor.position, fieldEnd, depth + 1, ${existing}new ${Class}())`),
    'wire.cursor.position = fieldEnd;',
  ]);
}

function entryReader({ field, owner }: FieldContext): string {
  return `entry$${owner}$${field.number}`;
}

/** Whether the field is a map from strings to strings, both valid UTF-8; all of these share one reader. */
function isText({ keyKind, kind, unchecked }: FieldModel): boolean {
  return keyKind === 'string' && kind === 'string' && unchecked !== true;
}

/** The function that reads one entry of a map field, where the field has one of its own. */
export function entryReaderFunction(context: FieldContext): string[] {
  const { field } = context;
  if (isText(field)) return [];
  const keyKind = field.keyKind!;
  const single: FieldContext = { ...context, field: { ...field, cardinality: 'singular', presence: false } };
  const isMessage = field.kind === 'message';
  const hasTextKey = keyKind === 'string';
  const key = hasTextKey
    ? `wire.${field.unchecked ? 'readLooseString' : 'readKey'}(source, p, end)`
    : `\`\${wire.read${primitive(keyKind)}(source, p, end)}\``;
  const keyDefault = hasTextKey ? "''" : keyKind === 'bool' ? "'false'" : "'0'";
  const valueRead = isMessage
    ? [
        'const fieldEnd = wire.readEnd(source, p, end);',
        `value = ${valueType(context)}.read(source, wire.cursor.position, fieldEnd, depth + 1, value);`,
        'wire.cursor.position = fieldEnd;',
      ]
    : [`value = ${readScalar(context, 'p', 'end')};`];
  const parameters = [
    'source: Buffer',
    'start: number',
    'end: number',
    'depth: number',
    `map: ${propertyType(context)}`,
  ];
  return [
    `function ${entryReader(context)}(${parameters.map((one) => one.replace(/:.*/, typed)).join(', ')})${typed(`: ${field.closed ? 'boolean' : 'void'}`)} {`,
    ...(isMessage ? ['  wire.enterMessage(depth, start);'] : []),
    `  let key = ${keyDefault};`,
    `  let value${typed(`: ${valueType(context)}`)} = ${isMessage ? `new ${valueType(context)}()` : unsetValue(single)};`,
    ...indent(
      readLoop(
        [...readCase(1, wireType(keyKind), [`key = ${key};`]), ...readCase(2, wireType(field.kind), valueRead)],
        'wire.cursor.position = wire.skipField(source, p, end, tag, depth);',
      ),
    ),
    ...(field.closed ? [`  if (!wire.isNamed(${className(context)}, value)) return false;`] : []),
    '  wire.setEntry(map, key, value);',
    ...(field.closed ? ['  return true;'] : []),
    '}',
  ];
}

/** The loop over the fields of [start, end). */
export function readLoop(cases: readonly string[], otherwise: string = SKIP): string[] {
  return [
    'let p = start;',
    'while (p < end) {',
    `  let tag = source[p]${typed('!')};`,
    '  if (tag < 128) p++;',
    '  else {',
    '    tag = wire.readTag(source, p, end);',
    '    p = wire.cursor.position;',
    '  }',
    ...indent(readSwitch(cases, otherwise)),
    '  p = wire.cursor.position;',
    '}',
  ];
}

/** Reads the field behind `tag`, which starts at `p`. */
export function readSwitch(cases: readonly string[], otherwise: string = SKIP): string[] {
  return ['switch (tag) {', ...indent(cases), '  default:', `    ${otherwise}`, '}'];
}
