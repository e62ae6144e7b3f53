import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as record from '../../src/ring/record-descriptor.js';

test('header words lie where the picture shows them', () => {
  const bytes = {
    length: record.LENGTH_WORD,
    kind: record.KIND_WORD,
    topic: record.TOPIC_WORD,
    sequenceLow: record.SEQUENCE_LOW_WORD,
    sequenceHigh: record.SEQUENCE_HIGH_WORD,
    payload: record.PAYLOAD_WORD,
    seconds: record.SECONDS_WORD,
    nanos: record.NANOS_WORD,
    body: record.HEADER_BYTES / 4,
  };
  const expected = { length: 0, kind: 1, topic: 2, sequenceLow: 3, sequenceHigh: 4, payload: 5, seconds: 6, nanos: 7 };
  assert.deepEqual(bytes, { ...expected, body: 8 });
});

test('the words of an extension lie where the picture shows them, and fill one unit', () => {
  const words = [record.ORIGIN_WORD, record.TRACE_WORD, record.TRACE_ID_WORD, record.PARENT_ID_WORD];
  assert.deepEqual(words, [0, 1, 2, 6]);
  assert.equal(record.TRACE_ID_WORD + record.TRACE_ID_WORDS, record.PARENT_ID_WORD);
  assert.equal(record.EXTENSION_WORDS, record.PARENT_ID_WORD + record.PARENT_ID_WORDS);
  assert.equal(record.EXTENSION_BYTES, record.UNIT_BYTES);
  assert.equal(record.EXTENSION_START_WORD * 4, record.HEADER_BYTES);
});

test('the flags of a record touch neither its kind nor its producer, and say where its body starts', () => {
  assert.equal(record.EXTENDED & ~0xff00, 0);
  assert.equal(record.EXTENDED_EVENT_RECORD & record.KIND_MASK, record.EVENT_RECORD);
  assert.equal(record.bodyOffset(record.EVENT_RECORD), 32);
  assert.equal(record.bodyOffset(record.EXTENDED_EVENT_RECORD), 64);
});

test('there is a traceparent in an extension even where all of its flags are 0', () => {
  assert.equal(record.TRACED & record.TRACE_FLAGS_MASK, 0);
});

test('a unit holds a header, so that any gap at the end of the ring holds padding', () => {
  assert.equal(record.UNIT_BYTES, record.HEADER_BYTES);
  assert.equal(record.UNIT_BYTES, 1 << record.UNIT_SHIFT);
  assert.equal(record.UNIT_WORDS * 4, record.UNIT_BYTES);
});

test('kinds differ from each other and from memory never written', () => {
  assert.equal(new Set([0, record.EVENT_RECORD, record.PADDING_RECORD]).size, 3);
});

test('payload offset and type id share a word without touching', () => {
  const word = record.PAYLOAD_OFFSET_MASK | (record.MAX_TYPE_ID << record.TYPE_ID_SHIFT);
  assert.equal(word & record.PAYLOAD_OFFSET_MASK, record.PAYLOAD_OFFSET_MASK);
  assert.equal(word >>> record.TYPE_ID_SHIFT, record.MAX_TYPE_ID);
});

for (const [length, units] of [
  [32, 1],
  [33, 2],
  [64, 2],
  [65, 3],
  [2 ** 27, 2 ** 22],
] as const) {
  test(`a record of ${length} bytes takes ${units} units`, () => assert.equal(record.unitsOf(length), units));
}
