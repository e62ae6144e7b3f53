import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as record from '../../src/ring/record-descriptor.js';
import {
  ExtensionWords,
  extensionAt,
  putExtension,
  type RecordExtension,
  traceOf,
} from '../../src/ring/record-extension.js';
import { traceparentAt, traceparentFault } from '../../src/ring/traceparent.js';
import { parseTraceparent } from '../../src/ring/traceparent-parser.js';
import { ringAt } from '../support/ring-rig.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function extensionOf(origin: number, traceparent: string | undefined): RecordExtension {
  const extension = traceparent === undefined ? new ExtensionWords() : parseTraceparent(traceparent)!;
  extension.originId = origin;
  return extension;
}

/** The words of a record that has it, without a body. */
function wordsOf(extension: RecordExtension): Int32Array {
  const words = new Int32Array(record.EXTENDED_HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  words[record.KIND_WORD] = record.EXTENDED_EVENT_RECORD;
  putExtension(words, 0, extension);
  return words;
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
        const words = wordsOf(extension);
        assert.equal(traceparentAt(words, record.EXTENSION_START_WORD), text);
        assert.equal(words[record.EXTENSION_START_WORD + record.ORIGIN_WORD], origin);
        assert.deepEqual(extensionAt(words, 0), extension);
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
    assert.equal(parseTraceparent(text), undefined);
  });
}

function checkVerdict(text: string): void {
  assert.equal(parseTraceparent(text) === undefined, traceparentFault(text) !== undefined, JSON.stringify(text));
}

test('there is an extension for what nothing is wrong with, and for nothing else, whatever one character is', () => {
  // Those of one byte in V8, those that end in a digit's byte when they are cut to one, and a surrogate without its other half.
  const codes = [...Array(256).keys(), 0x130, 0x161, 0xff10, 0xd830];
  for (let at = 0; at < TRACEPARENT.length; at++) {
    for (const code of codes) {
      checkVerdict(`${TRACEPARENT.slice(0, at)}${String.fromCharCode(code)}${TRACEPARENT.slice(at + 1)}`);
    }
  }
});

test('the same whatever several characters are', () => {
  const changes = fc.array(fc.tuple(fc.nat(TRACEPARENT.length - 1), fc.constantFrom(...'0af`g/:o-\x80\u0130')), {
    minLength: 2,
    maxLength: 8,
  });
  fc.assert(
    fc.property(traceparents, changes, (text, replaced) => {
      const characters = [...text];
      for (const [at, character] of replaced) characters[at] = character;
      checkVerdict(characters.join(''));
    }),
  );
});

test('the same however V8 keeps the text', () => {
  fc.assert(
    fc.property(
      traceparents,
      fc.constantFrom(...'0123456789abcdefg-\u0130'),
      fc.nat(TRACEPARENT.length - 1),
      (text, character, at) => {
        const changed = `${text.slice(0, at)}${character}${text.slice(at + 1)}`;
        for (const given of [text, changed]) {
          // In one piece, put together, and cut from one whose characters have one and two bytes.
          checkVerdict(Buffer.from(given, 'utf8').toString());
          checkVerdict(given.slice(0, 20) + given.slice(20));
          checkVerdict(` ${given}`.slice(1));
          checkVerdict(`\u0130${given}`.slice(1));
        }
      },
    ),
  );
});

test('every two digits are read as what they say, in every place', () => {
  for (let value = 0; value < 256; value++) {
    const pair = value.toString(16).padStart(2, '0');
    const text = `00-${`${pair}b7`.repeat(8)}-${`7b${pair}`.repeat(4)}-${pair}`;
    const other = `00-${`b7${pair}`.repeat(8)}-${`${pair}7b`.repeat(4)}-${pair}`;
    for (const given of [text, other]) {
      assert.equal(traceparentAt(wordsOf(extensionOf(0, given)), record.EXTENSION_START_WORD), given);
    }
  }
});

test('the trace of an extension goes on without its origin', () => {
  const trace = traceOf(extensionOf(7, TRACEPARENT))!;
  assert.equal(traceparentAt(wordsOf(trace), record.EXTENSION_START_WORD), TRACEPARENT);
  assert.equal(trace.originId, 0);
  assert.equal(traceOf(extensionOf(7, undefined)), undefined);
  assert.equal(traceOf(undefined), undefined);
});

/** Writes a record with a body of one byte. */
function writeOne(rig: ReturnType<typeof ringAt>, extension: RecordExtension | undefined, byte: number): void {
  const kind = extension === undefined ? record.EVENT_RECORD : record.EXTENDED_EVENT_RECORD;
  const length = record.bodyOffset(kind) + 1;
  const offset = rig.writer.claim(length);
  if (extension !== undefined) rig.writer.extend(offset, extension);
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
  assert.deepEqual(extensionAt(words, start >> 2), extensionOf(3, TRACEPARENT));
  assert.equal(traceparentAt(words, (start >> 2) + record.EXTENSION_START_WORD), TRACEPARENT);
  assert.equal(extensionAt(words, (start >> 2) + 3 * record.UNIT_WORDS), undefined);
});
