/** What a file's edition and its `features` options say about fields and enums. */

import type { OptionPlace } from './grammar/proto-options.js';
import type { Options } from './proto-parser.js';

export interface Features {
  readonly field_presence: 'EXPLICIT' | 'IMPLICIT' | 'LEGACY_REQUIRED';
  readonly enum_type: 'OPEN' | 'CLOSED';
  readonly repeated_field_encoding: 'PACKED' | 'EXPANDED';
  readonly utf8_validation: 'VERIFY' | 'NONE';
  readonly message_encoding: 'LENGTH_PREFIXED' | 'DELIMITED';
  readonly json_format: 'ALLOW' | 'LEGACY_BEST_EFFORT';
  readonly enforce_naming_style: 'STYLE_LEGACY' | 'STYLE2024' | 'STYLE2026';
  readonly default_symbol_visibility: 'EXPORT_ALL' | 'EXPORT_TOP_LEVEL' | 'LOCAL_ALL' | 'STRICT';
  readonly enforce_proto_limits: 'LEGACY_NO_EXPLICIT_LIMITS' | 'PROTO_LIMITS2026';
}

export type Feature = keyof Features;

const VALUES: Readonly<Record<Feature, readonly string[]>> = {
  field_presence: ['EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED'],
  enum_type: ['OPEN', 'CLOSED'],
  repeated_field_encoding: ['PACKED', 'EXPANDED'],
  utf8_validation: ['VERIFY', 'NONE'],
  message_encoding: ['LENGTH_PREFIXED', 'DELIMITED'],
  json_format: ['ALLOW', 'LEGACY_BEST_EFFORT'],
  enforce_naming_style: ['STYLE_LEGACY', 'STYLE2024', 'STYLE2026'],
  default_symbol_visibility: ['EXPORT_ALL', 'EXPORT_TOP_LEVEL', 'LOCAL_ALL', 'STRICT'],
  enforce_proto_limits: ['LEGACY_NO_EXPLICIT_LIMITS', 'PROTO_LIMITS2026'],
};

/** What else than a file may have each, and the edition that brought it. */
const PLACES: Readonly<Record<Feature, readonly [since: number, ...places: OptionPlace[]]>> = {
  field_presence: [2023, 'Field'],
  enum_type: [2023, 'Enum'],
  repeated_field_encoding: [2023, 'Field'],
  utf8_validation: [2023, 'Field'],
  message_encoding: [2023, 'Field'],
  json_format: [2023, 'Message', 'Enum'],
  enforce_naming_style: [2024, 'ExtensionRange', 'Message', 'Field', 'Oneof', 'Enum', 'EnumValue', 'Service', 'Method'],
  default_symbol_visibility: [2024],
  enforce_proto_limits: [2026, 'Enum', 'Message', 'Field', 'Oneof'],
};

const EDITION_2023: Features = {
  field_presence: 'EXPLICIT',
  enum_type: 'OPEN',
  repeated_field_encoding: 'PACKED',
  utf8_validation: 'VERIFY',
  message_encoding: 'LENGTH_PREFIXED',
  json_format: 'ALLOW',
  enforce_naming_style: 'STYLE_LEGACY',
  default_symbol_visibility: 'EXPORT_ALL',
  enforce_proto_limits: 'LEGACY_NO_EXPLICIT_LIMITS',
};

const DEFAULTS: Readonly<Record<string, Features>> = {
  proto2: {
    ...EDITION_2023,
    enum_type: 'CLOSED',
    repeated_field_encoding: 'EXPANDED',
    utf8_validation: 'NONE',
    json_format: 'LEGACY_BEST_EFFORT',
  },
  proto3: { ...EDITION_2023, field_presence: 'IMPLICIT' },
  2023: EDITION_2023,
  2024: { ...EDITION_2023, enforce_naming_style: 'STYLE2024', default_symbol_visibility: 'EXPORT_TOP_LEVEL' },
  2026: { ...EDITION_2023, enforce_naming_style: 'STYLE2026', default_symbol_visibility: 'STRICT' },
};

/** Whether files of this syntax or edition are known here. */
export function isKnownEdition(edition: string): boolean {
  return Object.hasOwn(DEFAULTS, edition);
}

/** Whether `features` options exist; proto2 and proto3 say the same in other ways. */
export function hasFeatures(edition: string): boolean {
  return !edition.startsWith('proto');
}

export function fileFeatures(edition: string): Features {
  return DEFAULTS[edition]!;
}

/** The features of something inside of what has those of `parent`. */
export function inheritFeatures(parent: Features, { features }: Options): Features {
  return features === undefined ? parent : { ...parent, ...(features as Partial<Features>) };
}

/** What is wrong with a feature, if anything. */
export function featureFault(name: Feature, value: string, place: OptionPlace, edition: string): string | undefined {
  if (!Object.hasOwn(VALUES, name)) return `features.${name} is not known`;
  if (!VALUES[name].includes(value)) return `features.${name} is one of ${VALUES[name].join(', ')}, not ${value}`;
  const [since, ...places] = PLACES[name];
  if (Number(edition) < since) return `features.${name} is new in edition ${since}; this file is ${edition}`;
  if (place === 'File') {
    return value === 'LEGACY_REQUIRED'
      ? 'features.field_presence is LEGACY_REQUIRED for single fields only'
      : undefined;
  }
  return places.includes(place)
    ? undefined
    : `features.${name} is for ${['File', ...places].join(', ')}, not for ${place}`;
}
