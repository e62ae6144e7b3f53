/** proto2 and editions: what they have that proto3 has not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventJson } from '../../src/envelope/event-json.js';
import { InvalidEventError, MalformedPayloadError } from '../../src/errors.js';
import { packed, passes, registry } from '../support/field-scene.js';
import {
  decodeHex,
  encodeToBuffer,
  type GeneratedClass,
  loadGenerated,
  writeFiles,
} from '../support/generated-code.js';

const dir = mkdtempSync(join(tmpdir(), 'proto2-'));
after(() => rmSync(dir, { recursive: true }));

const hexOf = (codec: GeneratedClass, event: unknown) => encodeToBuffer(codec, event).toString('hex');

let two: Record<string, GeneratedClass>;
let edition: Record<string, GeneratedClass>;
before(async () => {
  const files = writeFiles(dir, {
    'two.proto': `syntax = "proto2"; package test.two;
      message Needs { required string id = 1; optional Needs inner = 2; repeated Needs list = 3; map<string, Needs> map = 4; }
      message Holds { optional Needs needs = 1; }
      enum Level { LOW = 1; HIGH = 2; }
      message Defaults {
        optional int64 large = 1 [default = 9223372036854775807];
        optional uint64 larger = 2 [default = 0xFFFFFFFFFFFFFFFF];
        optional string text = 3 [default = "a\\"\\303\\251\\n"];
        optional bytes raw = 4 [default = "\\x00\\377a"];
        optional double real = 5 [default = -inf];
        optional float single = 6 [default = 1.5e3];
        optional Level level = 7 [default = HIGH];
        optional Level first = 8;
        optional bool flag = 9 [default = true];
        optional int32 octal = 10 [default = -017];
      }
      message Grouped {
        optional group Inner = 1 { optional int32 a = 1; optional group Deep = 2 { optional string b = 1; } }
        repeated group Many = 3 { optional int32 c = 1; extensions 100 to 199; }
        oneof one { group Either = 4 { optional int32 d = 1; } string other = 5; }
      }
      message Loose { optional string text = 1; map<string, string> map = 2; }
      message Open { optional int32 a = 1; extensions 100 to max; }
      extend Open { optional string extra = 100; repeated group Extras = 101 { optional int32 x = 1; } }
      message Lists { repeated int32 loose = 1; repeated int32 tight = 2 [packed = true]; }`,
    'edition.proto': `edition = "2023"; package test.edition;
      option features.message_encoding = DELIMITED;
      option features.field_presence = IMPLICIT;
      message M { reserved foo, bar; int32 implicit = 1; int32 explicit = 2 [features.field_presence = EXPLICIT];
        Sub sub = 3; Sub prefixed = 4 [features.message_encoding = LENGTH_PREFIXED]; map<int32, Sub> map = 5;
        repeated int32 expanded = 6 [features.repeated_field_encoding = EXPANDED];
        string unchecked = 7 [features.utf8_validation = NONE]; string checked = 8;
        int32 needed = 9 [features.field_presence = LEGACY_REQUIRED]; }
      message Sub { string b = 1; }`,
  });
  const modules = await loadGenerated(files, join(dir, 'out'));
  two = modules.two!;
  edition = modules.edition!;
  for (const type of [...Object.values(two), ...Object.values(edition)]) {
    if (typeof type === 'function') registry.register(type);
  }
});

describe('required fields', () => {
  it('are asked for when an event is written, and named', () => {
    assert.throws(() => encodeToBuffer(two.Needs!, {}), {
      name: InvalidEventError.name,
      message: /Needs\.id is required/,
    });
    assert.throws(() => encodeToBuffer(two.Holds!, { needs: {} }), /Needs\.id is required/);
    assert.equal(hexOf(two.Needs!, { id: '' }), '0a00');
  });

  it('are asked for when an event was read whole, also inside of others', () => {
    for (const hex of ['', '1200', '0a01611200', '0a01611a00', '0a01612203 0a0178', '0a0161220512030a017a']) {
      if (hex === '0a0161220512030a017a') assert.equal(decodeHex(two.Needs!, hex).map[''].id, 'z');
      else
        assert.throws(
          () => decodeHex(two.Needs!, hex),
          (error: unknown) =>
            error instanceof MalformedPayloadError && /required field id is missing/.test(error.message),
          hex,
        );
    }
    assert.throws(() => decodeHex(two.Holds!, '0a00'), MalformedPayloadError);
    assert.equal(decodeHex(two.Holds!, '0a00 0a030a0161').needs.id, 'a', 'in the second piece');
  });
});

describe('default values', () => {
  it('are known to the type, exactly, and are not written', () => {
    const defaults = Object.fromEntries(two.Defaults!.fields!.map((field) => [field.name, field.default]));
    assert.deepEqual(defaults, {
      large: 9_223_372_036_854_775_807n,
      larger: 18_446_744_073_709_551_615n,
      text: 'a"é\n',
      raw: Uint8Array.of(0, 255, 97),
      real: Number.NEGATIVE_INFINITY,
      single: 1500,
      level: 2,
      first: 1,
      flag: true,
      octal: -15,
    });
    assert.equal(new two.Defaults!().large, undefined);
    assert.equal(hexOf(two.Defaults!, {}), '');
    assert.equal(hexOf(two.Defaults!, { flag: false, octal: 0 }), '48005000');
    assert.deepEqual(eventJson(two.Defaults!, decodeHex(two.Defaults!, '3802')), { level: 'HIGH' });
  });

  it('are what conditions compare an unset field with, which is not present all the same', () => {
    const any = packed(two.Defaults!, {});
    assert.ok(passes('event.flag==true', any));
    assert.ok(passes('event.large==9223372036854775807', any));
    assert.ok(passes('event.level==HIGH,event.first==LOW', any));
    assert.ok(passes('event.octal<0', any));
    assert.ok(!passes('event.flag', any));
    assert.ok(!passes('event.flag==true', packed(two.Defaults!, { flag: false })));
  });
});

describe('groups', () => {
  it('are messages between two tags, in lists and oneofs too', () => {
    const event = { inner: { a: 1, deep: { b: 'x' } }, many: [{ c: 1 }, {}], either: { d: 5 } };
    const hex = '0b080113 0a0178 14 0c 1b0801 1c 1b1c 230805 24'.replaceAll(' ', '');
    assert.equal(hexOf(two.Grouped!, event), hex);
    const decoded = decodeHex(two.Grouped!, hex);
    assert.equal(hexOf(two.Grouped!, decoded), hex);
    assert.deepEqual([decoded.inner.deep.b, decoded.many.length, decoded.either.d], ['x', 2, 5]);
    assert.equal(decodeHex(two.Grouped!, `${hex} 2a0179`).either, undefined);
    for (const bad of ['0b', '0b08', '0b14', '0c', '0b0801']) {
      assert.throws(() => decodeHex(two.Grouped!, bad), MalformedPayloadError, bad);
    }
  });

  it('are looked into by conditions', () => {
    const any = packed(two.Grouped!, { inner: { a: 1, deep: { b: 'x' } }, many: [{ c: 1 }, { c: 3 }] });
    assert.ok(passes('event.inner.a==1', any));
    assert.ok(passes('event.inner.deep.b==x,event.many.c==3,event.inner', any));
    assert.ok(!passes('event.many.c==2', any));
  });
});

describe('extensions', () => {
  it('pass through as unknown fields', () => {
    const hex = '0801a2060178ab0608 05ac06'.replaceAll(' ', '');
    assert.equal(hexOf(two.Open!, decodeHex(two.Open!, hex)), hex);
  });
});

describe('strings', () => {
  it('need not be UTF-8 in proto2, and read as U+FFFD there', () => {
    assert.equal(decodeHex(two.Loose!, '0a02ff61').text, '\ufffda');
    assert.deepEqual(decodeHex(two.Loose!, '1206 0a01ff 120161').map, { '\ufffd': 'a' });
    assert.equal(decodeHex(edition.M!, '3a01ff 4801').unchecked, '\ufffd');
    assert.throws(() => decodeHex(edition.M!, '4201ff 4801'), MalformedPayloadError);
  });

  it('that should be UTF-8 and are not fail every condition', () => {
    const any = { typeUrl: 'test.edition.M', value: Buffer.from('4202ff61', 'hex') };
    for (const expression of ['event.checked', 'event.checked!=x', 'event.checked==x', 'event.checked~=a']) {
      assert.equal(passes(expression, any), false, expression);
    }
    const loose = { typeUrl: 'test.two.Loose', value: Buffer.from('0a02ff61', 'hex') };
    assert.ok(passes('event.text!=x', loose));
    assert.ok(passes('event.text', loose));
  });
});

describe('editions', () => {
  it('say by features what proto2 and proto3 say by syntax', () => {
    const event = {
      implicit: 0,
      explicit: 0,
      sub: { b: 'x' },
      prefixed: { b: 'y' },
      map: { 1: { b: 'z' } },
      expanded: [1, 2],
      needed: 0,
    };
    const hex = '1000 1b0a01781c 22030a0179 2a0708011203 0a017a 3001 3002 4800'.replaceAll(' ', '');
    assert.equal(hexOf(edition.M!, event), hex);
    assert.equal(hexOf(edition.M!, decodeHex(edition.M!, hex)), hex);
    assert.throws(() => decodeHex(edition.M!, ''), /required field needed is missing/);
  });

  it('lose no type behind a reserved name', () => {
    assert.equal(edition.Sub!.typeUrl, 'test.edition.Sub');
  });

  it('pack as proto2 does, and read both forms', () => {
    assert.equal(hexOf(two.Lists!, { loose: [1, 2], tight: [1, 2] }), '0801080212020102');
    assert.deepEqual({ ...decodeHex(two.Lists!, '0a020102 1001 1002') }, { loose: [1, 2], tight: [1, 2] });
  });
});
