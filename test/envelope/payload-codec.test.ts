import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { messagePackCodec } from '../../src/envelope/payload-codec.js';
import { InvalidEventError, MalformedPayloadError } from '../../src/errors.js';
import { codePoint } from '../support/code-points.js';
import { size } from '../support/full.js';

const target = Buffer.from(new SharedArrayBuffer(1 << 20));

function roundTrip(value: unknown): unknown {
  const end = messagePackCodec.encode(value, target, 5, target.length);
  assert.notEqual(end, -1);
  const copy = Buffer.concat([Buffer.alloc(3), target.subarray(5, end), Buffer.alloc(3, 0xc1)]);
  return messagePackCodec.decode(copy, 3, copy.length - 3);
}

/** As deepEqual, but that two invalid dates are equal. */
function assertSame(actual: unknown, expected: unknown): void {
  const options = { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null };
  assert.equal(inspect(actual, options), inspect(expected, options));
}

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: false,
  stringUnit: codePoint,
  withNullPrototype: false,
  key: fc.string({ unit: codePoint }).filter((key) => key !== '__proto__' && key !== 'toJSON'),
});

describe('MessagePack codec', () => {
  it('gives back what structured cloning gives', () => {
    fc.assert(
      fc.property(anything, (value) => {
        assertSame(roundTrip(value), structuredClone(value));
      }),
      { numRuns: size(250, 1_000) },
    );
  });

  it('is read by a plain msgpackr, and reads what a plain msgpackr writes', () => {
    const packr = new Packr({ useRecords: false });
    fc.assert(
      // A zero with a sign is no JSON.
      fc.property(
        fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
        (value) => {
          const end = messagePackCodec.encode(value, target, 0, target.length);
          const ours = packr.unpack(Buffer.from(target.subarray(0, end)));
          const safe = JSON.parse(JSON.stringify(value).replaceAll(/(?<!\\)"__proto__":/g, '"__proto_":'));
          assert.deepEqual(ours, safe);
          const theirs = packr.pack(value);
          assert.deepEqual(messagePackCodec.decode(theirs, 0, theirs.length), safe);
        },
      ),
    );
  });

  const values: [name: string, value: unknown, expected?: unknown][] = [
    [
      'integers around every size',
      [
        0,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        2 ** 32 - 1,
        2 ** 32,
        -1,
        -32,
        -33,
        -128,
        -129,
        -32_768,
        -32_769,
        -(2 ** 31),
        -(2 ** 31) - 1,
      ],
    ],
    ['floats', [0.1, -0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 2 ** 53]],
    [
      'bigints around every size',
      [
        0n,
        -1n,
        2n ** 63n - 1n,
        -(2n ** 63n),
        2n ** 63n,
        2n ** 64n - 1n,
        2n ** 64n,
        -(2n ** 63n) - 1n,
        2n ** 200n,
        -(2n ** 200n),
        255n << 120n,
        -(128n << 120n),
      ],
    ],
    [
      'dates',
      [
        new Date(0),
        new Date(-1),
        new Date(1_732_000_000_123),
        new Date(8.64e15),
        new Date(-8.64e15),
        new Date(Number.NaN),
        new Date(2 ** 34 * 1000 - 1),
        new Date(2 ** 34 * 1000),
      ],
    ],
    [
      'strings around every size',
      [
        '',
        'x'.repeat(19),
        'x'.repeat(20),
        'x'.repeat(31),
        'x'.repeat(32),
        'é'.repeat(10),
        'é'.repeat(15),
        'é'.repeat(16),
        'x'.repeat(255),
        'x'.repeat(256),
        'x'.repeat(65_536),
      ],
    ],
    ['arrays around every size', [new Array(15).fill(1), new Array(16).fill(1), new Array(65_536).fill(1)]],
    [
      'records around every size',
      [15, 16, 300].map((size) => Object.fromEntries(Array.from({ length: size }, (_, index) => [`k${index}`, index]))),
    ],
    [
      'typed arrays',
      [
        Uint8Array.of(1),
        new Uint8ClampedArray(2),
        Float64Array.of(0.5),
        BigInt64Array.of(-1n),
        new Uint8Array(300),
        new Int16Array(200),
      ],
    ],
    ['a bare buffer and a view of one', [new ArrayBuffer(3), new DataView(new ArrayBuffer(4))]],
    [
      'a Map with keys of any type, and in a Set',
      new Set([
        new Map<unknown, unknown>([
          [1, 'a'],
          [{ b: 1 }, new Map()],
          [undefined, null],
        ]),
      ]),
    ],
    ['expressions', [/a.b/giu]],
    ['undefined', [undefined, { a: undefined }]],
    [
      'instances as plain objects',
      new (class Point {
        x = 1;
        get y() {
          return 2;
        }
      })(),
      { x: 1 },
    ],
    ['what toJSON returns', { at: new URL('http://a.b/c') }, { at: 'http://a.b/c' }],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['a lone surrogate as the replacement character', '\ud800', '\ufffd'],
    ['holes as undefined', Object.assign([1], { 2: 2 }), [1, undefined, 2]],
  ];
  for (const [name, value, expected = value] of values) {
    it(`carries ${name}`, () => assertSame(roundTrip(value), expected));
  }

  it('carries errors with their name, message and cause', () => {
    const error = roundTrip(new RangeError('too far', { cause: new Error('why') })) as Error;
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'too far');
    assert.equal((error.cause as Error).message, 'why');
  });

  it('gives bytes back as Uint8Array, also those of a Buffer', () => {
    const bytes = roundTrip({ bytes: Buffer.from('abc') }) as { bytes: Uint8Array };
    assert.equal(bytes.bytes.constructor, Uint8Array);
    assert.deepEqual([...bytes.bytes], [97, 98, 99]);
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];
  let deep: unknown = 0;
  for (let index = 0; index < 10_000; index++) deep = [deep];
  const refused: [name: string, value: unknown][] = [
    ['a function', { handler: () => {} }],
    ['a symbol', [Symbol('x')]],
    ['a promise', { later: Promise.resolve() }],
    ['shared memory', new SharedArrayBuffer(8)],
    ['a weak map', new WeakMap()],
    ['an object that contains itself', cycle],
    ['a Map that contains itself', ((map) => map.set('self', map))(new Map())],
    ['nesting without end', deep],
    [
      'a toJSON that returns a new object with a toJSON each time',
      {
        toJSON: function again(): object {
          return { toJSON: again };
        },
      },
    ],
  ];
  for (const [name, value] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => messagePackCodec.encode(value, target, 0, target.length), InvalidEventError);
    });
  }

  it('writes properties of its own, and none that it inherits', () => {
    assertSame(roundTrip(Object.assign(Object.create({ inherited: 1 }), { own: 2 })), { own: 2 });
  });

  it('writes nothing at or beyond the limit, whatever the limit', () => {
    fc.assert(
      fc.property(anything, fc.nat(40), (value, short) => {
        const end = messagePackCodec.encode(value, target, 0, target.length);
        const whole = Buffer.from(target.subarray(0, end));
        const limit = 8 + Math.max(0, whole.length - short);
        const room = Buffer.from(new SharedArrayBuffer(whole.length + 64)).fill(0xaa);
        const result = messagePackCodec.encode(value, room, 8, limit);
        assert.equal(result, whole.length + 8 <= limit ? whole.length + 8 : -1);
        assert.ok(room.subarray(limit).every((byte) => byte === 0xaa));
        assert.ok(room.subarray(0, 8).every((byte) => byte === 0xaa));
      }),
      { numRuns: size(150, 500) },
    );
  });

  it('may be used again by a getter or a toJSON while it writes', () => {
    const inner: Buffer[] = [];
    const nested = () => {
      const room = Buffer.alloc(100);
      inner.push(room.subarray(0, messagePackCodec.encode({ nested: [1, 2, 3] }, room, 0, 100)));
      return 'value';
    };
    const value = {
      first: 'a'.repeat(50),
      get second() {
        return nested();
      },
      third: { toJSON: nested },
    };
    assert.deepEqual(roundTrip(value), { first: 'a'.repeat(50), second: 'value', third: 'value' });
    assert.equal(inner.length, 2);
    for (const bytes of inner) assert.deepEqual(messagePackCodec.decode(bytes, 0, bytes.length), { nested: [1, 2, 3] });
  });

  it('refuses damaged bytes with an error of its own', () => {
    for (const hex of ['', '81', 'a5616263', '92c0', 'c0c0', 'dfffffffff', 'd47200', '9f']) {
      const bytes = Buffer.from(hex, 'hex');
      assert.throws(() => messagePackCodec.decode(bytes, 0, bytes.length), MalformedPayloadError, hex);
    }
  });

  it('decodes random bytes to a value or to an error of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          messagePackCodec.decode(Buffer.from(bytes), 0, bytes.length);
        } catch (error) {
          assert.ok(error instanceof MalformedPayloadError, `${error}`);
        }
      }),
      { numRuns: size(500, 2_000) },
    );
  });
});
