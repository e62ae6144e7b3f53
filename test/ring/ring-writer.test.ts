import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as control from '../../src/ring/control-descriptor.js';
import * as record from '../../src/ring/record-descriptor.js';
import { CAPACITY_UNITS, eventsOf, range, readAll, release, ringAt, sequences, write } from '../support/ring-rig.js';

const { EVENT_RECORD, UNIT_BYTES } = record;
const MAX_UNITS = CAPACITY_UNITS / 8;

/** Just below where cells turn negative, wrap, and where EPOCH steps. */
const edges = [0, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 32 + 2 ** 30, 2 ** 45].map((edge) => Math.max(0, edge - 700));

test('a new ring has nothing to read', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.equal(reader.take(), undefined);
  assert.equal(reader.hasMore, false);
  assert.equal(rig.writer.usedBytes, 0);
  assert.equal(rig.writer.holder, -1);
});

test('a record is read as written', () => {
  const rig = ringAt();
  const reader = rig.reader();
  const offset = rig.writer.claim(41);
  rig.memory.bytes.write('some body', offset + record.HEADER_BYTES);
  assert.equal(rig.writer.commit(41, EVENT_RECORD, 7, 36, 0xffff, 2 ** 32 - 1, 999_999_999, 0, 0), 0);
  const batch = reader.take()!;
  assert.equal(batch.end, 64);
  assert.equal(batch.position, 0);
  assert.equal(batch.bytes.toString('latin1', 32, 41), 'some body');
  assert.equal(batch.words[record.LENGTH_WORD], 41);
  assert.equal(batch.words[record.KIND_WORD], record.EVENT_RECORD);
  assert.equal(batch.words[record.TOPIC_WORD], 7);
  assert.equal(batch.words[record.PAYLOAD_WORD]! & record.PAYLOAD_OFFSET_MASK, 36);
  assert.equal(batch.words[record.PAYLOAD_WORD]! >>> record.TYPE_ID_SHIFT, 0xffff);
  assert.equal(batch.words[record.SECONDS_WORD]! >>> 0, 2 ** 32 - 1);
  assert.equal(batch.words[record.NANOS_WORD], 999_999_999);
});

for (const start of edges) {
  test(`a ring at ${start} takes exactly its capacity, and not one unit more`, () => {
    const rig = ringAt(start);
    const reader = rig.reader();
    const toEnd = CAPACITY_UNITS - (start % CAPACITY_UNITS);
    // Fill up to the end of the ring, then the rest of the lap.
    for (let left = toEnd; left > 0; left -= MAX_UNITS) assert.ok(write(rig.writer, Math.min(left, MAX_UNITS)));
    for (let left = CAPACITY_UNITS - toEnd; left > 0; left -= MAX_UNITS) {
      assert.ok(write(rig.writer, Math.min(left, MAX_UNITS)));
    }
    assert.equal(rig.writer.usedBytes, rig.memory.capacityBytes);
    assert.equal(rig.writer.freeBytes(), 0);
    assert.equal(rig.writer.holder, reader.reader);
    assert.equal(rig.writer.claim(UNIT_BYTES), -1);
    rig.writer.open(UNIT_BYTES);
    assert.equal(rig.writer.windowEnd, rig.writer.windowStart);
    assert.equal(rig.memory.cells.load(control.INTENT), (start + CAPACITY_UNITS) | 0);
    assert.deepEqual(sequences(readAll(reader)), range(0, rig.writer.sequence));
    assert.ok(write(rig.writer, MAX_UNITS));
  });

  test(`records of all sizes go round the ring from ${start}, each read once and whole`, () => {
    const rig = ringAt(start);
    const reader = rig.reader();
    for (let i = 0; i < 4 * MAX_UNITS; i++) {
      const units = 1 + (i % MAX_UNITS);
      assert.ok(write(rig.writer, units));
      assert.deepEqual(readAll(reader), [{ sequence: i, units }]);
    }
    assert.equal(rig.memory.cells.load(control.TAIL), rig.writer.tail | 0);
    const intent = rig.writer.tail + ((rig.memory.cells.load(control.INTENT) - rig.writer.tail) | 0);
    assert.ok(intent >= rig.writer.tail && intent <= rig.writer.tail + CAPACITY_UNITS);
    assert.equal(rig.memory.cells.load(control.EPOCH), Math.floor(intent / control.EPOCH_UNITS));
  });
}

test('a record that does not fit before the end of the ring goes behind padding', () => {
  const rig = ringAt(CAPACITY_UNITS - 2);
  const reader = rig.reader();
  assert.ok(write(rig.writer, 3));
  const padding = reader.take()!;
  assert.equal(padding.end, 2 * UNIT_BYTES);
  assert.equal(padding.words[record.KIND_WORD], record.PADDING_RECORD);
  assert.deepEqual(eventsOf(padding), []);
  assert.deepEqual(readAll(reader), [{ sequence: 0, units: 3 }]);
});

test('a record that ends with the ring needs no padding', () => {
  const rig = ringAt(CAPACITY_UNITS - 3);
  const reader = rig.reader();
  assert.ok(write(rig.writer, 3));
  assert.ok(write(rig.writer, 1));
  assert.equal(rig.writer.tail, CAPACITY_UNITS + 1);
  assert.deepEqual(sequences(readAll(reader)), [0, 1]);
});

test('there is no padding without room for the record behind it', () => {
  const rig = ringAt(2 * CAPACITY_UNITS - 2);
  const reader = rig.reader();
  // Held: all but four units, two before the end of the ring and two behind it.
  rig.memory.cells.store(control.slotOf(reader.reader) + control.RELEASED, CAPACITY_UNITS + 2);
  assert.equal(rig.writer.freeBytes(), 4 * UNIT_BYTES);
  assert.equal(rig.writer.claim(3 * UNIT_BYTES), -1);
  assert.equal(rig.writer.tail, 2 * CAPACITY_UNITS - 2);
  assert.equal(rig.writer.claim(2 * UNIT_BYTES), rig.memory.capacityBytes - 2 * UNIT_BYTES);
});

test('the largest record fits an empty ring wherever its tail is', () => {
  for (let start = 0; start < CAPACITY_UNITS; start += 37) {
    const rig = ringAt(start);
    rig.reader();
    assert.ok(write(rig.writer, MAX_UNITS), `at ${start}`);
  }
});

test('a claim shows nothing until its commit, padding included', () => {
  const rig = ringAt(CAPACITY_UNITS - 1);
  const reader = rig.reader();
  assert.ok(rig.writer.claim(2 * UNIT_BYTES) >= 0);
  assert.equal(reader.take(), undefined);
  assert.equal(rig.memory.cells.load(control.TAIL), CAPACITY_UNITS - 1);
  rig.writer.commit(2 * UNIT_BYTES, EVENT_RECORD, 1, 0, 0, 0, 0, 0, 0);
  assert.notEqual(reader.take(), undefined);
});

test('an open window left alone changes nothing that readers see', () => {
  const rig = ringAt();
  const reader = rig.reader();
  rig.writer.open(1000);
  rig.memory.bytes.fill(0xee, rig.writer.windowStart, rig.writer.windowEnd);
  assert.equal(reader.take(), undefined);
  assert.equal(rig.writer.sequence, 0);
  assert.ok(write(rig.writer, 3));
  assert.deepEqual(readAll(reader), [{ sequence: 0, units: 3 }]);
});

test('a window is at least as long as expected where ring and readers allow', () => {
  const rig = ringAt(CAPACITY_UNITS - 100);
  rig.reader();
  rig.writer.open(90 * UNIT_BYTES);
  assert.ok(rig.writer.windowEnd - rig.writer.windowStart >= 90 * UNIT_BYTES);
  rig.writer.open(200 * UNIT_BYTES);
  assert.equal(rig.writer.windowEnd, rig.memory.capacityBytes);
});

test('without gating readers nothing is ever full', () => {
  const rig = ringAt();
  rig.reader(false);
  for (let i = 0; i < 5000; i++) assert.ok(write(rig.writer, 1 + (i % MAX_UNITS)));
  assert.equal(rig.writer.usedBytes, 0);
});

test('the boundary index gives records that start in each part of the ring', () => {
  const rig = ringAt();
  const reader = rig.reader();
  const starts = new Set<number>();
  for (let i = 0; i < 3000; i++) {
    assert.ok(write(rig.writer, 1 + ((i * 7) % 60)));
    for (let batch = reader.take(); batch !== undefined; batch = reader.take()) {
      for (let offset = batch.start; offset < batch.end; ) {
        starts.add(batch.position + (offset - batch.start) / UNIT_BYTES);
        offset += record.unitsOf(batch.words[offset >> 2]!) * UNIT_BYTES;
      }
      release(reader, reader.taken);
    }
  }
  const partUnits = CAPACITY_UNITS / control.BOUNDARIES;
  for (let part = 0; part < control.BOUNDARIES; part++) {
    const position = rig.memory.cells.load(control.BOUNDARY + part);
    assert.ok(starts.has(position), `boundary ${part}`);
    // In the part, or, where a record of up to 60 units jumped over it, in one of the next two.
    const behind =
      (Math.floor((position % CAPACITY_UNITS) / partUnits) - part + control.BOUNDARIES) % control.BOUNDARIES;
    assert.ok(behind <= 2, `boundary ${part} is ${behind} parts behind`);
  }
});

test('EPOCH is stored before the INTENT that it belongs to', () => {
  const rig = ringAt(control.EPOCH_UNITS - 1);
  const order: number[] = [];
  const { cells } = rig.memory;
  const { store } = cells;
  cells.store = function (index, value) {
    if (index === control.EPOCH || index === control.INTENT) order.push(index);
    store.call(this, index, value);
  };
  assert.ok(write(rig.writer, 1));
  assert.ok(write(rig.writer, 1));
  // The first step ends at the epoch's edge, which is the first position of the next epoch.
  assert.deepEqual(order.slice(0, 2), [control.EPOCH, control.INTENT]);
});

test('closing is a state, not a record', () => {
  const rig = ringAt();
  const reader = rig.reader();
  rig.writer.setState(control.CLOSING);
  assert.equal(rig.memory.cells.load(control.WRITER_STATE), control.CLOSING);
  assert.equal(reader.take(), undefined);
});
