import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import { writeTimestamp } from '../../src/envelope/envelope-timestamp.js';

// On both sides of where a number takes one byte more.
const SECONDS = [-1, 0, 1, 127, 128, 2 ** 28 - 1, 2 ** 28, 1_732_000_000, 2 ** 32, 2 ** 35 - 1, 2 ** 35];
const NANOS = [0, 1, 127, 128, 2 ** 14, 2 ** 21 - 1, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 28 + 127, 999_999_999];

/** The field as protobufjs writes it, which has no rule to omit zeros. */
function encoded(seconds: number, nanos: number): Buffer {
  const writer = protobuf.Writer.create().uint32(10).fork();
  if (seconds !== 0) writer.uint32(8).int64(seconds);
  if (nanos !== 0) writer.uint32(16).int32(nanos);
  return Buffer.from(writer.ldelim().finish());
}

test('a time is written as protobufjs writes it into exactly the room it needs, and into no less, whatever its sizes', () => {
  const at = 3;
  for (const seconds of SECONDS) {
    for (const nanos of NANOS) {
      const expected = encoded(seconds, nanos);
      for (let room = 0; room <= expected.length + 8; room++) {
        const target = Buffer.alloc(64, 0xaa);
        const end = writeTimestamp(target, at, at + room, seconds, nanos);
        const said = `${seconds} s, ${nanos} ns, room for ${room}`;
        assert.equal(end, room < expected.length ? -1 : at + expected.length, said);
        if (end > 0) assert.equal(target.toString('hex', at, end), expected.toString('hex'), said);
        assert.ok(target.subarray(0, at).every((byte) => byte === 0xaa) && target.at(at + room) === 0xaa, said);
      }
    }
  }
});
