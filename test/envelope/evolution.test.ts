/** Each line of "Changing a schema" in src/envelope/README.md. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { eventJson } from '../../src/envelope/event-json.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { MalformedPayloadError } from '../../src/errors.js';
import { encodeToBuffer, type GeneratedClass, loadGenerated, writeFiles } from '../support/generated-code.js';

const dir = mkdtempSync(join(tmpdir(), 'evolution-'));
after(() => rmSync(dir, { recursive: true }));

type Versions = (before: GeneratedClass, after: GeneratedClass) => void;

const P3 = 'syntax = "proto3"; package e;';
const P2 = 'syntax = "proto2"; package e;';

/** What `reader` makes of an event of `writer`, without what is unset. */
function sent(writer: GeneratedClass, event: object, reader: GeneratedClass): Record<string, unknown> {
  return eventJson(reader, decoded(writer, event, reader)) as Record<string, unknown>;
}

function decoded(writer: GeneratedClass, event: object, reader: GeneratedClass) {
  const bytes = encodeToBuffer(writer, event);
  return reader.decode(bytes, 0, bytes.length);
}

/** An event of `writer` that passes through a subscriber which knows it as `middle`. */
function passed(writer: GeneratedClass, event: object, middle: GeneratedClass): Record<string, unknown> {
  return sent(middle, decoded(writer, event, middle) as object, writer);
}

const lines: [change: string, before: string, after: string, check: Versions][] = [
  [
    'add a field',
    `${P3} message M { int32 a = 1; }`,
    `${P3} message M { int32 a = 1; string b = 2; }`,
    (Old, New) => {
      assert.deepEqual(sent(New, { a: 1, b: 'x' }, Old), { a: 1 });
      assert.deepEqual(passed(New, { a: 1, b: 'x' }, Old), { a: 1, b: 'x' });
      assert.equal(decoded(Old, { a: 1 }, New).b, '');
    },
  ],
  [
    'remove a field (keep its number and name `reserved`)',
    `${P3} message M { int32 a = 1; string b = 2; }`,
    `${P3} message M { int32 a = 1; reserved 2; reserved "b"; }`,
    (Old, New) => {
      assert.deepEqual(passed(Old, { a: 1, b: 'x' }, New), { a: 1, b: 'x' });
      assert.equal(decoded(New, { a: 1 }, Old).b, '');
    },
  ],
  [
    'rename a field',
    `${P3} message M { int32 old_name = 1; }`,
    `${P3} message M { int32 new_name = 1; }`,
    (Old, New) => assert.deepEqual(sent(Old, { oldName: 1 }, New), { newName: 1 }),
  ],
  [
    'change a field’s number',
    `${P3} message M { int32 a = 1; }`,
    `${P3} message M { int32 a = 2; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: 1 }, New), {});
      assert.deepEqual(passed(Old, { a: 1 }, New), { a: 1 });
    },
  ],
  [
    '`int32` `uint32` `int64` `uint64` `bool` enum, one for another',
    `${P3} message M { int64 a = 1; int32 b = 2; uint64 c = 3; bool d = 4; }`,
    `${P3} enum E { ZERO = 0; } message M { int32 a = 1; int64 b = 2; bool c = 3; E d = 4; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: -5n, b: -5, c: 8n, d: true }, New), { a: -5, b: '-5', c: true, d: 1 });
      assert.deepEqual(sent(Old, { a: 2n ** 32n + 7n }, New), { a: 7 });
    },
  ],
  [
    '`sint32` and `sint64`, `fixed32` and `sfixed32`, `fixed64` and `sfixed64`',
    `${P3} message M { sint32 a = 1; fixed32 b = 2; fixed64 c = 3; }`,
    `${P3} message M { sint64 a = 1; sfixed32 b = 2; sfixed64 c = 3; }`,
    (Old, New) => assert.deepEqual(sent(Old, { a: -3, b: 4, c: 5n }, New), { a: '-3', b: 4, c: '5' }),
  ],
  [
    'any other number for another',
    `${P3} message M { int32 a = 1; int32 b = 2; }`,
    `${P3} message M { sint32 a = 1; fixed32 b = 2; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: 4, b: 4 }, New), { a: 2 });
      assert.deepEqual(passed(Old, { b: 4 }, New), { b: 4 });
    },
  ],
  [
    '`string` for `bytes`',
    `${P3} message M { bytes a = 1; }`,
    `${P3} message M { string a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: Buffer.from('é') }, New), { a: 'é' });
      assert.throws(() => sent(Old, { a: Uint8Array.of(255) }, New), MalformedPayloadError);
    },
  ],
  [
    'a message for `bytes`',
    `${P3} message M { N a = 1; } message N { int32 b = 1; }`,
    `${P3} message M { bytes a = 1; }`,
    (Old, New) => assert.deepEqual(sent(New, { a: Uint8Array.of(8, 1) }, Old), { a: { b: 1 } }),
  ],
  [
    'one value to `repeated`: strings, bytes, messages',
    `${P3} message M { string a = 1; N b = 2; } message N { int32 x = 1; int32 y = 2; }`,
    `${P3} message M { repeated string a = 1; repeated N b = 2; } message N { int32 x = 1; int32 y = 2; }`,
    (Old, New) => {
      assert.deepEqual(sent(New, { a: ['x', 'y'], b: [{ x: 1 }, { y: 2 }] }, Old), { a: 'y', b: { x: 1, y: 2 } });
      assert.deepEqual(sent(Old, { a: 'x' }, New), { a: ['x'] });
    },
  ],
  [
    'one value to `repeated`: numbers',
    `${P3} message M { int32 a = 1; }`,
    `${P3} message M { repeated int32 a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(New, { a: [1, 2] }, Old), {});
      assert.deepEqual(passed(New, { a: [1, 2] }, Old), { a: [1, 2] });
    },
  ],
  [
    '`repeated` numbers to `[packed]` and back',
    `${P3} message M { repeated int32 a = 1 [packed = false]; }`,
    `${P3} message M { repeated int32 a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: [1, 2] }, New), { a: [1, 2] });
      assert.deepEqual(sent(New, { a: [1, 2] }, Old), { a: [1, 2] });
    },
  ],
  [
    'a `map` for a `repeated` message of `key` and `value`',
    `${P3} message M { repeated Entry a = 1; } message Entry { string key = 1; int32 value = 2; }`,
    `${P3} message M { map<string, int32> a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: [{ key: 'k', value: 1 }] }, New), { a: { k: 1 } });
      assert.deepEqual(sent(New, { a: { k: 1 } }, Old), { a: [{ key: 'k', value: 1 }] });
    },
  ],
  [
    'give the keys or values of a `map` another type',
    `${P3} message M { map<string, string> a = 1; }`,
    `${P3} message M { map<string, int32> a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: { k: 'text' } }, New), { a: { k: 0 } });
      assert.deepEqual(passed(Old, { a: { k: 'text' } }, New), { a: { k: '' } });
    },
  ],
  [
    'add a value to an open enum',
    `${P3} enum E { A = 0; } message M { E a = 1; }`,
    `${P3} enum E { A = 0; B = 1; } message M { E a = 1; }`,
    (Old, New) => assert.deepEqual([sent(New, { a: 1 }, Old), sent(New, { a: 1 }, New)], [{ a: 1 }, { a: 'B' }]),
  ],
  [
    'add a value to a closed enum',
    `${P2} enum E { A = 0; } message M { optional E a = 1; }`,
    `${P2} enum E { A = 0; B = 1; } message M { optional E a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(New, { a: 1 }, Old), {});
      assert.deepEqual(passed(New, { a: 1 }, Old), { a: 'B' });
    },
  ],
  [
    'put one field into a new `oneof`, or take it out',
    `${P3} message M { int32 a = 1; }`,
    `${P3} message M { oneof o { int32 a = 1; } }`,
    (Old, New) => assert.deepEqual([sent(Old, { a: 1 }, New), sent(New, { a: 1 }, Old)], [{ a: 1 }, { a: 1 }]),
  ],
  [
    'put two fields into a `oneof`',
    `${P3} message M { int32 a = 1; int32 b = 2; }`,
    `${P3} message M { oneof o { int32 a = 1; int32 b = 2; } }`,
    (Old, New) => assert.deepEqual(sent(Old, { a: 1, b: 2 }, New), { b: 2 }),
  ],
  [
    'give a field explicit presence (`optional`), or take it away',
    `${P3} message M { int32 a = 1; }`,
    `${P3} message M { optional int32 a = 1; }`,
    (Old, New) => {
      assert.deepEqual(sent(Old, { a: 5 }, New), { a: 5 });
      assert.deepEqual([sent(Old, { a: 0 }, New), sent(New, { a: 0 }, Old)], [{}, {}]);
    },
  ],
  [
    'add a `required` field',
    `${P2} message M { optional int32 a = 1; }`,
    `${P2} message M { optional int32 a = 1; required int32 b = 2; }`,
    (Old, New) => assert.throws(() => sent(Old, { a: 1 }, New), MalformedPayloadError),
  ],
  [
    'rename a message or its package',
    `${P3} message M { int32 a = 1; }`,
    'syntax = "proto3"; package e.v2; message M { int32 a = 1; }',
    (Old, New) => {
      const types = new TypeRegistry();
      types.register(Old);
      assert.equal(types.find(New.typeUrl), undefined);
      assert.notEqual(types.find(Old.typeUrl), undefined);
    },
  ],
  [
    'move a file, or change its syntax to an edition',
    `${P2} message M { optional int32 a = 1; repeated int32 b = 2; }`,
    'edition = "2023"; package e; message M { int32 a = 1; repeated int32 b = 2 [features.repeated_field_encoding = EXPANDED]; }',
    (Old, New) => {
      const event = { a: 0, b: [1, 2] };
      assert.deepEqual(encodeToBuffer(New, event), encodeToBuffer(Old, event));
    },
  ],
];

describe('changing a schema', () => {
  for (const [index, [change, before, later, check]] of lines.entries()) {
    it(change, async () => {
      const load = async (version: string, text: string) => {
        const files = writeFiles(join(dir, `${index}-${version}`), { 'm.proto': text });
        return (await loadGenerated(files, join(dir, `${index}-${version}-out`))).m!.M!;
      };
      check(await load('before', before), await load('after', later));
    });
  }

  it('has a test for each line of the guide', () => {
    const guide = readFileSync(new URL('../../../src/envelope/README.md', import.meta.url), 'utf8');
    const [, section = ''] = /## Changing a schema\n([\s\S]*?)\n## /.exec(guide) ?? [];
    const rows = section.matchAll(/^\| (?!change +\||-)(.*?) +\|/gm);
    const plain = (text: string) => text.replaceAll('’', "'");
    assert.deepEqual(
      [...rows].map(([, change]) => plain(change!)),
      lines.map(([change]) => plain(change)),
    );
  });
});
