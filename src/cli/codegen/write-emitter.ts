/** The statements that write one field. */

import type { ScalarKind } from '../../envelope/event-codec.js';
import {
  className,
  DELIMITED,
  END_GROUP,
  errorName,
  type FieldContext,
  primitive,
  START_GROUP,
  unsetValue,
  WIDE,
  wireType,
} from './field-types.js';
import { quoted } from './names.js';
import { indent, typed } from './source-lines.js';

/** The statements that write the field; `target`, `p`, `limit`, `depth`, `event` and what its oneof has so far are in scope. */
export function writeStatements(context: FieldContext): string[] {
  const { field } = context;
  const value = `v${field.number}`;
  const head = `const ${value} = event.${field.property};`;
  const present = `if (${value} !== undefined && ${value} !== null`;
  if (field.cardinality === 'map') {
    return [
      head,
      `${present}) {`,
      `  wire.checkMap(${value}, ${errorName(context)});`,
      `  for (const key in ${value}) {`,
      // Not `Object.hasOwn`: V8 knows in a `for in` what this one returns, and calls nothing.
      `    if (!Object.prototype.hasOwnProperty.call(${value}, key)) continue;`,
      ...indent(indent(mapEntry(context, `${value}[key]`))),
      '  }',
      '}',
    ];
  }
  if (field.cardinality === 'repeated') {
    return [
      head,
      `${present}) {`,
      `  wire.checkList(${value}, ${errorName(context)});`,
      ...indent(listBody(context, value)),
      '}',
    ];
  }
  return [
    head,
    ...(field.required
      ? [`if (${value} === undefined || ${value} === null) return wire.rejectMissing(${errorName(context)});`, '{']
      : [`${present}${field.presence ? '' : differsFromDefault(context, value)}) {`]),
    ...(field.oneof === undefined ? [] : indent(onlyOne(context))),
    ...indent(taggedValue(context, field.number, value, 1)),
    '}',
  ];
}

/** The variable that says which member of a oneof was met: two `$`, as imported types may begin with one. */
export function oneofVariable(oneof: string): string {
  return `$$${oneof}`;
}

function onlyOne({ field, owner }: FieldContext): string[] {
  const seen = oneofVariable(field.oneof!);
  const property = quoted(field.property);
  return [`if (${seen} !== '') wire.rejectBoth(${quoted(owner)}, ${seen}, ${property});`, `${seen} = ${property};`];
}

function differsFromDefault(context: FieldContext, value: string): string {
  const { kind } = context.field;
  if (kind === 'bytes') return ` && (${value}.length !== 0 || wire.hasBytes(${value}, ${errorName(context)}))`;
  if (kind === 'double' || kind === 'float') return ` && !Object.is(${value}, 0)`;
  if (WIDE.has(kind)) return ` && ${value} !== 0 && ${value} !== 0n`;
  return ` && ${value} !== ${unsetValue(context)}`;
}

function listBody(context: FieldContext, list: string): string[] {
  const { field } = context;
  const each = `for (let i = 0; i < ${list}.length; i++) {`;
  if (!field.packed) {
    return [
      each,
      `  const value = ${list}[i]${typed('!')};`,
      ...indent(taggedValue(context, field.number, 'value', 1)),
      '}',
    ];
  }
  return [
    `if (${list}.length > 0) {`,
    ...indent(open(field.number)),
    '  const start = p;',
    `  ${each}`,
    `    if ((p = wire.write${primitive(field.kind)}(target, p, limit, ${list}[i], ${errorName(context)})) < 0) return -1;`,
    '  }',
    '  if ((p = wire.closeDelimited(target, start, p, limit)) < 0) return -1;',
    '}',
  ];
}

function mapEntry(context: FieldContext, value: string): string[] {
  const { field } = context;
  const keyKind = field.keyKind!;
  const name = errorName(context);
  return [
    ...open(field.number),
    'const entry = p;',
    ...writeTag(1, wireType(keyKind)),
    `if ((p = wire.write${primitive(keyKind)}(target, p, limit, ${keyFromString(keyKind, name)}, ${name})) < 0) return -1;`,
    `const value = ${value}${typed('!')};`,
    // The entry is a message, too.
    ...taggedValue(context, 2, 'value', 2),
    'if ((p = wire.closeDelimited(target, entry, p, limit)) < 0) return -1;',
  ];
}

function keyFromString(kind: ScalarKind, name: string): string {
  if (kind === 'string') return 'key';
  if (kind === 'bool') return `wire.boolOfKey(key, ${name})`;
  return WIDE.has(kind) ? `wire.bigintOfKey(key, ${name})` : 'wire.numberOfKey(key)';
}

/** @param deeper  how much deeper than the message a message in it is */
function taggedValue(context: FieldContext, number: number, value: string, deeper: number): string[] {
  const { kind, delimited } = context.field;
  if (kind !== 'message') {
    return [
      ...writeTag(number, wireType(kind)),
      `if ((p = wire.write${primitive(kind)}(target, p, limit, ${value}, ${errorName(context)})) < 0) return -1;`,
    ];
  }
  const Class = className(context);
  return [
    `wire.checkMessage(${value}, depth + ${deeper}, ${errorName(context)});`,
    ...(delimited ? writeTag(number, START_GROUP) : open(number)),
    `const content${number} = p;`,
    `if ((p = ${Class}.write(${value}, target, p, limit, depth + ${deeper})) < 0) return -1;`,
    `if (p === content${number} && !(${value} instanceof ${Class})) wire.checkEmpty(${value}, ${Class}, ${errorName(context)});`,
    ...(delimited
      ? writeTag(number, END_GROUP)
      : [`if ((p = wire.closeDelimited(target, content${number}, p, limit)) < 0) return -1;`]),
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
  return [...writeTag(number, DELIMITED), 'if (++p > limit) return -1;'];
}
