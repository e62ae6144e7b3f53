import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as control from '../../src/ring/control-descriptor.js';
import { readAll, ringAt, sequences, write } from '../support/ring-rig.js';

const FULL_UNITS = 256;

/** Writes until the ring is full; returns how many records that took. */
function fill(rig: ReturnType<typeof ringAt>): number {
  let records = 0;
  while (write(rig.writer, FULL_UNITS)) records++;
  return records;
}

test('64 readers have slots, the next has none', () => {
  const rig = ringAt();
  const slots = Array.from({ length: control.MAX_READERS }, () => rig.writer.join(true));
  assert.deepEqual(
    slots,
    Array.from(slots, (_, index) => index),
  );
  assert.equal(rig.writer.join(true), -1);
  rig.writer.leave(17);
  assert.equal(rig.writer.join(true), 17);
});

test('each reader gets what is written from its join on', () => {
  const rig = ringAt();
  const first = rig.reader();
  write(rig.writer, 2);
  const second = rig.reader();
  write(rig.writer, 2);
  assert.deepEqual(sequences(readAll(first)), [0, 1]);
  assert.deepEqual(sequences(readAll(second)), [1]);
});

test('the slowest gating reader holds the ring, and is named', () => {
  const rig = ringAt();
  const [fast, slow] = [rig.reader(), rig.reader()];
  assert.equal(fill(rig), 8);
  readAll(fast);
  assert.equal(write(rig.writer, 1), false);
  assert.equal(rig.writer.holder, slow.reader);
  readAll(slow);
  assert.equal(rig.writer.holder, -1);
  assert.ok(write(rig.writer, 1));
});

test('a reader that leaves holds the ring no longer', () => {
  const rig = ringAt();
  const [stays, leaves] = [rig.reader(), rig.reader()];
  fill(rig);
  readAll(stays);
  rig.writer.leave(leaves.reader);
  assert.equal(rig.writer.freeBytes(), rig.memory.capacityBytes);
  assert.equal(rig.memory.cells.load(control.slotOf(leaves.reader) + control.STATE), control.FREE);
});

test('a reader that is told to gate no longer keeps its slot', () => {
  const rig = ringAt();
  const reader = rig.reader();
  fill(rig);
  rig.writer.gate.stopGating(reader.reader);
  assert.equal(rig.writer.gate.gates(reader.reader), false);
  assert.ok(write(rig.writer, 1));
  assert.notEqual(rig.writer.join(true), reader.reader);
});

test('a slot used again has a new generation and the new cursor', () => {
  const rig = ringAt();
  const former = rig.reader();
  const generation = (): number => rig.memory.cells.load(control.slotOf(former.reader) + control.GENERATION);
  const before = generation();
  fill(rig);
  rig.writer.leave(former.reader);
  for (let i = 0; i < 20; i++) write(rig.writer, FULL_UNITS);
  const next = rig.reader();
  assert.equal(next.reader, former.reader);
  assert.equal(generation(), before + 1);
  assert.equal(next.hasMore, false);
  write(rig.writer, 1);
  assert.equal(readAll(next).length, 1);
});

test('a slot used again is awake, whatever its former reader was', () => {
  const rig = ringAt();
  const former = rig.reader();
  assert.ok(former.sleep.fallAsleep());
  rig.writer.leave(former.reader);
  const next = rig.reader();
  assert.ok(next.sleep.awake);
  write(rig.writer, 1, 1 << next.reader);
  rig.writer.flush();
  assert.deepEqual(rig.notified, [], 'nobody sleeps');
  assert.equal(readAll(next).length, 1);
});

test('a lossy reader holds nothing', () => {
  const rig = ringAt();
  const lossy = rig.reader(false);
  assert.equal(rig.memory.cells.load(control.slotOf(lossy.reader) + control.STATE), control.LOSSY);
  assert.equal(rig.writer.gate.gates(lossy.reader), false);
  for (let i = 0; i < 20; i++) assert.ok(write(rig.writer, FULL_UNITS));
});

test('a reader that is evicted twice is lossy once, and not at all when it has left', () => {
  const { writer } = ringAt();
  const reader = writer.join(true);
  writer.evict(reader);
  writer.evict(reader);
  writer.leave(reader);
  assert.deepEqual(writer.gate.lossy, []);
});
