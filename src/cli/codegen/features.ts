/** What a file's edition and its `features` options say about fields and enums. */

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
}

const VALUES: Readonly<Record<keyof Features, readonly string[]>> = {
  field_presence: ['EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED'],
  enum_type: ['OPEN', 'CLOSED'],
  repeated_field_encoding: ['PACKED', 'EXPANDED'],
  utf8_validation: ['VERIFY', 'NONE'],
  message_encoding: ['LENGTH_PREFIXED', 'DELIMITED'],
  json_format: ['ALLOW', 'LEGACY_BEST_EFFORT'],
  enforce_naming_style: ['STYLE_LEGACY', 'STYLE2024', 'STYLE2026'],
  default_symbol_visibility: ['EXPORT_ALL', 'EXPORT_TOP_LEVEL', 'LOCAL_ALL', 'STRICT'],
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
  2026: { ...EDITION_2023, enforce_naming_style: 'STYLE2026', default_symbol_visibility: 'EXPORT_TOP_LEVEL' },
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

/** What is wrong with the `features` of an option list, if anything. */
export function featureFault({ features }: Options): string | undefined {
  for (const [name, value] of Object.entries((features ?? {}) as object)) {
    const values = VALUES[name as keyof Features] as readonly string[] | undefined;
    if (values === undefined) return `features.${name} is not known`;
    if (!values.includes(value as string))
      return `features.${name} is one of ${values.join(', ')}, not ${String(value)}`;
  }
  return undefined;
}
