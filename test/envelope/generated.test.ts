import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { eventJson } from '../../src/envelope/event-json.js';
import { builtInTypes } from '../../src/envelope/generated/index.js';
import { MalformedPayloadError } from '../../src/errors.js';
import * as events from '../../src/events.js';
import { Everything, Tree } from '../fixtures/generated/everything.js';
import { size } from '../support/full.js';
import { refusesLongVarint } from '../support/long-varints.js';
import { arbitraryEvent, loadOracle, oracleEncode, plain } from '../support/protobuf-oracle.js';

const oracle = loadOracle([
  'test/fixtures/proto/everything.proto',
  ...['task', 'container', 'content', 'image', 'namespace', 'snapshot', 'sandbox'].map(
    (name) => `proto/containerd/events/${name}.proto`,
  ),
  'proto/containerd/types/envelope.proto',
  'proto/ringcast/dead_letter.proto',
  'proto/ringcast/plugin/plugin.proto',
  'proto/google/protobuf/wrappers.proto',
  'proto/google/protobuf/duration.proto',
  'proto/google/protobuf/empty.proto',
  'proto/google/protobuf/field_mask.proto',
]);

const codecs: readonly EventCodec[] = [...builtInTypes, Everything, Tree];

function encode(codec: EventCodec, event: object): Buffer {
  const target = Buffer.from(new SharedArrayBuffer(1 << 17));
  const end = codec.encode(event, target, 0, target.length);
  assert.notEqual(end, -1);
  return Buffer.from(target.subarray(0, end));
}

/** As large as what threads copy out of the ring. */
const batch = Buffer.alloc(1 << 16, 0x0a);

type Outcome = { value: Record<string, unknown> } | { failed: true };

function outcome(decode: () => Record<string, unknown>): Outcome {
  try {
    return { value: decode() };
  } catch (error) {
    // Ours must be our error; protobufjs throws Error, RangeError and TypeError.
    if (!(error instanceof MalformedPayloadError) && (error as Error).name === 'AssertionError') throw error;
    return { failed: true };
  }
}

function assertSameDecoding(codec: EventCodec, bytes: Buffer): void {
  const type = oracle.lookupType(codec.typeUrl);
  let refusedLongVarint = false;
  const decoding = (source: Buffer, start: number) =>
    outcome(() => {
      try {
        return plain(codec, codec.decode(source, start, start + bytes.length) as object);
      } catch (error) {
        assert.ok(error instanceof MalformedPayloadError, `${error}`);
        refusedLongVarint = refusesLongVarint(error, bytes);
        throw error;
      }
    });
  const ours = decoding(bytes, 0);
  // In a batch it lies among others, at any place.
  const start = 1 + ((bytes.length * 13) % 64);
  batch.set(bytes, start);
  assert.deepEqual(decoding(batch, start), ours, `in a batch: ${bytes.toString('hex')}`);
  if (refusedLongVarint) return;
  const theirs = outcome(() => plain(codec, type.decode(bytes), type));
  assert.deepEqual(ours, theirs, bytes.toString('hex'));
}

it('every generated class is exported to users', () => {
  const exported = new Set<unknown>(Object.values(events));
  for (const type of builtInTypes) assert.ok(exported.has(type), type.typeUrl);
});

it('a map is written by its own keys, and none that it inherits', () => {
  const target = Buffer.alloc(256);
  const labels = Object.assign(Object.create({ inherited: 'x' }), { own: 'y' });
  const end = events.ContainerUpdate.encode({ id: 'c1', labels }, target, 0, target.length);
  assert.deepEqual(events.ContainerUpdate.decode(target, 0, end).labels, { own: 'y' });
});

describe('the seconds of a Timestamp and a Duration', () => {
  const outside = [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
  for (const Type of [events.Timestamp, events.Duration]) {
    for (const seconds of outside) {
      it(`are exact beyond 2^53: ${seconds} s in a ${Type.typeUrl}`, () => {
        const bytes = encode(Type, { seconds });
        const decoded = Type.decode(bytes, 0, bytes.length);
        assert.equal(decoded.seconds, seconds);
        assert.equal(new Type({ seconds }).seconds, seconds);
        assert.deepEqual(encode(Type, decoded), bytes);
        assert.ok(JSON.stringify(eventJson(Type, decoded)).includes(`${seconds}`));
      });
    }

    it(`are a number up to 2^53 in a ${Type.typeUrl}`, () => {
      for (const seconds of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -1]) {
        const bytes = encode(Type, { seconds: BigInt(seconds) });
        assert.equal(Type.decode(bytes, 0, bytes.length).seconds, seconds);
        assert.equal(new Type({ seconds: BigInt(seconds) }).seconds, seconds);
      }
    });
  }
});

for (const codec of codecs) {
  const runs = codec.typeUrl.startsWith('test') ? size(50, 100) : size(15, 50);
  describe(codec.typeUrl, () => {
    it('encodes to the bytes protobufjs writes, from plain objects and from instances', () => {
      const type = oracle.lookupType(codec.typeUrl);
      fc.assert(
        fc.property(arbitraryEvent(codec), (event) => {
          const expected = oracleEncode(type, codec, event).toString('hex');
          assert.equal(encode(codec, event).toString('hex'), expected);
          const Class = codec as unknown as new (init: object) => object;
          assert.equal(encode(codec, new Class(event)).toString('hex'), expected);
        }),
        { numRuns: runs },
      );
    });

    it('decodes what protobufjs writes to equal values', () => {
      const type = oracle.lookupType(codec.typeUrl);
      fc.assert(
        fc.property(arbitraryEvent(codec), (event) => assertSameDecoding(codec, oracleEncode(type, codec, event))),
        { numRuns: runs },
      );
    });

    it('accepts and refuses damaged bytes exactly as protobufjs does', () => {
      const type = oracle.lookupType(codec.typeUrl);
      const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)), {
        maxLength: 3,
      });
      const cut = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: 1 });
      fc.assert(
        fc.property(arbitraryEvent(codec), damage, cut, (event, changes, kept) => {
          const bytes = oracleEncode(type, codec, event);
          for (const [where, value] of changes) if (bytes.length > 0) bytes[Math.floor(where * bytes.length)] = value;
          assertSameDecoding(codec, bytes.subarray(0, Math.ceil(kept * bytes.length)));
        }),
        { numRuns: runs * 3 },
      );
    });

    it('writes nothing at or beyond the limit, whatever the limit', () => {
      fc.assert(
        fc.property(arbitraryEvent(codec), fc.nat(40), (event, short) => {
          const whole = encode(codec, event);
          const limit = 8 + Math.max(0, whole.length - short);
          const target = Buffer.from(new SharedArrayBuffer(whole.length + 64)).fill(0xaa);
          const end = codec.encode(event, target, 8, limit);
          assert.equal(end, whole.length + 8 <= limit ? whole.length + 8 : -1);
          assert.ok(target.subarray(limit).every((byte) => byte === 0xaa));
          assert.ok(target.subarray(0, 8).every((byte) => byte === 0xaa));
          if (end >= 0) assert.deepEqual(Buffer.from(target.subarray(8, end)), whole);
        }),
        { numRuns: runs },
      );
    });

    // protobufjs takes field number 0 in a message without fields; protobuf does not, and neither do we.
    if (codec.fields?.length === 0) return;
    it('accepts and refuses random bytes exactly as protobufjs does', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => assertSameDecoding(codec, Buffer.from(bytes))),
        { numRuns: runs * 3 },
      );
    });
  });
}
