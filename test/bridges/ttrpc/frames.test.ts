/** Frames of ttrpc, wherever the bytes are cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  encodeFrame,
  type Frame,
  FrameReader,
  HEADER_BYTES,
  MAX_DATA_BYTES,
} from '../../../src/bridges/ttrpc/frame.js';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../../src/bridges/ttrpc/message.js';

const PLAIN = { noNullPrototype: true };

function framesOf(chunks: readonly Buffer[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame);
  }
  assert.equal(reader.heldBytes, 0);
  return frames;
}

/** Cuts `bytes` into pieces of these sizes, again and again. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe('frames', () => {
  const frame = fc.record(
    {
      streamId: fc.nat(2 ** 31),
      type: fc.nat(255),
      flags: fc.nat(255),
      data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    },
    PLAIN,
  );

  test('come out as they went in, wherever the bytes are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(frame), sizes, (frames, pieces) => {
        const bytes = Buffer.concat(frames.map((one) => encodeFrame(one.streamId, one.type, one.flags, one.data)));
        assert.deepEqual(framesOf(cut(bytes, pieces)), frames);
      }),
    );
  });

  test('that are larger than 4 MiB are passed over, and what follows them is read', () => {
    const large = encodeFrame(1, 1, 0, Buffer.alloc(MAX_DATA_BYTES + 1, 7));
    const largest = encodeFrame(3, 1, 0, Buffer.alloc(MAX_DATA_BYTES, 8));
    const small = encodeFrame(5, 1, 0, Buffer.from('small'));
    for (const size of [65_536, 1_000_003, 2 ** 24]) {
      const frames = framesOf(cut(Buffer.concat([large, largest, small]), [size]));
      assert.deepEqual(
        frames.map(({ streamId, data }) => [streamId, data?.length]),
        [
          [1, undefined],
          [3, MAX_DATA_BYTES],
          [5, 5],
        ],
      );
    }
  });

  test('keep nothing of a frame that is passed over', () => {
    const reader = new FrameReader();
    const header = encodeFrame(1, 1, 0, Buffer.alloc(0));
    header.writeUInt32BE(8 * 2 ** 20, 0);
    reader.push(header);
    assert.equal(reader.next()!.data, undefined);
    for (let sent = 0; sent < 8 * 2 ** 20; sent += 65_536) {
      reader.push(Buffer.alloc(65_536));
      assert.equal(reader.next(), undefined);
      assert.equal(reader.heldBytes, 0);
    }
    reader.push(encodeFrame(3, 1, 0, Buffer.from('x')));
    assert.equal(reader.next()!.streamId, 3);
  });

  test('are no frames where the first bytes announce more than anybody sends', () => {
    const reader = new FrameReader();
    reader.push(Buffer.from('GET / HTTP/1.1\r\n'));
    assert.throws(() => reader.next(), RangeError);
    assert.equal(HEADER_BYTES, 10);
  });
});

describe('messages', () => {
  test('of requests and responses are read as they were written', () => {
    const text = fc.string({ unit: 'grapheme' });
    const payload = fc.uint8Array().map((bytes) => Buffer.from(bytes));
    const request = fc.record(
      {
        service: text,
        method: text,
        payload,
        timeoutMs: fc.option(fc.integer({ min: 1, max: 2 ** 31 }), { nil: undefined }),
        metadata: fc.array(fc.tuple(text, text)).map((pairs) => new Map(pairs)),
      },
      PLAIN,
    );
    fc.assert(fc.property(request, (one) => assert.deepEqual(decodeRequest(encodeRequest(one)), one)));
    const response = fc.record({ status: fc.integer({ min: 1, max: 1_000 }), message: text }, PLAIN);
    fc.assert(
      fc.property(response, (one) => {
        const whole = { ...one, payload: Buffer.alloc(0) };
        assert.deepEqual(decodeResponse(encodeResponse(whole)), whole);
      }),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        const whole = { status: 0, message: '', payload: bytes };
        assert.deepEqual(decodeResponse(encodeResponse(whole)), whole);
      }),
    );
  });

  test('that are damaged are refused or read, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        for (const decode of [decodeRequest, decodeResponse]) {
          try {
            decode(Buffer.from(bytes));
          } catch (error) {
            assert.ok(error instanceof Error);
            assert.ok(!(error instanceof TypeError || error instanceof ReferenceError), `${error}`);
          }
        }
      }),
    );
  });
});
