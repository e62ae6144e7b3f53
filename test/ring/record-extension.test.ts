import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as record from '../../src/ring/record-descriptor.js';
import {
  extensionAt,
  makeExtension,
  type RecordExtension,
  traceOf,
  traceparentAt,
  traceparentFault,
} from '../../src/ring/record-extension.js';
import { ringAt } from '../support/ring-rig.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function extensionOf(origin: number, traceparent: string | undefined): RecordExtension {
  const extension = makeExtension(traceparent)!;
  extension[record.ORIGIN_WORD] = origin;
  return extension;
}

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const traceparents = fc
  .tuple(hex(32), hex(16), hex(2))
  .filter(([traceId, parentId]) => /[^0]/.test(traceId) && /[^0]/.test(parentId))
  .map((parts) => `00-${parts.join('-')}`);

test('a traceparent and an origin come out as they went in, whatever their digits', () => {
  fc.assert(
    fc.property(
      fc.option(traceparents, { nil: undefined }),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      (text, origin) => {
        if (text !== undefined) assert.equal(traceparentFault(text), undefined);
        const extension = extensionOf(origin, text);
        assert.equal(traceparentAt(extension, 0), text);
        assert.equal(extension[record.ORIGIN_WORD], origin);
      },
    ),
  );
});

for (const [text, reason] of [
  ['', /characters/],
  [TRACEPARENT.slice(0, -1), /54 characters/],
  [`${TRACEPARENT}-00`, /58 characters/],
  [TRACEPARENT.replace('00-', '01-'), /version/],
  [TRACEPARENT.replace('00-', 'ff-'), /version/],
  [TRACEPARENT.toUpperCase(), /lower case/],
  [TRACEPARENT.replace('4bf9', '4bg9'), /hexadecimal/],
  [TRACEPARENT.replaceAll('-', '_').replace('00_', '00-'), /joined/],
  [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, /trace id of zeros/],
  [`00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`, /parent id of zeros/],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\n', /hexadecimal/],
] as const) {
  test(`${JSON.stringify(text)} is no traceparent`, () => {
    assert.match(traceparentFault(text) ?? 'none', reason);
    assert.equal(makeExtension(text), undefined);
  });
}

test('there is an extension for what nothing is wrong with, and for nothing else, whatever one character is', () => {
  for (let at = 0; at < TRACEPARENT.length; at++) {
    for (const character of ' -/09:@AFG_`afgz\x00\x7f\u0130\uff10') {
      const text = `${TRACEPARENT.slice(0, at)}${character}${TRACEPARENT.slice(at + 1)}`;
      assert.equal(makeExtension(text) === undefined, traceparentFault(text) !== undefined, text);
    }
  }
});

test('the trace of an extension goes on without its origin', () => {
  const trace = traceOf(extensionOf(7, TRACEPARENT))!;
  assert.equal(traceparentAt(trace, 0), TRACEPARENT);
  assert.equal(trace[record.ORIGIN_WORD], 0);
  assert.equal(traceOf(extensionOf(7, undefined)), undefined);
  assert.equal(traceOf(undefined), undefined);
});

/** Writes a record with a body of one byte. */
function writeOne(rig: ReturnType<typeof ringAt>, extension: RecordExtension | undefined, byte: number): void {
  const kind = extension === undefined ? record.EVENT_RECORD : record.EXTENDED_EVENT_RECORD;
  const length = record.bodyOffset(kind) + 1;
  const offset = rig.writer.claim(length);
  if (extension !== undefined) rig.memory.words.set(extension, (offset >> 2) + record.EXTENSION_START_WORD);
  rig.memory.bytes[offset + length - 1] = byte;
  rig.writer.commit(length, kind, 1, 0, 0, 0, 0, 0, 0);
}

test('what a record carries is found whole, with and without an extension', () => {
  const rig = ringAt();
  const { reader } = rig.reader();
  const extension = extensionOf(3, TRACEPARENT);
  writeOne(rig, undefined, 65);
  writeOne(rig, extension, 66);
  const plain = rig.writer.retained.contentOf(reader, 0)!;
  assert.equal(plain.body.toString(), 'A');
  assert.equal(plain.extension, undefined);
  const extended = rig.writer.retained.contentOf(reader, 1)!;
  assert.equal(extended.body.toString(), 'B');
  assert.deepEqual(extended.extension, extension);
});

test('an extension is copied out of a batch with the rest of its record', () => {
  const rig = ringAt();
  const reader = rig.reader();
  writeOne(rig, extensionOf(3, TRACEPARENT), 66);
  writeOne(rig, undefined, 65);
  const { words, start } = reader.take()!;
  assert.equal(traceparentAt(extensionAt(words, start >> 2)!, 0), TRACEPARENT);
  assert.equal(traceparentAt(words, (start >> 2) + record.EXTENSION_START_WORD), TRACEPARENT);
  assert.equal(extensionAt(words, (start >> 2) + 3 * record.UNIT_WORDS), undefined);
});
