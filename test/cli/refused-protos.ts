/** Files that protoc refuses, and so does the generator. `refusals-of-buf.full.test.ts` shows the first half. */

const P2 = 'syntax = "proto2"; ';
const P3 = 'syntax = "proto3"; ';
const E23 = 'edition = "2023"; ';

/** Name of the case, the file, and what the generator says of it. */
export const refused: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  [
    'a field number of 0',
    `${P3}message M { string a = 0; }`,
    /M\.a: a field number is from 1 to 536870911, not 0 \(line 1\)/,
  ],
  ['a field number too large', `${P3}message M { string a = 536870912; }`, /M\.a: a field number is from 1/],
  [
    'a field number of protobuf’s own',
    `${P3}message M {\n string a = 19500; }`,
    /M\.a: the numbers from 19000 to 19999 .* \(line 2\)/,
  ],
  ['a negative field number', `${P3}message M { string a = -1; }`, /line 1/],
  [
    'two fields of one number',
    `${P3}message M { string a = 1; int32 b = 1; }`,
    /M\.b: a has the number 1 already \(line 1\)/,
  ],
  [
    'two fields of one name',
    `${P3}message M { string a = 1; int32 a = 2; }`,
    /duplicate name 'a'|there is one already/,
  ],
  ['two messages of one name', `${P3}message M {} message M {}`, /duplicate name 'M'/],
  [
    'a oneof of the name of a field',
    `${P3}message M { string a = 1; oneof a { int32 b = 2; } }`,
    /duplicate name 'a'|there is one already/,
  ],
  [
    'an open enum without zero',
    `${P3}enum E { A = 1; }`,
    /E\.A: the first value of an open enum is 0, not 1 \(line 1\)/,
  ],
  ['an open enum without zero, in editions', `${E23}enum E { A = 1; }`, /E\.A: the first value of an open enum is 0/],
  ['an enum without values', `${P3}enum E {}`, /E: an enum has at least one value/],
  ['an alias that is not allowed', `${P3}enum E { A = 0; B = 0; }`, /duplicate/],
  [
    'two enums with one value',
    `${P3}enum E { A = 0; } enum F { A = 0; }`,
    /A: there is one already, in line 1; the values of an enum/,
  ],
  ['a value beyond 32 bits', `${P3}enum E { A = 0; B = 2147483648; }`, /E\.B: 2147483648 is no 32-bit number/],
  ['a reserved number', `${P3}message M { reserved 2 to 4; string a = 3; }`, /id 3 is reserved|number 3 is reserved/],
  ['a reserved name', `${P3}message M { reserved "a"; string a = 3; }`, /name 'a' is reserved|name a is reserved/],
  ['a reserved value', `${P3}enum E { A = 0; B = 5; reserved 5; }`, /reserved/],
  [
    'ranges that overlap',
    `${P2}message M { extensions 4 to 9; reserved 9; }`,
    /M: the ranges 4 to 9 and 9 to 9 overlap/,
  ],
  [
    'a field among the extensions',
    `${P2}message M { extensions 4 to 9; optional int32 a = 5; }`,
    /M\.a: the number 5 is kept for extensions/,
  ],
  ['a type that is not there', `${P3}message M { Gone a = 1; }`, /M\.a: Gone is not declared \(line 1\)/],
  [
    'a type that is only in an inner scope',
    `${P3}message M { message N {} } message O { N n = 1; }`,
    /O\.n: N is not declared/,
  ],
  ['a type that is a service', `${P3}service S {} message M { S s = 1; }`, /M\.s: S is not declared/],
  ['a required field in proto3', `${P3}message M { required string a = 1; }`, /illegal token 'required' \(line 1\)/],
  [
    'a default value in proto3',
    `${P3}message M { string a = 1 [default = "x"]; }`,
    /M\.a: proto3 has no default values/,
  ],
  ['a group in proto3', `${P3}message M { repeated group A = 1 { string b = 1; } }`, /M\.a: proto3 has no groups/],
  ['extension ranges in proto3', `${P3}message M { extensions 1 to 4; }`, /M: proto3 has no extension ranges/],
  [
    'a closed enum in proto3',
    `${P3}import "closed.proto"; message M { closed.E e = 1; }`,
    /M\.e: closed\.E is a closed enum/,
  ],
  ['no label in proto2', `${P2}message M { string a = 1; }`, /illegal token 'string' \(line 1\)/],
  ['a label in editions', `${E23}message M { optional string a = 1; }`, /illegal token 'optional'/],
  [
    'features without an edition',
    `${P3}message M { string a = 1 [features.field_presence = EXPLICIT]; }`,
    /M\.a: features need an edition/,
  ],
  [
    'a feature that is not there',
    `${E23}message M { string a = 1 [features.colour = RED]; }`,
    /M\.a: features\.colour is not known/,
  ],
  [
    'a value that a feature has not',
    `${E23}message M { string a = 1 [features.field_presence = RED]; }`,
    /is one of EXPLICIT, IMPLICIT, LEGACY_REQUIRED, not RED/,
  ],
  [
    'presence of a repeated field',
    `${E23}message M { repeated string a = 1 [features.field_presence = EXPLICIT]; }`,
    /is not for this field/,
  ],
  [
    'packed strings',
    `${P3}message M { repeated string a = 1 [packed = true]; }`,
    /M\.a: only repeated numbers, bools and enums are packed/,
  ],
  [
    'packed in editions',
    `${E23}message M { repeated int32 a = 1 [packed = true]; }`,
    /features\.repeated_field_encoding/,
  ],
  [
    'a default value out of range',
    `${P2}message M { optional int32 a = 1 [default = 2147483648]; }`,
    /M\.a: 2147483648 is no value of int32/,
  ],
  [
    'a default value of another type',
    `${P2}message M { optional bool a = 1 [default = "true"]; }`,
    /M\.a: "true" is no value of bool/,
  ],
  [
    'a default value that the enum lacks',
    `${P2}enum E { A = 1; } message M { optional E a = 1 [default = B]; }`,
    /M\.a: B is no value of E/,
  ],
  [
    'a default value of a list',
    `${P2}message M { repeated int32 a = 1 [default = 1]; }`,
    /only a single scalar or enum has a default value/,
  ],
  ['a map with keys of a wrong kind', `${P3}message M { map<double, string> a = 1; }`, /illegal type 'double'/],
  ['a repeated map', `${P3}message M { repeated map<int32, string> a = 1; }`, /illegal/],
  ['a map in a oneof', `${P3}message M { oneof o { map<int32, string> a = 1; } }`, /illegal/],
  ['a repeated field in a oneof', `${P3}message M { oneof o { repeated string a = 1; } }`, /illegal/],
  ['a oneof without fields', `${P3}message M { oneof o {} }`, /M\.o: a oneof has at least one field/],
  [
    'an option that is not there',
    `${P3}message M { string a = 1 [colour = 1]; }`,
    /M\.a: a field has no option colour/,
  ],
  [
    'a custom option that is not declared',
    `${P3}message M {\n string a = 1 [(gone) = 1]; }`,
    /option \(gone\): gone is not declared \(line 2\)/,
  ],
  [
    'two fields of one name in JSON',
    `${P3}message M { string a_b = 1; string aB = 2; }`,
    /a_b has the name "aB" in JSON/,
  ],
  [
    'two json_names',
    `${P3}message M { string a = 1 [json_name = "x"]; string b = 2 [json_name = "x"]; }`,
    /a has the name "x" in JSON/,
  ],
  [
    'an extension outside of the ranges',
    `${P2}message M { extensions 4; } extend M { optional int32 a = 5; }`,
    /a: M keeps no number 5 for extensions/,
  ],
  [
    'two extensions of one number',
    `${P2}message M { extensions 4; } extend M { optional int32 a = 4; optional int32 b = 4; }`,
    /a is extension 4 of M already|duplicate id 4/,
  ],
  [
    'an extension of a message in proto3',
    `${P3}import "closed.proto"; extend closed.M { int32 a = 4; }`,
    /proto3 extends options only/,
  ],
  ['a group with a small letter', `${P2}message M { optional group a = 1 {} }`, /a group starts with a capital letter/],
  ['a syntax that is not there', 'syntax = "proto4"; message M {}', /"proto4" is none of proto2, proto3/],
  ['an edition that is not there', 'edition = "2022"; message M {}', /illegal edition '2022'/],
  ['an unfinished block', `${P3}message M { string a = 1;`, /the block of M never ends \(line 1\)/],
  ['an unfinished string', `${P3}import "x;\n`, /a string never ends \(line 1\)/],
  ['an unfinished comment', `${P3}\n/* x`, /line 2/],
  ['a block too many', `${P3}message M { } }`, /illegal token '}' \(line 1\)/],
  [
    'an import of itself',
    `${P3}import "refused.proto"; message M {}`,
    /a file imports itself: refused\.proto imports refused\.proto/,
  ],
  [
    'a type of a file that is not imported',
    `${P3}import "middle.proto"; message M { closed.M m = 1; }`,
    /closed\.M is declared in closed\.proto, which refused\.proto does not import/,
  ],
];

/** What the files of the cases import. */
export const imported = {
  'closed.proto': `${P2}package closed; enum E { A = 0; } message M { extensions 4; }`,
  'middle.proto': `${P3}import "closed.proto";`,
};
