/** The TypeScript of one field: its types, its default, and how its kind is called on the wire. */

import type { DefaultValue } from './field-defaults.js';
import { quoted } from './names.js';
import type { FieldKind, FieldModel } from './proto-model.js';

const NUMBERS: ReadonlySet<FieldKind> = new Set<FieldKind>([
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
export const WIDE: ReadonlySet<FieldKind> = new Set<FieldKind>(['fixed64', 'int64', 'sfixed64', 'sint64', 'uint64']);

/** How a message type or an enum is called in the file that is written. */
export type TypeNames = (fullName: string) => { readonly name: string; readonly init: string };

/** Everything about one field of one message. */
export interface FieldContext {
  readonly field: FieldModel;
  /** The class of the message, `TaskExit`. */
  readonly owner: string;
  readonly types: TypeNames;
  /** True for the seconds of the well-known types: numbers, because no date needs more than 2^53 of them. */
  readonly plainSeconds: boolean;
}

export const DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;

const WIRE_TYPES: Partial<Record<FieldKind, number>> = {
  bytes: DELIMITED,
  double: 1,
  fixed32: 5,
  fixed64: 1,
  float: 5,
  message: DELIMITED,
  sfixed32: 5,
  sfixed64: 1,
  string: DELIMITED,
};

/** How a value of this kind is framed on the wire. */
export function wireType(kind: FieldKind): number {
  return WIRE_TYPES[kind] ?? 0;
}

/** The end of the name of the functions that write and read this kind. */
export function primitive(kind: FieldKind): string {
  return kind === 'enum' ? 'Int32' : kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** For messages of errors: `'TaskExit.exitStatus'`. */
export function errorName({ field, owner }: FieldContext): string {
  return quoted(`${owner}.${field.property}`);
}

/** The class or enum of the field's values. */
export function className({ field, types }: FieldContext): string {
  return types(field.type!).name;
}

function isWide({ field, plainSeconds }: FieldContext): boolean {
  return WIDE.has(field.kind) && !plainSeconds;
}

/** The type of one value. */
export function valueType(context: FieldContext): string {
  const { kind } = context.field;
  if (kind === 'message') return className(context);
  if (kind === 'bytes') return 'Uint8Array';
  if (kind === 'bool') return 'boolean';
  if (isWide(context)) return 'bigint';
  return NUMBERS.has(kind) || WIDE.has(kind) ? 'number' : 'string';
}

function initValueType(context: FieldContext): string {
  if (context.field.kind === 'message') return context.types(context.field.type!).init;
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
export function unsetValue(context: FieldContext): string {
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
  const { field } = context;
  const given = `init.${field.property}`;
  const converts = field.kind === 'message' || isWide(context);
  const convert = (value: string) => {
    if (!converts) return value;
    if (field.kind === 'message') return `wire.instanceOf(${className(context)}, ${value}, ${errorName(context)})`;
    return `wire.bigintOf(${value}, ${errorName(context)})`;
  };
  if (field.cardinality === 'repeated') {
    const list = `wire.listOf(${given}, ${errorName(context)})`;
    return converts ? `${list}.map((value) => ${convert('value')})` : `[...${list}]`;
  }
  if (field.cardinality === 'map') {
    return `wire.mapOf(${given} ?? {}, (value) => ${convert('value')}, ${errorName(context)})`;
  }
  if (context.plainSeconds) return `wire.secondsOf(${given} ?? 0)`;
  if (!converts) return `${given} ?? ${unsetValue(context)}`;
  return `${given} === undefined || ${given} === null ? ${unsetValue(context)} : ${convert(given)}`;
}

/** A value of a `default` option as an expression: in the module, a message may be called `NaN` or `Infinity`. */
export function literal(value: DefaultValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return `${Number.isNaN(value) ? 0 : Math.sign(value)} / 0`;
  return shownValue(value);
}

/** The value as people read it. */
export function shownValue(value: DefaultValue): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(', ')})`;
  return Object.is(value, -0) ? '-0' : String(value);
}
