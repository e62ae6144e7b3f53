/** The writer's wait for room: NEED, and who says that it is reached. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as control from '../../src/ring/control-descriptor.js';
import { readAll, release, ringAt, write } from '../support/ring-rig.js';

const FULL_UNITS = 256;
const RECORD_BYTES = FULL_UNITS * 32;

function fullRing(readers: number, start = 0) {
  const rig = ringAt(start);
  const waiting = Array.from({ length: readers }, () => rig.reader());
  while (write(rig.writer, FULL_UNITS));
  return { rig, waiting };
}

for (const start of [0, 2 ** 31 - 1024, 2 ** 32 - 1024]) {
  test(`a parked writer at ${start} is told by the release that crosses NEED, once`, () => {
    const { rig, waiting } = fullRing(1, start);
    const [reader] = waiting;
    assert.ok(rig.writer.wait.park(2 * RECORD_BYTES));
    const batch = reader!.take()!;
    release(reader!, batch.position + FULL_UNITS);
    assert.deepEqual(rig.madeRoom, []);
    release(reader!, batch.position + 2 * FULL_UNITS - 1);
    assert.deepEqual(rig.madeRoom, []);
    release(reader!, batch.position + 2 * FULL_UNITS);
    assert.deepEqual(rig.madeRoom, [reader!.reader]);
    assert.equal(rig.memory.cells.load(control.WRITER_WAIT), control.WRITER_AWAKE);
    assert.equal(rig.writer.freeBytes(), 2 * RECORD_BYTES);
    release(reader!, reader!.taken);
    assert.equal(rig.madeRoom.length, 1);
  });
}

test('each reader that crosses NEED says so, as long as the writer waits', () => {
  const { rig, waiting } = fullRing(2);
  assert.ok(rig.writer.wait.park(RECORD_BYTES));
  readAll(waiting[0]!);
  assert.deepEqual(rig.madeRoom, [0]);
  // The other one still holds the ring: the writer looks, and parks again.
  assert.ok(rig.writer.wait.park(RECORD_BYTES));
  readAll(waiting[1]!);
  assert.deepEqual(rig.madeRoom, [0, 1]);
  assert.equal(rig.writer.wait.park(RECORD_BYTES), false);
});

test('nothing is asked when there is room', () => {
  const rig = ringAt();
  rig.reader();
  assert.equal(rig.writer.wait.park(rig.memory.capacityBytes), false);
  assert.equal(rig.memory.cells.load(control.WRITER_WAIT), control.WRITER_AWAKE);
  rig.writer.wait.block(rig.memory.capacityBytes, 1_000_000);
});

test('an unparked writer is not told', () => {
  const { rig, waiting } = fullRing(1);
  assert.ok(rig.writer.wait.park(RECORD_BYTES));
  rig.writer.wait.unpark();
  readAll(waiting[0]!);
  assert.deepEqual(rig.madeRoom, []);
});

test('a block that ends leaves nobody parked', () => {
  const { rig } = fullRing(1);
  assert.ok(rig.writer.wait.park(RECORD_BYTES));
  rig.writer.wait.block(RECORD_BYTES, 0);
  assert.equal(rig.memory.cells.load(control.WRITER_WAIT), control.WRITER_AWAKE);
});
