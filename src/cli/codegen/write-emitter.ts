/** The statements that write one field. */

import type { ScalarKind } from '../../envelope/event-codec.js';
import { defaultValue, type FieldContext, indent, primitive, valueType, WIDE, wireType } from './field-types.js';
import type { FieldModel } from './proto-model.js';

/** The statements that write the field; `target`, `p`, `limit`, `depth` and `event` are in scope. */
export function writeStatements(context: FieldContext, others: readonly FieldModel[]): string[] {
  const { field, owner } = context;
  const value = `v${field.number}`;
  const name = `'${owner}.${field.jsonName}'`;
  const head = `const ${value} = event.${field.jsonName};`;
  const present = `if (${value} !== undefined && ${value} !== null`;
  if (field.cardinality === 'map') {
    return [
      head,
      `${present}) {`,
      `  wire.checkMap(${value}, ${name});`,
      `  for (const key in ${value}) {`,
      `    if (!Object.hasOwn(${value}, key)) continue;`,
      ...indent(indent(mapEntry(context, `${value}[key]`, name))),
      '  }',
      '}',
    ];
  }
  if (field.cardinality === 'repeated') {
    return [
      head,
      `${present}) {`,
      `  wire.checkList(${value}, ${name});`,
      ...indent(listBody(context, value, name)),
      '}',
    ];
  }
  const conflicts = others
    .filter((other) => field.oneof !== undefined && other.oneof === field.oneof && other.number < field.number)
    .map(
      (other) =>
        `  if (v${other.number} !== undefined && v${other.number} !== null) wire.rejectBoth('${owner}', '${other.jsonName}', '${field.jsonName}');`,
    );
  return [
    head,
    `${present}${field.presence ? '' : differsFromDefault(context, value)}) {`,
    ...conflicts,
    ...indent(taggedValue(context, field.number, value, name)),
    '}',
  ];
}

function differsFromDefault(context: FieldContext, value: string): string {
  const { kind } = context.field;
  if (kind === 'bytes') return ` && ${value}.length !== 0`;
  if (kind === 'double' || kind === 'float') return ` && !Object.is(${value}, 0)`;
  if (WIDE.has(kind)) return ` && ${value} !== 0 && ${value} !== 0n`;
  return ` && ${value} !== ${defaultValue(context)}`;
}

function listBody(context: FieldContext, list: string, name: string): string[] {
  const { field } = context;
  if (!field.packed) {
    return [
      `for (let i = 0; i < ${list}.length; i++) {`,
      `  const value = ${list}[i]!;`,
      ...indent(taggedValue(context, field.number, 'value', name)),
      '}',
    ];
  }
  return [
    `if (${list}.length > 0) {`,
    ...indent(open(field.number)),
    '  const start = p;',
    `  for (let i = 0; i < ${list}.length; i++) {`,
    `    if ((p = wire.write${primitive(field.kind)}(target, p, limit, ${list}[i], ${name})) < 0) return -1;`,
    '  }',
    '  if ((p = wire.closeDelimited(target, start, p, limit)) < 0) return -1;',
    '}',
  ];
}

function mapEntry(context: FieldContext, value: string, name: string): string[] {
  const { field } = context;
  const keyKind = field.keyKind!;
  return [
    ...open(field.number),
    'const entry = p;',
    ...writeTag(1, wireType(keyKind)),
    `if ((p = wire.write${primitive(keyKind)}(target, p, limit, ${keyFromString(keyKind, name)}, ${name})) < 0) return -1;`,
    `const value = ${value}!;`,
    ...taggedValue(context, 2, 'value', name),
    'if ((p = wire.closeDelimited(target, entry, p, limit)) < 0) return -1;',
  ];
}

function keyFromString(kind: ScalarKind, name: string): string {
  if (kind === 'string') return 'key';
  if (kind === 'bool') return `wire.boolOfKey(key, ${name})`;
  return WIDE.has(kind) ? `wire.bigintOfKey(key, ${name})` : 'wire.numberOfKey(key)';
}

function taggedValue(context: FieldContext, number: number, value: string, name: string): string[] {
  const { kind } = context.field;
  if (kind !== 'message') {
    return [
      ...writeTag(number, wireType(kind)),
      `if ((p = wire.write${primitive(kind)}(target, p, limit, ${value}, ${name})) < 0) return -1;`,
    ];
  }
  const Class = valueType(context);
  return [
    `wire.checkMessage(${value}, depth + 1, ${name});`,
    ...open(number),
    `const content${number} = p;`,
    `if ((p = ${Class}.write(${value}, target, p, limit, depth + 1)) < 0) return -1;`,
    `if (p === content${number} && !(${value} instanceof ${Class})) wire.checkEmpty(${value}, ${Class});`,
    `if ((p = wire.closeDelimited(target, content${number}, p, limit)) < 0) return -1;`,
  ];
}

function writeTag(number: number, type: number): string[] {
  const tag = number * 8 + type;
  return tag < 128
    ? ['if (p >= limit) return -1;', `target[p++] = ${tag};`]
    : [`if ((p = wire.writeVarint(target, p, limit, ${tag})) < 0) return -1;`];
}

/** Writes the tag and keeps one byte for the length. */
function open(number: number): string[] {
  return [...writeTag(number, 2), 'if (++p > limit) return -1;'];
}
