/** Files that protoc accepts and refuses for their options, default values and features. */

import type { Verdicts } from './protoc-verdicts.js';

const P2 = 'syntax = "proto2"; ';
const P3 = 'syntax = "proto3"; ';
const E23 = 'edition = "2023"; ';
const E24 = 'edition = "2024"; ';
const OPTIONS = `${P3}import "google/protobuf/descriptor.proto"; package pk;
  message T { int32 a = 1; repeated int32 r = 2; T t = 3; } enum E { Z = 0; }
  extend google.protobuf.MessageOptions { T t = 50000; repeated T rt = 50001; int32 i = 50002; double d = 50003; uint64 u = 50004;
    string s = 50005; bool b = 50006; E e = 50007; repeated string rs = 50008; }
  extend google.protobuf.FieldOptions { int32 f = 50000; } `;
const m3 = (body: string) => `${P3}message M { ${body} }`;
const m2 = (body: string) => `${P2}message M { ${body} }`;
const m23 = (body: string) => `${E23}message M { ${body} }`;
const option = (statements: string) => `${OPTIONS}message M { option ${statements}; }`;
/** Options that are declared in a message, and used in it. */
const inside = (extension: string) =>
  `${P2}import "google/protobuf/descriptor.proto"; package q; message I { extend google.protobuf.${extension} }`;
const withDefault = (type: string) => (value: string) =>
  `${P2}enum E { A = 1; B = 2; } message M { optional ${type} a = 1 [default = ${value}]; }`;

export const optionVerdicts: readonly Verdicts[] = [
  {
    kind: 'options of protobuf',
    accepted: [
      `${P3}option java_package = "a" "b"; option optimize_for = SPEED;`,
      m3('string a = 1 [packed = false, ctype = CORD, deprecated = true];'),
      m3('int64 a = 1 [jstype = JS_STRING]; M b = 2 [lazy = true];'),
      m3('string a = 1 [targets = TARGET_TYPE_FIELD, targets = TARGET_TYPE_FILE];'),
      `${E23}option java_multiple_files = true;`,
      `${E24}option cc_enable_arenas = true;`,
      m23('M m = 1 [lazy = true];'),
      m23('map<string, string> m = 1 [lazy = true];'),
    ],
    refused: [
      ...[
        'foo = 1',
        'optimize_for = SLOW',
        'java_package = 5',
        'java_package = "a"; option java_package = "b"',
        'java_package = a',
        'features.field_presence = EXPLICIT',
      ].map((text) => `${P3}option ${text};`),
      ...[
        'deprecated',
        'deprecated = "true"',
        'deprecated = 1',
        'deprecated = TRUE',
        'deprecated = true, deprecated = false',
        'ctype = ROPE',
        'jstype = JS_STRING',
        'lazy = true',
        'packed = true',
        'uninterpreted_option = {}',
        'bogus = 1',
      ].map((text) => m3(`string a = 1 [${text}];`)),
      `${E24}option java_multiple_files = true;`,
      'edition = "2026"; option cc_enable_arenas = true;',
      `${P2}message M { optional group A = 1 [lazy = true] {} }`,
      m23('M m = 1 [lazy = true, features.message_encoding = DELIMITED];'),
      m3('map<int64, int64> a = 1 [jstype = JS_NUMBER];'),
      m3('option message_set_wire_format = true;'),
      m3('option map_entry = true;'),
      m3('oneof o { option deprecated = true; string a = 1; }'),
      `${P3}service S { option foo = true; }`,
      `${P3}message M {} service S { rpc A(M) returns (M) { option foo = 1; } }`,
    ],
  },
  {
    kind: 'custom options',
    accepted: [
      '(t) = { a: 1 t { a: 2 } }',
      '(.pk.t) = {}',
      '(t) . a = 1',
      '(t).t.t.a = 1; option (t).r = 1; option (t).r = 2',
      '(t) = { r: 1 }; option (t).a = 2',
      '(rt) = {}; option (rt) = {}',
      '(rs) = "a"; option (rs) = "b" "c"',
      '(i) = - 5',
      '(d) = -inf',
      '(d) = 1',
      '(u) = 18446744073709551615',
      '(e) = Z',
      '(t) = { # a comment\n a: 1 }',
      '(t) = { a: 1 /* } */ }',
    ].map(option),
    refused: [
      '(gone) = 1',
      '(f) = 1',
      '(i) = "x"',
      '(s) = 5',
      '(s) = abc',
      '(b) = 1',
      '(e) = Y',
      '(t) = 1',
      '(t).x = 1',
      '(t).a.x = 1',
      '(rt).a = 1',
      '(i) = 1; option (i) = 2',
      '(i) = 1; option (pk.i) = 2',
      '(t).a = 1; option (t).a = 2',
      '(t).a = 1; option (t) = {}',
      '(t) = { a: 1 }; option (t).a = 2',
      '(i) = 2147483648',
      '(i) = 1.0',
      '(u) = -1',
      '(i) = +5',
      '(t) { a: 1 }',
      '(t) = { a: 1',
      '() = 1',
      '((i)) = 1',
      '(i)',
    ].map(option),
  },
  {
    kind: 'custom options by their short names',
    accepted: [
      'MessageOptions { optional int32 a = 50000; } message J { option (a) = 1; }',
      'MessageOptions { optional int32 a = 50000; } option (I.a) = 1;',
      'ExtensionRangeOptions { optional int32 a = 50000; } extensions 4 [(I.a) = 1];',
      'FieldOptions { optional int32 a = 50000; } optional int32 f = 1 [(a) = 1];',
      'OneofOptions { optional int32 a = 50000; } oneof o { option (a) = 1; int32 f = 1; }',
      'EnumOptions { optional int32 a = 50000; } enum E { option (a) = 1; A = 0; }',
      'EnumValueOptions { optional int32 a = 50000; } enum E { A = 0 [(a) = 1]; }',
    ].map(inside),
    refused: [
      'MessageOptions { optional int32 a = 50000; } option (a) = 1;',
      'ExtensionRangeOptions { optional int32 a = 50000; } extensions 4 [(a) = 1];',
      'FieldOptions { optional int32 a = 50000; } } message N { optional int32 f = 1 [(a) = 1];',
    ].map(inside),
  },
  {
    kind: 'default values',
    accepted: [
      ...['-0', '0x7fffffff', '-0x80000000', '017', '- 5'].map(withDefault('int32')),
      ...['inf', '-nan', '.5', '5.', '1e39', '017', '18446744073709551616'].map(withDefault('float')),
      ...['5e-324', '0xffffffffffffffff', '1e309'].map(withDefault('double')),
      ...['"\\x41\\101\\u00e9\\U0001F600"', '"\\?" \'b\'', '"\\U00110000"', '"\\ud800"'].map(withDefault('string')),
    ],
    refused: [
      ...['+1', '08', '1.0', 'true', '2147483648', '1, default = 2', '--5'].map(withDefault('int32')),
      ...['-0', '-1', '4294967296'].map(withDefault('uint32')),
      ...[
        '+inf',
        'Inf',
        'INF',
        'infinity',
        'NaN',
        '1f',
        '1.5F',
        '089',
        '08.5',
        '01.5',
        '0xffffffffffffffffff',
        '1e',
        '1_0',
      ].map(withDefault('float')),
      ...['True', '1', '"true"'].map(withDefault('bool')),
      ...['"\\z"', '"\\u12"', '"\\x"', '"\\8"', '"a\nb"', '"\\\nb"', '"\0"', 'a'].map(withDefault('string')),
      ...['C', '1', '"A"', 'E.A'].map(withDefault('E')),
      m2('optional int32 a = 1 [default.x = 1];'),
    ],
  },
  {
    kind: 'features',
    accepted: [
      m23('string a = 1 [features = { field_presence: IMPLICIT, utf8_validation: NONE }];'),
      m23(
        'map<int32, int32> a = 1 [features.repeated_field_encoding = EXPANDED]; map<string, int32> b = 2 [features.utf8_validation = NONE];',
      ),
      `${E23}option features = { enum_type: CLOSED }; enum E { B = 5; } message M { E e = 1; }`,
      m23('repeated string a = 1 [features.repeated_field_encoding = EXPANDED];'),
      m23('repeated M a = 1 [features = { repeated_field_encoding: EXPANDED }];'),
    ],
    refused: [
      ...[
        'field_presence = LEGACY_REQUIRED',
        'bogus = 1',
        'default_symbol_visibility = STRICT',
        'field_presence = FIELD_PRESENCE_UNKNOWN',
      ].map((text) => `${E23}option features.${text};`),
      ...[
        'option features.utf8_validation = NONE;',
        'option features = { enum_type: CLOSED };',
        'option features.repeated_field_encoding = EXPANDED;',
        'string a = 1 [features.json_format = ALLOW];',
        'string a = 1 [features.enum_type = CLOSED];',
        'map<int32, int32> a = 1 [features.utf8_validation = NONE];',
        'map<int32, int32> a = 1 [features.repeated_field_encoding = PACKED];',
        'repeated string a = 1 [features.repeated_field_encoding = PACKED];',
        'string a = 1 [features.repeated_field_encoding = EXPANDED];',
        'oneof o { option features.field_presence = IMPLICIT; string a = 1; }',
        'string a = 1 [features = { bogus: 1 }];',
        'string a = 1 [features.field_presence = IMPLICIT, features.field_presence = EXPLICIT];',
      ].map(m23),
      `${E23}enum E { option features.field_presence = IMPLICIT; B = 0; }`,
    ],
  },
];
