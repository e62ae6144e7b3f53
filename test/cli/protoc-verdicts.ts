/**
 * Files that protoc accepts and files that it refuses, by kind. `generate-verdicts.test.ts` holds the generator to them, and
 * `verdicts-of-protoc.full.test.ts` protoc itself (36.2).
 */

const P2 = 'syntax = "proto2"; ';
const P3 = 'syntax = "proto3"; ';
const E23 = 'edition = "2023"; ';
const E24 = 'edition = "2024"; ';
const m3 = (body: string) => `${P3}message M { ${body} }`;
const m2 = (body: string) => `${P2}message M { ${body} }`;
const m23 = (body: string) => `${E23}message M { ${body} }`;

export interface Verdicts {
  readonly kind: string;
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
}

export const verdicts: readonly Verdicts[] = [
  {
    kind: 'blanks, comments and characters',
    accepted: [
      '',
      ';;;',
      '// alone',
      '\ufeffmessage M {}',
      `${P3}message\fM {\v}`,
      `${P3}// \u2028\nmessage M {}`,
      `${P3}message M {}// end`,
    ],
    refused: [
      '\ufeff\ufeffmessage M {}',
      `${P3}\ufeffmessage M {}`,
      m3('string a = 1\u00a0;'),
      m3('string é = 1;'),
      m3('string $a = 1;'),
      `${P3}message M {} # shell`,
      `${P3}message M {}\0`,
      m3('/* /* nested */ string a = 1;'),
      '/* open',
    ],
  },
  {
    kind: 'syntax and edition',
    accepted: [
      'syntax = "pro" "to3"; message M { string a = 1; }',
      "syntax = 'proto3';",
      'edition = "2023";',
      'message M { optional int32 a = 1; }',
    ],
    refused: [
      P3 + P3,
      `;${P3}`,
      `message M {} ${P3}`,
      'syntax = "2023";',
      'syntax = proto3;',
      'edition = "proto3";',
      'edition = "2022";',
      'edition = 2023;',
      'syntax = "proto3"',
    ],
  },
  {
    kind: 'numbers',
    accepted: ['0x10', '0X1F', '017', '536870911', '18999', '20000'].map((number) => m3(`string a = ${number};`)),
    refused: [
      '019',
      '0x',
      '1.0',
      '1e0',
      '+1',
      '-1',
      '"1"',
      '1a',
      '00',
      '0',
      '4294967297',
      '99999999999999999999',
      '19000',
      '0x4a38',
      '536870912',
      '',
    ].map((number) => m3(`string a = ${number};`)),
  },
  {
    kind: 'names that are keywords',
    accepted: [
      ...[
        'map',
        'import',
        'service',
        'syntax',
        'edition',
        'package',
        'export',
        'local',
        'stream',
        'rpc',
        'to',
        'max',
      ].flatMap((word) => [
        `${P3}message M { ${word} f = 1; } message ${word} {}`,
        m3(`string ${word} = 1;`),
        `${P3}enum E { ${word} = 0; }`,
      ]),
      `${P3}message string {} message M { .string f = 1; }`,
    ],
    refused: [
      ...['message', 'enum', 'option', 'oneof', 'extend', 'reserved', 'extensions', 'group'].map(
        (word) => `${P3}message M { ${word} f = 1; } message ${word} {}`,
      ),
      `${P3}message string { message A {} } message M { string.A f = 1; }`,
    ],
  },
  {
    kind: 'names with dots',
    accepted: [
      `${P3}package a . b ; message M { message N {} . a . b . M f = 1; M . N g = 2; }`,
      `${P3}message M {} package a;`,
      `${P3}package a.b.c; message M { b.c.M m = 1; .a.b.c.M n = 2; }`,
      `${P3}package ${Array(101).fill('a').join('.')};`,
    ],
    refused: [
      'package a..b;',
      'package .a;',
      'package a.;',
      'package;',
      'package "a";',
      'package a; package b;',
      `package ${Array(102).fill('a').join('.')};`,
      'message M.N {}',
    ].map((text) => P3 + text),
  },
  {
    kind: 'packages in the style of edition 2024',
    accepted: ['a', 'a1.b2', 'a_b.c_d_e', 'a._b', 'a_b._c'].map((name) => `${E24}package ${name};`),
    refused: ['_a', 'a_', 'a__b', 'a_.b', '_a.b', 'a.b_', 'a.__b', 'a_1', 'a._1', 'A', 'a.bC'].map(
      (name) => `${E24}package ${name};`,
    ),
  },
  {
    kind: 'statements where they do not belong',
    accepted: [
      m3('; string a = 1;; message N {};'),
      `${P3}message M {};`,
      m3('option deprecated = true; string a = 1;'),
    ],
    refused: [
      m3('string a = 1 { }'),
      m3('service S {}'),
      m3('import "x.proto";'),
      m3('syntax = "proto3";'),
      m3('rpc A(M) returns (M);'),
      m3('string a = 1 = 2;'),
      m3('string a 1;'),
      m3('string a = 1 []'),
      m3('string a = 1 [deprecated = true,];'),
      m3('string a = 1 [deprecated = true] [deprecated = true];'),
      `${P3}message {}`,
      `${P3}message M`,
      `${P3}}`,
      `${P3}enum E { A = 0; message M {} }`,
    ],
  },
  {
    kind: 'nesting',
    accepted: [`${P3}${Array.from({ length: 31 }, (_, depth) => `message M${depth} {`).join('')}${'}'.repeat(31)}`],
    refused: [
      `${P3}${Array.from({ length: 32 }, (_, depth) => `message M${depth} {`).join('')}${'}'.repeat(32)}`,
      `${P3}${'message M {'.repeat(20_000)}`,
      `${P3}message M { option deprecated = true; ${'{'.repeat(20_000)} }`,
      `${P3}message M { string a = 1 [${'('.repeat(20_000)}] ; }`,
      `${P3}message ${'M'.repeat(70_000)} {}`,
    ],
  },
  {
    kind: 'maps, whose entries have names',
    accepted: [
      `${P3}message map {} message M { map m = 1; map<string, map> n = 2; }`,
      m3('map < string , .M > m = 1;'),
      m3('map<int32, M> m = 1 [json_name = "q"];'),
    ],
    refused: [
      'map<string, string> m = 1; message MEntry {}',
      'map<string, string> m = 1; string MEntry = 2;',
      'map<string, string> foo_bar = 1; enum E { FooBarEntry = 0; }',
      'map<string, string> m = 1; MEntry e = 2;',
      'map<.string, string> m = 1;',
      'map<string, repeated string> m = 1;',
      'map<float, string> m = 1;',
      'optional map<int32, int32> m = 1;',
      'oneof o { map<int32, int32> m = 1; }',
    ].map(m3),
  },
  {
    kind: 'the oneofs of optional fields in proto3',
    accepted: [
      'oneof _a { string b = 1; } optional string a = 2;',
      'optional string a = 1; string _a = 2;',
      'optional M m = 1;',
    ].map(m3),
    refused: [
      'optional string a = 1; message _a {}',
      'oneof o { optional string a = 1; }',
      'optional repeated string a = 1;',
      'required string a = 1;',
    ].map(m3),
  },
  {
    kind: 'groups',
    accepted: [
      'optional group A = 1 { } optional A b = 2;',
      'optional group A = 0X1 [json_name = "x"] { extensions 4; reserved 5; oneof o { int32 q = 1; } }',
      'oneof o { group G = 2 { optional int32 x = 1; } }',
    ].map(m2),
    refused: [
      'optional group A = 1;',
      'optional group a = 1 { }',
      'group A = 1 { }',
      'optional group A { }',
      'optional group A = 1 { } optional int32 a = 2;',
      'optional .group A = 1;',
    ]
      .map(m2)
      .concat(m23('group A = 1 { }')),
  },
  {
    kind: 'reserved numbers and names',
    accepted: [
      m3('reserved 1, 2, 5 to 9, 100 to max; reserved "a", "b" "c"; string d = 3;'),
      m3('reserved 536870912, 0x10;'),
      m23('reserved a, max;'),
      `${P3}enum E { reserved -5 to -1, 10 to max; reserved "X"; A = 0; }`,
    ],
    refused: [
      ...[
        'reserved "a", 1;',
        'reserved "a", "a";',
        'reserved "a"; reserved "a";',
        'reserved a;',
        'reserved max;',
        'reserved;',
        'reserved 1,;',
        'reserved 1 to;',
        'reserved 0;',
        'reserved -1;',
        'reserved 5 to 3;',
        'reserved 1; reserved 1;',
        'reserved "a" "b"; string ab = 1;',
      ].map(m3),
      m23('reserved "a";'),
      ...[
        'reserved 5 to 3;',
        'reserved 3 to 5, 4;',
        'reserved "X", "X";',
        'reserved 2147483648;',
        'reserved max to 5;',
        'reserved X;',
        'reserved -3; B = -3;',
      ].map((text) => `${P3}enum E { A = 0; ${text} }`),
    ],
  },
  {
    kind: 'extensions and their ranges',
    accepted: [
      m2('extensions 4 to 9; extend M { optional int32 a = 5; }'),
      m2('option message_set_wire_format = true; extensions 4 to 2147483646; extend M { optional M x = 1000000000; }'),
    ],
    refused: [
      ...[
        'extensions max;',
        'extensions "a";',
        'extensions -5;',
        'extensions;',
        'extensions 4 to 2147483646;',
        'extensions 4 [bogus = 1];',
        'extensions 4; extend M { }',
        'extensions 4; extend M { required int32 a = 4; }',
        'extensions 4; extend M { oneof o { int32 a = 4; } }',
        'option message_set_wire_format = true; extensions 4 to max; extend M { optional int32 x = 5; }',
        'option message_set_wire_format = true; extensions 4 to max; extend M { repeated M x = 5; }',
      ].map(m2),
      m23('extensions 4; extend M { string a = 4 [features.field_presence = IMPLICIT]; }'),
    ],
  },
  {
    kind: 'enums',
    accepted: [
      'enum E { A = 0; B = - 1; C = -2147483648; D = 0x7fffffff; }',
      'enum E { option allow_alias = true; A = 0; B = 0; }',
      'enum E { A = 0; option allow_alias = true; a = 0; }',
      'enum E { FOO_BAR = 0; FooBar = 1; }',
      'enum E { A1 = 0; A_2 = 1; }',
    ].map((text) => P3 + text),
    refused: [
      'enum E { A = 0; B = 0; }',
      'enum E { option allow_alias = false; A = 0; }',
      'enum E { A = 0; B = -2147483649; }',
      'enum E { A = 0; B = 1.5; }',
      'enum E { A; }',
      'enum E { A = 0; a = 1; }',
      'enum E { E_A = 0; A = 1; }',
      'enum MyEnum { MY_ENUM_A = 0; A = 1; }',
      'enum Foo { FOO = 0; FOO_FOO = 1; }',
      'enum E { option deprecated_legacy_json_field_conflicts = true; A = 0; a = 1; }',
      'enum E { A = 0 [depricated = true]; }',
    ].map((text) => P3 + text),
  },
  {
    kind: 'names in JSON',
    accepted: [
      m3('string a = 1 [json_name = "$a b"]; string b = 2 [json_name = "__proto__"];'),
      m3('option deprecated_legacy_json_field_conflicts = true; string a_b = 1; string aB = 2;'),
      m2('optional string a_b = 1; optional string aB = 2;'),
      m2('optional string a_b = 1 [json_name = "c"]; optional string c = 2;'),
    ],
    refused: [
      ...[
        'string a = 1 [json_name = "b"]; string b = 2;',
        'string a_b = 1 [json_name = "q"]; string aB = 2;',
        'string a = 1 [json_name = "[a]"];',
        'string a = 1 [json_name = "a\\0b"];',
        'string a = 1 [json_name = a];',
        'string a = 1 [json_name = "a", json_name = "b"];',
      ].map(m3),
      m2('optional string a = 1 [json_name = "x"]; optional string b = 2 [json_name = "x"];'),
    ],
  },
  {
    kind: 'style and visibility, from edition 2024 on',
    accepted: [
      'package a_b.c1; export message FooBar { string a_b1 = 1; oneof o { string c = 2; } } local enum E { E_A1 = 0; }',
      'option features.enforce_naming_style = STYLE_LEGACY; message m { string fooBar = 1; }',
      'message M { string fooBar = 1 [features.enforce_naming_style = STYLE_LEGACY]; }',
      'import "exported.proto"; message M { X x = 1; X.Z z = 2; }',
      'import option "options.proto"; message M { option (o) = "x"; }',
      'option features.default_symbol_visibility = STRICT; message M { reserved 1 to max; export enum E { E_Z = 0; } }',
    ].map((text) => E24 + text),
    refused: [
      ...[
        'message m {}',
        'message Foo_Bar {}',
        'message M { string fooBar = 1; }',
        'message M { string foo_1 = 1; }',
        'message M { oneof fooBar { string a = 1; } }',
        'enum E { a = 0; }',
        'package Foo;',
        'service s {}',
        'message M {} service S { rpc a(M) returns (M); }',
        'import "exported.proto"; message M { L l = 1; }',
        'import "exported.proto"; message M { X.Y y = 1; }',
        'import "exported.proto"; service S { rpc A(L) returns (L); }',
        'option features.default_symbol_visibility = STRICT; message M { export message N {} }',
        'import option "options.proto"; message M { option (o) = 5; }',
        'import option "options.proto"; message M { Plain p = 1; }',
        'import option "options.proto"; import "exported.proto";',
        'import option "faulty.proto";',
        'import weak "exported.proto";',
        'export service S {}',
        'export export message M {}',
        'message M { string a = 1 [ctype = CORD]; }',
      ].map((text) => E24 + text),
      `${E23}export message M {}`,
      `${E23}import option "options.proto";`,
      `${P3}local message M {}`,
    ],
  },
  {
    kind: 'imports',
    accepted: [
      `${P3}import "pla" "in.proto"; message M { Plain p = 1; }`,
      `${P3}message M { Plain p = 1; } import public "plain.proto";`,
      `${P2}import "extended.proto"; extend Extended { optional int32 b = 4; }`,
    ],
    refused: [
      'import "plain.proto"; import "plain.proto";',
      'import plain.proto;',
      'import "";',
      'import public weak "plain.proto";',
      'import "plain.proto"; message Plain {}',
      'import "gone.proto";',
    ].map((text) => P3 + text),
  },
  {
    kind: 'services',
    accepted: [
      `${P3}message M {} service S { rpc A(M) returns (stream .M) {} ; rpc B(stream M) returns (M) { option deprecated = true; } }`,
    ],
    refused: [
      'rpc A(X) returns (X);',
      'rpc A(E) returns (E);',
      'rpc A(M) returns (N);',
      'rpc A(M) returns M;',
      'rpc A(M);',
      'rpc A(M) returns (M); rpc A(M) returns (M);',
      'string a = 1;',
      'stream A(M, M);',
      'rpc A(repeated M) returns (M);',
    ].map((text) => `${P3}enum E { A = 0; } message M { message N {} } service S { ${text} }`),
  },
];

/** What the files import. */
export const imported = {
  'plain.proto': `${P3}message Plain {}`,
  'exported.proto': `${E24}message X { message Y {} export message Z {} } local message L {}`,
  'options.proto': `${P3}import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { string o = 50000; } message Plain {}`,
  'extended.proto': `${P2}message Extended { extensions 4 to 9; } extend Extended { optional int32 a = 4; }`,
  'faulty.proto': m3('string a = 0;'),
};
