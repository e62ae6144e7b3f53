/** A reader that does not gate, or no longer does, in one thread: what it gets after being overtaken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrow } from '../../src/memory/position.js';
import * as control from '../../src/ring/control-descriptor.js';
import { initializeControl, MIN_CAPACITY_BYTES } from '../../src/ring/ring-memory.js';
import type { RingReader } from '../../src/ring/ring-reader.js';
import { CAPACITY_UNITS, type Rig, range, readAll, rigOver, ringAt, sequences, write } from '../support/ring-rig.js';

const UNITS = 16;
const RECORDS_PER_LAP = CAPACITY_UNITS / UNITS;
const GUARD_RECORDS = RECORDS_PER_LAP / 8;

function writeMany(rig: Rig, records: number): void {
  for (let i = 0; i < records; i++) assert.ok(write(rig.writer, UNITS));
}

/** Reads on after `missed`; fails unless what comes is the newest part of the ring, without gaps. */
function assertResumes(rig: Rig, reader: RingReader): void {
  const read = sequences(readAll(reader));
  assert.ok(reader.overtaken);
  const written = rig.writer.sequence;
  assert.deepEqual(read, range(read[0]!, written));
  // From the guard band on: no more than an eighth of the ring, an index step and a step of INTENT are given up.
  assert.ok(read.length <= RECORDS_PER_LAP - GUARD_RECORDS, `${read.length} records`);
  assert.ok(read.length >= RECORDS_PER_LAP - GUARD_RECORDS - 4, `${read.length} records`);
}

for (const start of [0, 2 ** 30 - 999, 2 ** 31 - 999, 2 ** 32 - 999, 2 ** 45 - 999]) {
  test(`a lossy reader that keeps up misses nothing, from ${start}`, () => {
    const rig = ringAt(start);
    const reader = rig.reader(false);
    for (let i = 0; i < 3 * RECORDS_PER_LAP; i++) {
      writeMany(rig, 1);
      assert.deepEqual(sequences(readAll(reader)), [i]);
    }
    assert.equal(reader.overtaken, false);
  });

  test(`a lossy reader overtaken once, and many times, resumes at the oldest record that is safe, from ${start}`, () => {
    for (const laps of [1, 2, 7]) {
      const rig = ringAt(start);
      const reader = rig.reader(false);
      writeMany(rig, laps * RECORDS_PER_LAP + 5);
      assertResumes(rig, reader);
      reader.overtaken = false;
      writeMany(rig, 1);
      assert.equal(readAll(reader).length, 1);
      assert.equal(reader.overtaken, false);
    }
  });
}

test('a gating reader with a full ring is not overtaken, whatever INTENT says', () => {
  const rig = ringAt();
  const reader = rig.reader();
  writeMany(rig, RECORDS_PER_LAP);
  assert.equal(write(rig.writer, 1), false);
  assert.deepEqual(sequences(readAll(reader)), range(0, RECORDS_PER_LAP));
  assert.equal(reader.overtaken, false);
});

test('an evicted reader that was not overtaken misses nothing', () => {
  const rig = ringAt();
  const reader = rig.reader();
  writeMany(rig, 10);
  rig.writer.evict(reader.reader);
  assert.deepEqual(sequences(readAll(reader)), range(0, 10));
  assert.equal(reader.overtaken, false);
  assert.equal(reader.gates, false);
});

test('an evicted reader that was overtaken says so', () => {
  const rig = ringAt();
  const reader = rig.reader();
  writeMany(rig, RECORDS_PER_LAP);
  rig.writer.evict(reader.reader);
  writeMany(rig, RECORDS_PER_LAP);
  assertResumes(rig, reader);
});

/** The ring as it is after `units` more were written, which takes too long to do. */
function moveRing(rig: Rig, position: number): Rig {
  initializeControl(rig.memory.cells, MIN_CAPACITY_BYTES, position);
  return rigOver(rig.memory, position);
}

test('a reader that is evicted more than 2^31 units behind is overtaken', () => {
  const rig = ringAt();
  const reader = rig.reader();
  rig.writer.evict(reader.reader);
  const later = moveRing(rig, 3 * 2 ** 30);
  writeMany(later, 1);
  readAll(reader);
  assert.ok(reader.overtaken);
  writeMany(later, 1);
  assert.deepEqual(sequences(readAll(reader)), [1]);
});

test('a lossy reader that was moved on over more than 2^31 units in its sleep is not overtaken', () => {
  for (const position of [3 * 2 ** 30, 5 * 2 ** 30, 2 ** 34 + 2 ** 31]) {
    const rig = ringAt();
    const reader = rig.reader(false);
    assert.ok(reader.sleep.fallAsleep());
    const later = moveRing(rig, position);
    const slot = control.slotOf(reader.reader);
    rig.memory.cells.store(slot + control.RELEASED, narrow(position));
    rig.memory.cells.store(slot + control.WAKE, control.AWAKE);
    assert.equal(reader.resume(), 0);
    writeMany(later, 3);
    assert.deepEqual(sequences(readAll(reader)), [0, 1, 2]);
    assert.equal(reader.overtaken, false);
  }
});

test('no boundary is older than a lap, even where no record starts in a part of the ring', () => {
  const rig = ringAt();
  for (let i = 0; i < 40; i++) assert.ok(write(rig.writer, CAPACITY_UNITS / 8));
  for (let part = 0; part < control.BOUNDARIES; part++) {
    const position = rig.memory.cells.load(control.BOUNDARY + part);
    assert.ok(position >= rig.writer.tail - CAPACITY_UNITS - CAPACITY_UNITS / 8, `part ${part}: ${position}`);
  }
});

test('a place is the latest indexed one at or before a sequence, or the oldest that is left', () => {
  const rig = ringAt();
  writeMany(rig, 3 * RECORDS_PER_LAP);
  const { sequence: end } = rig.writer;
  assert.deepEqual(rig.writer.retained.seek(end), rig.writer.retained.seek(end - 1));
  for (const wanted of [end - 1, end - 2, end - 60]) {
    const place = rig.writer.retained.seek(wanted);
    assert.ok(place.sequence <= wanted && place.sequence > wanted - 3, `${place.sequence} for ${wanted}`);
    assert.equal(place.position, place.sequence * UNITS);
  }
  const oldest = rig.writer.retained.seek(0);
  assert.ok(oldest.sequence > end - RECORDS_PER_LAP - 1 && oldest.sequence < end - RECORDS_PER_LAP + 40);
  const gating = rig.writer.join(true, oldest);
  assert.equal(rig.writer.holder, gating);
  assert.deepEqual(rig.writer.retained.placeOf(gating), oldest);
  assert.equal(rig.writer.retained.contentOf(gating, oldest.sequence)!.body.readInt32LE(0), oldest.sequence);
  assert.equal(rig.writer.retained.contentOf(gating, end), undefined);
});
