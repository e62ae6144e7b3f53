import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorruptRecordError } from '../../src/errors.js';
import type { Batch } from '../../src/ring/batch-memory.js';
import * as control from '../../src/ring/control-descriptor.js';
import * as record from '../../src/ring/record-descriptor.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { CAPACITY_UNITS, eventsOf, range, readAll, release, ringAt, sequences, write } from '../support/ring-rig.js';

const { UNIT_BYTES } = record;

test('a batch is at most as long as asked, in whole records', () => {
  const rig = ringAt();
  const reader = rig.reader();
  for (let i = 0; i < 10; i++) write(rig.writer, 3);
  const batch = reader.take(7 * UNIT_BYTES)!;
  assert.equal(batch.end, 6 * UNIT_BYTES);
  assert.deepEqual(sequences(eventsOf(batch)), [0, 1]);
  assert.equal(reader.taken, 6);
  assert.deepEqual(sequences(eventsOf(reader.take()!)), range(2, 10));
});

test('a batch that ends exactly behind a record holds it', () => {
  const rig = ringAt();
  const reader = rig.reader();
  for (let i = 0; i < 3; i++) write(rig.writer, 3);
  assert.equal(reader.take(6 * UNIT_BYTES)!.end, 6 * UNIT_BYTES);
});

for (const maxBytes of [1, 31, 32, 33, 64, 160, 255 * UNIT_BYTES]) {
  test(`a record longer than a batch of ${maxBytes} bytes is a batch of its own`, () => {
    const rig = ringAt(CAPACITY_UNITS - 10);
    const reader = rig.reader();
    for (const units of [256, 1, 256]) assert.ok(write(rig.writer, units));
    assert.deepEqual(
      readAll(reader, maxBytes).map((event) => event.units),
      [256, 1, 256],
    );
  });
}

test('a batch ends at the end of the ring', () => {
  const rig = ringAt(CAPACITY_UNITS - 4);
  const reader = rig.reader();
  for (let i = 0; i < 3; i++) write(rig.writer, 2);
  assert.deepEqual(sequences(eventsOf(reader.take()!)), [0, 1]);
  assert.deepEqual(sequences(eventsOf(reader.take()!)), [2]);
});

test('small batches lie one behind the other in one piece of memory, and stay what they were', () => {
  const rig = ringAt();
  const reader = rig.reader();
  const batches: Batch[] = [];
  // Several pieces full; each time the first take ends inside the second record.
  for (let i = 0; i < 1000; i++) {
    assert.ok(write(rig.writer, 1 + (i % 9)));
    assert.ok(write(rig.writer, 5));
    const first = reader.take((2 + (i % 9)) * UNIT_BYTES)!;
    batches.push(first, reader.take()!);
    release(reader, reader.taken);
  }
  assert.deepEqual(sequences(batches.flatMap(eventsOf)), range(0, 2000));
  const pieces = new Set(batches.map((batch) => batch.bytes));
  assert.ok(pieces.size < 10, `${pieces.size} pieces for ${batches.length} batches`);
});

test('a batch stays what it was when the ring goes on', () => {
  const rig = ringAt();
  const reader = rig.reader();
  write(rig.writer, 4);
  const batch = reader.take()!;
  release(reader, reader.taken);
  for (let i = 0; i < 40; i++) {
    assert.ok(write(rig.writer, 256));
    reader.take();
    release(reader, reader.taken);
  }
  assert.deepEqual(eventsOf(batch), [{ sequence: 0, units: 4 }]);
});

test('what is taken but not released holds the ring, and a successor takes it again', () => {
  const rig = ringAt();
  const reader = rig.reader();
  write(rig.writer, 1);
  write(rig.writer, 1);
  const batch = reader.take()!;
  release(reader, batch.position + 1);
  assert.equal(rig.writer.usedBytes, UNIT_BYTES);
  assert.equal(rig.memory.cells.load(control.slotOf(reader.reader) + control.TAKEN), 2);
  const successor = new RingReader(rig.memory, reader.reader, 1, () => {});
  assert.deepEqual(sequences(readAll(successor)), [1]);
});

/** Records that a gating reader can never see: something else wrote into the ring. */
const corruptions: [what: string, length: number, maxBytes: number][] = [
  ['0', 0, UNIT_BYTES],
  ['less than a header', 31, UNIT_BYTES],
  ['negative', -64, UNIT_BYTES],
  ['beyond what is written', 4 * UNIT_BYTES + 1, UNIT_BYTES],
  ['beyond the ring', 2 ** 30, UNIT_BYTES],
  ['the largest number', 2 ** 31 - 1, UNIT_BYTES],
];
for (const [what, length, maxBytes] of corruptions) {
  test(`a length that is ${what} is an error, and takes nothing`, () => {
    const rig = ringAt();
    const reader = rig.reader();
    for (let i = 0; i < 4; i++) write(rig.writer, 1);
    rig.memory.words[record.LENGTH_WORD] = length;
    assert.throws(() => reader.take(maxBytes), CorruptRecordError);
    assert.equal(reader.taken, 0);
    assert.equal(rig.memory.cells.load(control.slotOf(reader.reader) + control.TAKEN), 0);
  });
}

test('positions of a reader wrap with the cells', () => {
  const rig = ringAt(2 ** 32 - 3);
  const reader = rig.reader();
  for (let i = 0; i < 6; i++) write(rig.writer, 1);
  const batch = reader.take()!;
  assert.equal(batch.position, -3);
  assert.equal(reader.taken, 0);
  assert.deepEqual(sequences(eventsOf(reader.take()!)), [3, 4, 5]);
});
