/** The code of what a message's class does: its methods write, read and check. */
import { className, type FieldContext } from './field-types.js';
import { quoted } from './names.js';
import type { FieldModel } from './proto-model.js';
import { readCases, readLoop, readSwitch } from './read-emitter.js';
import { indent, typed } from './source-lines.js';
import { oneofVariable, writeStatements } from './write-emitter.js';

/** A function for more fields is more than TypeScript follows through, and more than V8 optimizes. */
const FIELDS_PER_FUNCTION = 250;

type Oneofs = ReadonlyMap<string, readonly FieldContext[]>;

export function chunked(contexts: readonly FieldContext[]): (readonly FieldContext[])[] {
  const count = Math.max(1, Math.ceil(contexts.length / FIELDS_PER_FUNCTION));
  return Array.from({ length: count }, (_, index) =>
    contexts.slice(index * FIELDS_PER_FUNCTION, (index + 1) * FIELDS_PER_FUNCTION),
  );
}

const WRITE_PARAMETERS = ['target: Buffer', 'position: number', 'limit: number', 'depth: number'];

function parametersOf(all: readonly string[]): string {
  return all.map((one) => one.replace(/:.*/, typed)).join(', ');
}

export function writeLines(name: string, contexts: readonly FieldContext[], oneofs: Oneofs): string[] {
  const chunks = chunked(contexts);
  const nested = contexts.some(({ field }) => field.kind === 'message');
  const parameters = parametersOf([
    `event: ${name}Init`,
    ...WRITE_PARAMETERS.map((one) => (one.startsWith('depth') && !nested ? `_${one}` : one)),
  ]);
  const writer = (method: string, body: readonly string[]) => [
    `static ${method}(${parameters})${typed(': number')} {`,
    ...indent(body),
    '}',
  ];
  const fields = (part: readonly FieldContext[], seen: readonly string[]) => [
    ...seen.map((oneof) => `let ${oneofVariable(oneof)} = '';`),
    ...part.flatMap(writeStatements),
  ];
  const last = [
    `const unknown = ${typed('(')}event${typed(' as wire.Keeper)')}[wire.UNKNOWN];`,
    'return unknown === undefined ? p : wire.writeUnknown(unknown, target, p, limit);',
  ];
  const doc = '/** For generated code: encode inside another message. */';
  if (chunks.length === 1) {
    const start = contexts.length === 0 ? 'const p = position;' : 'let p = position;';
    return [doc, ...writer('write', [start, ...fields(contexts, [...oneofs.keys()]), ...last])];
  }
  return [
    doc,
    ...writer('write', [
      // Its members may be in several parts.
      ...[...oneofs.values()].map(
        (members) =>
          `wire.checkOneof(event, ${quoted(name)}, [${members.map(({ field }) => quoted(field.property)).join(', ')}]);`,
      ),
      'let p = position;',
      ...chunks.map(
        (_, index) =>
          `if ((p = ${name}.write${index}(event, target, p, limit, ${nested ? 'depth' : '_depth'})) < 0) return -1;`,
      ),
      ...last,
    ]),
    ...chunks.flatMap((part, index) => [
      '',
      ...writer(`write${index}`, [
        'let p = position;',
        ...part.map(({ field, ...rest }) => ({ ...rest, field: withoutOneof(field) })).flatMap(writeStatements),
        'return p;',
      ]),
    ]),
  ];
}

function withoutOneof({ oneof: _, ...field }: FieldModel): FieldModel {
  return field;
}

export function readLines(name: string, contexts: readonly FieldContext[], oneofs: Oneofs): string[] {
  const cases = (part: readonly FieldContext[]) =>
    part.flatMap((context) => readCases(context, oneofs.get(context.field.oneof!) ?? []));
  const common = ['source: Buffer', 'start: number', 'end: number'];
  const chunks = chunked(contexts);
  const [first = [], ...others] = chunks;
  const more = (index: number) =>
    index <= others.length ? [`${name}.read${index}(source, p, end, tag, depth, message);`] : undefined;
  return [
    '/** For generated code: decode inside another message, into `message`. */',
    `static read(${parametersOf([...common, 'depth: number', `message: ${name}`])})${typed(`: ${name}`)} {`,
    '  wire.enterMessage(depth, start);',
    ...indent(readLoop(cases(first), more(1)?.[0])),
    '  return message;',
    '}',
    ...others.flatMap((part, index) => [
      '',
      `static read${index + 1}(${parametersOf(['source: Buffer', 'p: number', 'end: number', 'tag: number', 'depth: number', `message: ${name}`])})${typed(': void')} {`,
      ...indent(readSwitch(cases(part), more(index + 2)?.[0])),
      '}',
    ]),
  ];
}

/** Throws where a required field is missing, here or below. */
export function checkLines(name: string, contexts: readonly FieldContext[]): string[] {
  return [
    '/** For generated code: looks for required fields that are missing. */',
    `static check(message${typed(`: ${name}`)}, end${typed(': number')})${typed(`: ${name}`)} {`,
    ...indent(contexts.flatMap((context) => checkField(context))),
    '  return message;',
    '}',
  ];
}

function checkField(context: FieldContext): string[] {
  const { field } = context;
  const value = `message.${field.property}`;
  const missing = field.required ? [`if (${value} === undefined) wire.missing(${quoted(field.name)}, end);`] : [];
  if (!field.checked) return missing;
  const Class = className(context);
  if (field.cardinality === 'singular') return [...missing, `wire.checkInside(${Class}, ${value}, end);`];
  return [`wire.checkAllInside(${Class}, ${value}, end);`];
}
