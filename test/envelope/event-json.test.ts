import assert from 'node:assert/strict';
import { createReadStream, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { formatCtrLine } from '../../src/envelope/ctr-json.js';
import { readDelimited } from '../../src/envelope/delimited.js';
import type { Envelope } from '../../src/envelope/envelope.js';
import { EnvelopeContext } from '../../src/envelope/envelope-context.js';
import { reencode } from '../../src/envelope/envelope-reencode.js';
import { scanEnvelope } from '../../src/envelope/envelope-scan.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { eventJson, strictEventJson } from '../../src/envelope/event-json.js';
import { ReceivedEnvelope } from '../../src/envelope/received-envelope.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { MalformedPayloadError, UnknownTypeError } from '../../src/errors.js';
import {
  Any,
  ContentCreate,
  DeadLetter,
  Duration,
  ImageCreate,
  NullValue,
  TaskExit,
  Timestamp,
  Value,
} from '../../src/events.js';
import { Everything } from '../fixtures/generated/everything.js';
import { oracleEnvelope } from '../support/envelope-oracle.js';

const fixtures = new URL('../../../test/fixtures/containerd-1.6.20/', import.meta.url);
const registry = new TypeRegistry();
registry.register(Everything);
const context = new EnvelopeContext(registry);

function received(bytes: Buffer): Envelope {
  return ReceivedEnvelope.over(bytes, context, 0, 0);
}

function envelopeOf(codec: EventCodec, event: object): Envelope {
  const target = Buffer.alloc(1 << 16);
  const value = new Uint8Array(target.subarray(0, codec.encode(event, target, 0, target.length)));
  return received(
    oracleEnvelope({
      timestamp: { seconds: 0, nanos: 5 },
      namespace: 'n',
      topic: '/t',
      event: { typeUrl: codec.typeUrl, value },
    }),
  );
}

describe('formatCtrLine', () => {
  it('prints a recorded stream of containerd 1.6.20 byte for byte as ctr did', async () => {
    const expected = readFileSync(new URL('ctr-events.txt', fixtures), 'utf8').split('\n');
    let line = 0;
    for await (const bytes of readDelimited(createReadStream(new URL('envelopes.binpb', fixtures)))) {
      assert.equal(formatCtrLine(received(bytes), registry), expected[line++]);
      assert.ok(scanEnvelope(bytes, 0, bytes.length).canonical, `line ${line}`);
      assert.deepEqual(reencode(bytes), Buffer.from(bytes));
    }
    assert.equal(line, 2550);
    assert.deepEqual(expected.slice(line), ['']);
  });

  const cases: [name: string, codec: EventCodec, event: object, json: string][] = [
    ['nothing but defaults', ImageCreate, {}, '{}'],
    [
      'HTML characters and separators',
      ImageCreate,
      { name: '<a&b>\u2028\u2029"\\\b\f\n\u0001\u007f\\b' },
      '{"name":"\\u003ca\\u0026b\\u003e\\u2028\\u2029\\"\\\\\\u0008\\u000c\\n\\u0001\u007f\\\\b"}',
    ],
    [
      'maps in the order of their keys',
      ImageCreate,
      { labels: { b: '1', 10: '2', 9: '3', '': '4', '😀': '5', '\uffff': '6' } },
      '{"labels":{"":"4","10":"2","9":"3","b":"1","\uffff":"6","😀":"5"}}',
    ],
    ['a time that is not set', TaskExit, { pid: 1 }, '{"pid":1,"exited_at":"0001-01-01T00:00:00Z"}'],
    [
      'a time before 1970',
      TaskExit,
      { exitedAt: { seconds: -1, nanos: 500_000_000 } },
      '{"exited_at":"1969-12-31T23:59:59.5Z"}',
    ],
    [
      'a large integer',
      ContentCreate,
      { size: 9_007_199_254_740_993n, mediaType: 'x' },
      '{"size":9007199254740993,"mediaType":"x"}',
    ],
    [
      'floats',
      Everything,
      { oneFloat: 0.1, oneDouble: 1e21, manyFloat: [16_777_216, 1e-7, -0] },
      '{"one_double":1e+21,"one_float":0.1,"many_float":[16777216,1e-7,-0],"at":"0001-01-01T00:00:00Z"}',
    ],
    [
      'bytes',
      Everything,
      { oneBytes: Uint8Array.of(255, 0), at: { seconds: 0 } },
      '{"one_bytes":"/wA=","at":"1970-01-01T00:00:00Z"}',
    ],
  ];
  for (const [name, codec, event, json] of cases) {
    it(`prints ${name} as Go does`, () => {
      assert.equal(
        formatCtrLine(envelopeOf(codec, event), registry),
        `1970-01-01 00:00:00.000000005 +0000 UTC n /t ${json}`,
      );
    });
  }

  it('prints timestamps as their fields where asked, as containerd 2 does', () => {
    const line = formatCtrLine(envelopeOf(TaskExit, { exitedAt: { seconds: 7, nanos: 1 } }), registry, 'fields');
    assert.match(line, / \{"exited_at":\{"seconds":7,"nanos":1\}\}$/);
    assert.match(formatCtrLine(envelopeOf(TaskExit, { pid: 1 }), registry, 'fields'), / \{"pid":1\}$/);
  });

  it('prints an envelope without an event as ctr does, with nothing after the topic', () => {
    const bytes = oracleEnvelope({ timestamp: { seconds: 1, nanos: 0 }, namespace: 'n', topic: '/t' });
    assert.equal(formatCtrLine(received(bytes), registry), '1970-01-01 00:00:01 +0000 UTC n /t ');
  });

  it('throws where ctr warns and prints nothing', () => {
    const base = { timestamp: { seconds: 1, nanos: 0 }, namespace: 'n', topic: '/t' };
    const unknown = received(oracleEnvelope({ ...base, event: { typeUrl: 'not.Known', value: Uint8Array.of(1) } }));
    assert.throws(() => formatCtrLine(unknown, registry), UnknownTypeError);
    const damaged = received(
      oracleEnvelope({ ...base, event: { typeUrl: TaskExit.typeUrl, value: Uint8Array.of(1) } }),
    );
    assert.throws(() => formatCtrLine(damaged, registry), MalformedPayloadError);
  });
});

describe('eventJson', () => {
  it('follows protobuf’s JSON mapping', () => {
    const event = new Everything({
      oneInt64: -5n,
      maybeUint32: 0,
      byNameUint64: { __proto__x: 18_446_744_073_709_551_615n },
      oneDouble: Number.NaN,
      at: { seconds: 1, nanos: 500_000_000 },
      oneMessage: { data: Uint8Array.of(1), vein: {} },
    });
    assert.deepEqual(JSON.parse(JSON.stringify(eventJson(Everything, event))), {
      oneDouble: 'NaN',
      oneInt64: '-5',
      oneMessage: { data: 'AQ==', vein: {} },
      maybeUint32: 0,
      byNameUint64: { __proto__x: '18446744073709551615' },
      at: '1970-01-01T00:00:01.500Z',
    });
  });

  it('prints fractions of seconds in three, six or nine digits', () => {
    const time = (seconds: number, nanos: number) => eventJson(Timestamp, new Timestamp({ seconds, nanos }));
    const duration = (seconds: number, nanos: number) => eventJson(Duration, new Duration({ seconds, nanos }));
    assert.equal(time(1, 0), '1970-01-01T00:00:01Z');
    assert.equal(time(-1, 120_000_000), '1969-12-31T23:59:59.120Z');
    assert.equal(time(1, 120_000), '1970-01-01T00:00:01.000120Z');
    assert.equal(time(1, 1), '1970-01-01T00:00:01.000000001Z');
    assert.equal(duration(-1, -500_000_000), '-1.500s');
    assert.equal(duration(0, 1_000), '0.000001s');
    assert.equal(duration(0, -100), '-0.000000100s');
  });

  it('keeps the sign of a zero, and prints a NullValue as null whatever its number', () => {
    const zeros = eventJson(Everything, new Everything({ manyFloat: [-0, 0], manyDouble: [-0] }));
    assert.deepEqual(zeros, { manyFloat: [-0, 0], manyDouble: [-0] });
    assert.equal(eventJson(Value, new Value({ nullValue: 7 })), null);
    const field = {
      number: 1,
      name: 'no',
      jsonName: 'no',
      kind: 'enum',
      cardinality: 'singular',
      presence: true,
    } as const;
    const codec = { ...ImageCreate, fields: [{ ...field, values: () => NullValue }] } as never;
    assert.deepEqual(eventJson(codec, { no: 7 }), { no: null });
  });

  it('prints an Any of bytes that are none of its type as its fields, and fails where the mapping has to be exact', () => {
    const broken = new Any({ typeUrl: TaskExit.typeUrl, value: Uint8Array.of(255) });
    const fields = { typeUrl: TaskExit.typeUrl, value: '/w==' };
    assert.deepEqual(eventJson(Any, broken, registry), fields);
    assert.deepEqual(eventJson(DeadLetter, new DeadLetter({ event: broken }), registry), { event: fields });
    assert.throws(() => strictEventJson(Any, broken, registry), MalformedPayloadError);
  });
});
