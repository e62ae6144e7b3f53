import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as control from '../../src/ring/control-descriptor.js';
import { bitOf, range, readAll, ringAt, sequences, write } from '../support/ring-rig.js';

const FULL_UNITS = 256;

test('a sleeping reader is woken once for a burst that it wants', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  assert.equal(reader.sleep.awake, false);
  for (let i = 0; i < 5; i++) write(rig.writer, 1, bitOf(reader));
  assert.ok(rig.writer.flushDue);
  assert.deepEqual(rig.notified, [], 'not before the flush');
  rig.writer.flush();
  rig.writer.flush();
  assert.deepEqual(rig.notified, [reader.reader]);
  assert.ok(reader.sleep.awake);
  assert.equal(reader.resume(), -1);
  assert.deepEqual(sequences(readAll(reader)), range(0, 5));
});

test('only those are woken who want something, among readers in both words', () => {
  const rig = ringAt();
  const readers = Array.from({ length: 64 }, () => rig.reader());
  for (const reader of readers) assert.ok(reader.sleep.fallAsleep());
  write(rig.writer, 1, 1 << 3, 0);
  write(rig.writer, 1, 0, 1 << 31);
  write(rig.writer, 1, 1 << 31, 1);
  rig.writer.flush();
  assert.deepEqual(
    rig.notified.toSorted((a, b) => a - b),
    [3, 31, 32, 63],
  );
  assert.deepEqual(
    readers.filter((reader) => reader.sleep.awake).map((reader) => reader.reader),
    [3, 31, 32, 63],
  );
});

test('a flush is due only while somebody interested sleeps', () => {
  const rig = ringAt();
  const [sleeper, other] = [rig.reader(), rig.reader()];
  assert.ok(sleeper.sleep.fallAsleep());
  write(rig.writer, 1, bitOf(other));
  assert.equal(rig.writer.flushDue, false);
  write(rig.writer, 1, bitOf(sleeper));
  assert.equal(rig.writer.flushDue, true);
});

test('a reader with something to read does not fall asleep', () => {
  const rig = ringAt();
  const reader = rig.reader();
  write(rig.writer, 1);
  assert.equal(reader.sleep.fallAsleep(), false);
  assert.ok(reader.sleep.awake);
  assert.equal(rig.memory.cells.load(control.SLEEPERS), 0);
});

test('a reader woken late resumes behind what it did not want', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 7; i++) write(rig.writer, 1);
  rig.writer.flush();
  write(rig.writer, 1, bitOf(reader));
  rig.writer.flush();
  assert.equal(reader.resume(), 7);
  assert.equal(reader.taken, 7);
  assert.deepEqual(sequences(readAll(reader)), [7]);
});

test('a flush that was not due moves the sleeper as far as one that was made', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 7; i++) write(rig.writer, 1);
  assert.equal(rig.writer.flushDue, false);
  write(rig.writer, 1, bitOf(reader));
  rig.writer.flush();
  assert.equal(reader.resume(), 7);
});

test('a sleeper that wants nothing never holds the ring, and is not woken', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 100; i++) assert.ok(write(rig.writer, FULL_UNITS));
  assert.deepEqual(rig.notified, []);
  assert.equal(reader.sleep.awake, false);
  write(rig.writer, 1, bitOf(reader));
  rig.writer.flush();
  assert.equal(reader.resume() > 90, true);
  assert.equal(readAll(reader).at(-1)!.sequence, 100);
});

test('a sleeper that is woken because the ring is full leaves the room that it did not want', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 7; i++) assert.ok(write(rig.writer, FULL_UNITS));
  assert.equal(rig.writer.flushDue, false);
  assert.ok(write(rig.writer, FULL_UNITS, bitOf(reader)));
  // Seven of the eight records that fill the ring are of no use to its only reader.
  assert.ok(write(rig.writer, FULL_UNITS), 'there is room');
  assert.deepEqual(rig.notified, [reader.reader]);
  assert.equal(reader.resume(), 7);
  assert.deepEqual(sequences(readAll(reader)), [7, 8]);
});

test('a parked writer has been told of the room that waking a sleeper made', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 7; i++) assert.ok(write(rig.writer, FULL_UNITS));
  assert.equal(rig.writer.flushDue, false);
  assert.ok(write(rig.writer, FULL_UNITS, bitOf(reader)));
  // The reader's next release does not cross NEED any more: it was moved beyond it.
  assert.equal(rig.writer.wait.park(FULL_UNITS * 32), false);
});

test('a sleeper ends its sleep by itself, and stays where the writer moved it', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  for (let i = 0; i < 12; i++) assert.ok(write(rig.writer, FULL_UNITS));
  assert.ok(reader.sleep.wakeSelf());
  assert.ok(reader.sleep.awake);
  assert.equal(reader.resume() >= 8, true);
  assert.equal(rig.memory.cells.load(control.SLEEPERS), 0);
  const left = readAll(reader);
  assert.equal(left.at(-1)!.sequence, 11);
});

test('a reader whose bit is taken cannot wake itself', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  rig.memory.cells.and(control.SLEEPERS, ~bitOf(reader));
  assert.equal(reader.sleep.wakeSelf(), false);
  assert.equal(reader.sleep.awake, false);
});

test('a reader is woken for another reason than a record', () => {
  const rig = ringAt();
  const reader = rig.reader();
  rig.writer.waker.wakeNow(reader.reader);
  assert.deepEqual(rig.notified, [], 'it does not sleep');
  assert.ok(reader.sleep.fallAsleep());
  rig.writer.waker.wakeNow(reader.reader);
  assert.deepEqual(rig.notified, [reader.reader]);
  assert.ok(reader.sleep.awake);
  assert.equal(rig.writer.waker.wakes, 1);
});

test('what a sleeper has not been told of is known while it sleeps', () => {
  const rig = ringAt();
  const reader = rig.reader();
  assert.ok(reader.sleep.fallAsleep());
  assert.equal(reader.sleep.flushedUnread, undefined);
  write(rig.writer, 3);
  assert.equal(reader.sleep.flushedUnread, undefined, 'not flushed');
  rig.writer.flush();
  assert.equal(reader.sleep.flushedUnread, 3);
  assert.ok(reader.sleep.wakeSelf());
  assert.equal(reader.sleep.flushedUnread, undefined);
});

test('a blocked reader whose wake word is AWAKE waits no longer', () => {
  const reader = ringAt().reader();
  reader.sleep.waitAwake(1_000_000);
});

test('sleeping works across the wrap of positions', () => {
  for (const start of [2 ** 31 - 3, 2 ** 32 - 3]) {
    const rig = ringAt(start);
    const reader = rig.reader();
    assert.ok(reader.sleep.fallAsleep());
    for (let i = 0; i < 6; i++) write(rig.writer, 1);
    rig.writer.flush();
    write(rig.writer, 1, bitOf(reader));
    rig.writer.flush();
    assert.equal(reader.resume(), 6);
    assert.deepEqual(sequences(readAll(reader)), [6]);
  }
});
