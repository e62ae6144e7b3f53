/** The TypeScript of one field: its types, its default, and how its kind is called on the wire. */

import type { FieldModel } from './proto-model.js';

type Kind = FieldModel['kind'];

const NUMBERS: ReadonlySet<Kind> = new Set<Kind>([
  'double',
  'enum',
  'fixed32',
  'float',
  'int32',
  'sfixed32',
  'sint32',
  'uint32',
]);
/** The kinds of 64-bit integers. */
export const WIDE: ReadonlySet<Kind> = new Set<Kind>(['fixed64', 'int64', 'sfixed64', 'sint64', 'uint64']);

/** How a message type is called in the file that is written. */
export type ClassNames = (fullName: string) => string;

/** Everything about one field of one message. */
export interface FieldContext {
  readonly field: FieldModel;
  /** The message, for error texts: `TaskExit`. */
  readonly owner: string;
  readonly className: ClassNames;
  /** True for the seconds of the well-known types: numbers, because no date needs more than 2^53 of them. */
  readonly plainSeconds: boolean;
}

const WIRE_TYPES: Partial<Record<Kind, number>> = {
  bytes: 2,
  double: 1,
  fixed32: 5,
  fixed64: 1,
  float: 5,
  message: 2,
  sfixed32: 5,
  sfixed64: 1,
  string: 2,
};

/** How a value of this kind is framed on the wire. */
export function wireType(kind: Kind): number {
  return WIRE_TYPES[kind] ?? 0;
}

/** The end of the name of the functions that write and read this kind. */
export function primitive(kind: Kind): string {
  return kind === 'enum' ? 'Int32' : kind.charAt(0).toUpperCase() + kind.slice(1);
}

function isWide({ field, plainSeconds }: FieldContext): boolean {
  return WIDE.has(field.kind) && !plainSeconds;
}

/** The type of one value. */
export function valueType(context: FieldContext): string {
  const { kind } = context.field;
  if (kind === 'message') return context.className(context.field.type!);
  if (kind === 'bytes') return 'Uint8Array';
  if (kind === 'bool') return 'boolean';
  if (isWide(context)) return 'bigint';
  return NUMBERS.has(kind) || WIDE.has(kind) ? 'number' : 'string';
}

function initValueType(context: FieldContext): string {
  if (context.field.kind === 'message') return `${valueType(context)}Init`;
  return WIDE.has(context.field.kind) ? 'bigint | number' : valueType(context);
}

/** The type of the property. */
export function propertyType(context: FieldContext): string {
  const value = valueType(context);
  if (context.field.cardinality === 'repeated') return `${value}[]`;
  if (context.field.cardinality === 'map') return `Record<string, ${value}>`;
  return context.field.presence ? `${value} | undefined` : value;
}

/** The type of what the constructor takes for it. */
export function initType(context: FieldContext): string {
  const value = initValueType(context);
  if (context.field.cardinality === 'repeated') return `readonly ${value.includes(' ') ? `(${value})` : value}[]`;
  return context.field.cardinality === 'map' ? `Readonly<Record<string, ${value}>>` : value;
}

/** What the property is where nothing was given. */
export function defaultValue(context: FieldContext): string {
  const { field } = context;
  if (field.cardinality === 'repeated') return '[]';
  if (field.cardinality === 'map') return '{}';
  if (field.presence) return 'undefined';
  if (field.kind === 'string') return "''";
  if (field.kind === 'bytes') return 'wire.EMPTY_BYTES';
  if (field.kind === 'bool') return 'false';
  return isWide(context) ? '0n' : '0';
}

/** The property from what the constructor was given. */
export function initialValue(context: FieldContext): string {
  const { field, owner } = context;
  const given = `init.${field.jsonName}`;
  const name = `'${owner}.${field.jsonName}'`;
  const Class = field.kind === 'message' ? valueType(context) : '';
  const convert = Class ? `wire.instanceOf(${Class}, value)` : isWide(context) ? `wire.bigintOf(value, ${name})` : '';
  if (field.cardinality === 'repeated') {
    return convert ? `${given}?.map((value) => ${convert}) ?? []` : `[...(${given} ?? [])]`;
  }
  if (field.cardinality === 'map') {
    return `wire.mapOf(${given} ?? {}, (value) => ${convert || 'value'})`;
  }
  if (context.plainSeconds) return `Number(${given} ?? 0)`;
  if (!convert) return `${given} ?? ${defaultValue(context)}`;
  return `${given} === undefined || ${given} === null ? ${defaultValue(context)} : ${convert.replace('value', given)}`;
}

/** Two spaces before each line. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? line : `  ${line}`));
}
