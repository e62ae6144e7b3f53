/** Names of classes and properties: one scheme, in which no two declarations of any files meet. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { generate, writeModules } from '../../src/cli/codegen/generate.js';
import { importedName, jsonName, propertyName, typeName } from '../../src/cli/codegen/names.js';
import { encodeToBuffer, loadGenerated, typeErrors, writeFiles } from '../support/generated-code.js';

const dir = mkdtempSync(join(tmpdir(), 'generate-names-'));
after(() => rmSync(dir, { recursive: true }));

const TYPESCRIPT_WORDS =
  'abstract any as asserts async await bigint boolean break case catch class const constructor continue debugger declare ' +
  'default delete do else enum exports extends false finally for from function get global globalThis if implements import in ' +
  'infer instanceof interface intrinsic is keyof let module namespace never new null number object of out override package ' +
  'private protected public readonly require return satisfies set static string super switch symbol then this throw true try ' +
  'type typeof undefined unique unknown using var void while with yield eval arguments ' +
  'Array ArrayBuffer BigInt Boolean Buffer Date Error Event Function Map Math Number Object Partial Promise Proxy Readonly ' +
  'ReadonlyArray Record Reflect Set String Symbol Uint8Array WeakMap NaN Infinity process console URL JSON ' +
  'wire event source target message value p position limit depth start end tag key map init entry fieldEnd error i v1 content1 ' +
  'unknown next known length encode decode read write check fields typeUrl name prototype hasOwnProperty toString __proto__';

const WORDS = [...new Set(TYPESCRIPT_WORDS.split(' '))];

/** No enum has two values whose names differ in their case only. */
const isSecondSpelling = (word: string, index: number) =>
  WORDS.slice(0, index).some((one) => one.replaceAll('_', '').toLowerCase() === word.replaceAll('_', '').toLowerCase());
const valuesOf = (words: string[]) => words.map((word, index) => `${word} = ${index + 1};`).join(' ');

describe('the name of a class', () => {
  const cases: [path: string, name: string][] = [
    ['TaskExit', 'TaskExit'],
    ['ContainerCreate.Runtime', 'ContainerCreate_Runtime'],
    ['Foo_Bar', 'Foo_Bar$'],
    ['Foo.Bar_Baz', 'Foo_Bar_Baz$1'],
    ['Foo_Bar.Baz', 'Foo_Bar_Baz$2'],
    ['Foo.Bar.Baz', 'Foo_Bar_Baz'],
    ['Foo_Bar_Baz', 'Foo_Bar_Baz$'],
    ['FooInit', 'FooInit$'],
    ['Foo_Init', 'Foo_Init$$'],
    ['delete', 'delete$'],
    ['any', 'any$'],
    ['event', 'event$'],
    ['Map', 'Map'],
    ['String', 'String'],
    ['then', 'then$'],
  ];
  for (const [path, name] of cases) {
    it(`of ${path} is ${name}`, () => assert.equal(typeName(path.split('.')), name));
  }

  it('is the name of one path only, also beside Init types and imports', () => {
    const parts = ['A', 'B', 'A_B', '_', 'Init', 'A_', '_B', 'BInit', 'A_Init', 'i'];
    const paths = parts.flatMap((one) => [
      [one],
      ...parts.flatMap((two) => [[one, two], ...parts.map((three) => [one, two, three])]),
    ]);
    const names = new Map<string, string>();
    for (const path of paths) {
      const shown = path.join('.');
      for (const name of [
        typeName(path),
        `${typeName(path)}Init`,
        importedName(shown),
        `${importedName(shown)}Init$`,
      ]) {
        assert.equal(names.get(name) ?? shown, shown, name);
        names.set(name, shown);
      }
    }
  });

  it('stays when a file grows', () => {
    const first = writeFiles(join(dir, 'small'), { 'a.proto': 'syntax = "proto3"; message Foo_Bar { string b = 1; }' });
    const grown = writeFiles(join(dir, 'grown'), {
      'a.proto':
        'syntax = "proto3"; message Foo { message Bar {} } message Foo_Bar { string b = 1; } message FooInit {}',
    });
    const classOf = (text: string) => /export class (\S+) \{\n {2}static readonly typeUrl = 'Foo_Bar'/.exec(text)?.[1];
    assert.equal(classOf(generate(first)[0]!.text), 'Foo_Bar$');
    assert.equal(classOf(generate(grown)[0]!.text), 'Foo_Bar$');
  });
});

describe('the name of a property', () => {
  const cases: [name: string, json: string, property: string][] = [
    ['exit_status', 'exitStatus', 'exitStatus'],
    ['_1st', '1st', '$1st'],
    ['x__y', 'xY', 'xY'],
    ['a_1', 'a1', 'a1'],
    ['constructor', 'constructor', 'constructor$'],
    ['has_own_property', 'hasOwnProperty', 'hasOwnProperty$'],
    ['to_json', 'toJson', 'toJson'],
    ['toJSON', 'toJSON', 'toJSON$'],
    ['__proto__', 'Proto', 'Proto'],
    ['then', 'then', 'then'],
    ['_', '', '$'],
  ];
  for (const [name, json, property] of cases) {
    it(`of ${name} is ${property}, and ${JSON.stringify(json)} in JSON`, () => {
      assert.deepEqual([jsonName(name), propertyName(name)], [json, property]);
    });
  }
});

describe('generated modules', () => {
  const files = writeFiles(join(dir, 'clashes'), {
    'words.proto': `syntax = "proto3"; package words;
      ${WORDS.map((word) => `message ${word} { string ${word} = 1; map<int64, ${word}> m = 2; }`).join('\n')}
      message All { ${WORDS.map((word, index) => `words.${word} w${index} = ${index + 1};`).join(' ')} }`,
    'values.proto': `syntax = "proto3"; package values;
      enum Names { zero = 0; ${valuesOf(WORDS.filter((word, index) => !isSecondSpelling(word, index)))} }
      message Holder { enum More { zero = 0; ${valuesOf(WORDS.filter(isSecondSpelling))} } Names name = 1; More more = 2; }`,
    'a.proto': 'syntax = "proto3"; package a; message Item { int32 x = 1; } message Value { string s = 1; }',
    'b.proto': 'syntax = "proto3"; package b; message Item { string y = 1; }',
    'c.proto': `syntax = "proto3"; package c; import "a.proto"; import "b.proto"; import "google/protobuf/timestamp.proto";
      message Pair { a.Item left = 1; b.Item right = 2; map<string, b.Item> more = 3; repeated a.Item list = 4; a.Value value = 5; }
      message Timestamp { int64 ms = 1; }
      message Value { google.protobuf.Timestamp at = 1; Timestamp own = 2; a.Value value = 3; }`,
    'maps.proto': `syntax = "proto3"; package m;
      message User { map<string, int32> group_labels = 1; } message UserGroup { map<string, string> labels = 1; }`,
    'nested.proto': `syntax = "proto3"; package n;
      message Foo { message Bar { int32 a = 1; } Bar bar = 1; } message Foo_Bar { string b = 1; } message FooInit { bool c = 1; }
      message Use { Foo.Bar x = 1; Foo_Bar y = 2; FooInit z = 3; }`,
    'fields.proto': `syntax = "proto3"; package f;
      message Odd { string __proto__ = 1; string _1st = 2; string constructor = 3; string then = 4; string has_own_property = 5; }`,
    'options.proto': `syntax = "proto3"; package o; import "google/protobuf/descriptor.proto";
      extend google.protobuf.FieldOptions { optional string constructor = 50000; optional string __proto__ = 50001; }
      message Marked { string name = 1 [(constructor) = "a", (__proto__) = "b"]; }`,
    'foo.proto': 'syntax = "proto3"; message foo { int32 x = 1; }',
    'oneof.proto': `syntax = "proto3"; package q; import "foo.proto"; message foo { oneof foo { .foo x = 1; string y = 2; } }`,
    'numbers.proto': `syntax = "proto2"; package u;
      message NaN { optional double d = 1 [default = nan]; }
      message Infinity { optional double d = 1 [default = inf]; optional float e = 2 [default = -inf]; }`,
    'two.proto': `syntax = "proto2"; package two; message Close { optional int32 a_b = 1; optional int32 aB = 2; }`,
    'private.proto':
      'syntax = "proto2"; message Private { optional string a = 1 [default = "<\ue000x\ue001>", json_name = "\ue000j"]; }',
  });

  it('type-check whatever types are called and wherever they come from', () => {
    const out = join(dir, 'typescript');
    writeModules(generate(files), out);
    assert.equal(typeErrors(out), '');
  });

  it('carry every field to and back whatever it is called', async () => {
    const modules = await loadGenerated(files, join(dir, 'javascript'));
    const { Pair } = modules.c!;
    const pair = new Pair!({ left: { x: 1 }, right: { y: 'r' }, more: { k: { y: 'm' } }, list: [{ x: 2 }] });
    const bytes = encodeToBuffer(Pair!, pair);
    assert.deepEqual(Pair!.decode(bytes, 0, bytes.length), pair);
    const { Marked } = modules.options!;
    assert.equal(encodeToBuffer(Marked!, { name: 'm' }).toString('hex'), '0a016d');
    const { Odd } = modules.fields!;
    // biome-ignore lint/suspicious/noThenProperty: it is a string, and the name under test
    const odd = { Proto: 'p', $1st: 'f', constructor$: 'c', then: 't', hasOwnProperty$: 'h' };
    const oddBytes = encodeToBuffer(Odd!, odd);
    assert.equal(oddBytes.toString('hex'), '0a01701201661a01632201742a0168');
    assert.deepEqual({ ...Odd!.decode(oddBytes, 0, oddBytes.length) }, odd);
    for (const [name, Class] of Object.entries(modules.words!)) {
      if (name === 'All') continue;
      const bytes = Buffer.from('0a0178', 'hex');
      assert.deepEqual(encodeToBuffer(Class, Class.decode(bytes, 0, bytes.length)), bytes, Class.typeUrl);
    }
    assert.equal(Object.getPrototypeOf(modules.values!.Names), Object.prototype);
    const values = [modules.values!.Names!, modules.values!.Holder_More!].flatMap((names) => Object.keys(names));
    assert.equal(values.length, WORDS.length + 2);
    const oneof = modules.oneof!.foo!;
    const imported = encodeToBuffer(oneof, { x: { x: 5 } });
    assert.equal(imported.toString('hex'), '0a020805');
    assert.equal(oneof.decode(imported, 0, imported.length).x.x, 5);
    const defaults = ['NaN', 'Infinity'].flatMap((name) =>
      modules.numbers![name]!.fields!.map((field) => field.default),
    );
    assert.deepEqual(defaults, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    const [ofPrivate] = modules.private!.Private!.fields!;
    assert.deepEqual([ofPrivate!.default, ofPrivate!.jsonName], ['<\ue000x\ue001>', '\ue000j']);
    const { Close } = modules.two!;
    assert.equal(encodeToBuffer(Close!, { aB: 1, aB$2: 2 }).toString('hex'), '08011002');
  });
});
