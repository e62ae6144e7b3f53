/** What a field's type, label, options and features amount to, and what protoc refuses of them. */

import { type Features, hasFeatures } from './features.js';
import { type DefaultValue, defaultOf } from './field-defaults.js';
import type { ProtoFile } from './proto-files.js';
import type { FieldModel } from './proto-model.js';
import type { FieldDeclaration } from './proto-parser.js';
import { type ProtoSymbol, refuse } from './proto-symbols.js';

export type FieldRule = Pick<
  FieldModel,
  'kind' | 'cardinality' | 'presence' | 'packed' | 'delimited' | 'required' | 'unchecked' | 'default'
>;

/** How the field is written and read. */
export function ruleOf(
  file: ProtoFile,
  field: FieldDeclaration,
  target: ProtoSymbol | undefined,
  features: Features,
  closed: boolean,
): FieldRule {
  const kind = (target?.kind === 'message' || target?.kind === 'enum' ? target.kind : field.type) as FieldModel['kind'];
  const cardinality = field.keyType !== undefined ? 'map' : field.label === 'repeated' ? 'repeated' : 'singular';
  const singular = cardinality === 'singular';
  const required = singular && (field.label === 'required' || features.field_presence === 'LEGACY_REQUIRED');
  const packs = cardinality === 'repeated' && kind !== 'string' && kind !== 'bytes' && kind !== 'message';
  const presence =
    singular &&
    (kind === 'message' ||
      field.oneof !== undefined ||
      field.label === 'optional' ||
      features.field_presence !== 'IMPLICIT');
  const value = defaultValue(file, field, kind, target, presence);
  return {
    kind,
    cardinality,
    presence,
    required,
    packed: packs && ((field.options.packed as boolean | undefined) ?? features.repeated_field_encoding === 'PACKED'),
    // The entries of maps and their values always come behind their length.
    delimited:
      kind === 'message' && cardinality !== 'map' && (field.group || features.message_encoding === 'DELIMITED'),
    unchecked: features.utf8_validation === 'NONE',
    ...(value !== undefined ? { default: value } : closed && singular ? firstValue(target) : {}),
  };
}

/** What an unset field of a closed enum counts as is its first value, which need not be 0. */
function firstValue(target: ProtoSymbol | undefined): { default?: number } {
  const number = target?.kind === 'enum' ? target.declaration.values[0]!.number : 0;
  return number === 0 ? {} : { default: number };
}

function defaultValue(
  file: ProtoFile,
  field: FieldDeclaration,
  kind: FieldModel['kind'],
  target: ProtoSymbol | undefined,
  presence: boolean,
): DefaultValue | undefined {
  if (field.default === undefined) return undefined;
  if (file.edition === 'proto3') refuse(file, field, 'proto3 has no default values but its own');
  if (field.label === 'repeated' || field.keyType !== undefined || kind === 'message') {
    refuse(file, field, 'only a single scalar or enum has a default value');
  }
  if (!presence) refuse(file, field, 'a field with implicit presence has no default value but that of its type');
  const value = defaultOf(field.default, kind, target?.kind === 'enum' ? target.declaration.values : undefined);
  if (value === undefined) {
    const shown =
      field.default.kind === 'string'
        ? JSON.stringify(field.default.bytes.toString())
        : field.default.kind === 'message'
          ? '{ … }'
          : field.default.text;
    refuse(file, field, `${shown} is no value of ${field.type}`);
  }
  return value;
}

export function checkField(
  file: ProtoFile,
  field: FieldDeclaration,
  target: ProtoSymbol | undefined,
  rule: FieldRule,
  closed: boolean,
): void {
  const { options } = field;
  if (field.group && file.edition === 'proto3') refuse(file, field, 'proto3 has no groups');
  if (field.keyType !== undefined && field.extendee !== undefined) refuse(file, field, 'a map is no extension');
  if (options.packed !== undefined) {
    if (hasFeatures(file.edition)) refuse(file, field, 'editions say packed as features.repeated_field_encoding');
    const packs = rule.cardinality === 'repeated' && !/^(?:string|bytes|message)$/.test(rule.kind);
    if (!packs && options.packed === true) refuse(file, field, 'only repeated numbers, bools and enums are packed');
  }
  if (target?.kind === 'enum') {
    if (closed && (file.edition === 'proto3' || (rule.cardinality === 'singular' && !rule.presence))) {
      refuse(file, field, `${target.fullName} is a closed enum, whose fields have explicit presence`);
    }
    if (rule.cardinality === 'map' && target.declaration.values[0]?.number !== 0) {
      refuse(file, field, `the first value of an enum in a map is 0, not that of ${target.fullName}`);
    }
  }
  const is64Bit = rule.cardinality !== 'map' && /^(?:s?fixed|[su]?int)64$/.test(rule.kind);
  if (options.jstype !== undefined && options.jstype !== 'JS_NORMAL' && !is64Bit) {
    refuse(file, field, 'jstype is for 64-bit integers');
  }
  const isLazy = options.lazy === true || options.unverified_lazy === true;
  // The entries of a map are messages.
  if (isLazy && rule.cardinality !== 'map' && (rule.kind !== 'message' || rule.delimited)) {
    refuse(file, field, 'lazy is for messages that come behind their length');
  }
  checkFeatures(file, field, rule);
}

function checkFeatures(file: ProtoFile, field: FieldDeclaration, { kind, cardinality }: FieldRule): void {
  const own = (field.options.features ?? {}) as Partial<Features>;
  const plain = cardinality === 'singular' && field.oneof === undefined && field.extendee === undefined;
  if (own.field_presence !== undefined && (!plain || (own.field_presence === 'IMPLICIT' && kind === 'message'))) {
    refuse(file, field, `features.field_presence = ${own.field_presence} is not for this field`);
  }
  const packs = cardinality === 'repeated' && !/^(?:string|bytes|message)$/.test(kind);
  const mayPack = packs || (cardinality !== 'singular' && own.repeated_field_encoding === 'EXPANDED');
  if (own.repeated_field_encoding !== undefined && !mayPack) {
    refuse(
      file,
      field,
      'features.repeated_field_encoding is for repeated fields, and PACKED for numbers, bools and enums only',
    );
  }
  if (own.utf8_validation !== undefined && kind !== 'string' && field.keyType !== 'string') {
    refuse(file, field, 'features.utf8_validation is for strings');
  }
  if (own.message_encoding !== undefined && (kind !== 'message' || cardinality === 'map')) {
    refuse(file, field, 'features.message_encoding is for messages outside of maps');
  }
}
