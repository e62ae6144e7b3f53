import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidCapacityError, LayoutMismatchError, OutOfMemoryError } from '../../src/errors.js';
import { connectBus, createBus } from '../../src/index.js';
import * as control from '../../src/ring/control-descriptor.js';
import {
  allocateRing,
  attachRing,
  MAX_CAPACITY_BYTES,
  MIN_CAPACITY_BYTES,
  maxRecordBytes,
  offsetOf,
} from '../../src/ring/ring-memory.js';

for (const capacity of [0, -65536, 1, 65535, 65537, 98304, 1.5, 2 ** 15, 2 ** 31, 2 ** 53, Number.NaN]) {
  test(`a capacity of ${capacity} bytes is refused`, () => {
    assert.throws(() => allocateRing(capacity), InvalidCapacityError);
  });
}

test('a refused capacity says which value and why', () => {
  assert.throws(() => allocateRing(98304), /98304.*power of two/);
  for (const capacity of [32768, 2 ** 31]) {
    const expected = `${capacity}: must be a power of two from ${MIN_CAPACITY_BYTES} to ${MAX_CAPACITY_BYTES}`;
    assert.throws(() => allocateRing(capacity), new RegExp(expected));
  }
});

test('a ring is as large as asked, and attached as such', () => {
  for (const capacity of [MIN_CAPACITY_BYTES, 2 ** 22]) {
    const memory = attachRing(allocateRing(capacity));
    assert.equal(memory.capacityBytes, capacity);
    assert.equal(memory.bytes.length, capacity);
    assert.equal(memory.words.length, capacity / 4);
    assert.equal(maxRecordBytes(capacity), capacity / 8);
  }
});

test('a ring of another layout is refused', () => {
  const buffers = allocateRing(MIN_CAPACITY_BYTES);
  const { cells } = attachRing(buffers);
  cells.store(control.LAYOUT, control.LAYOUT_VERSION + 1);
  assert.throws(() => attachRing(buffers), LayoutMismatchError);
  cells.store(control.MAGIC, 0);
  assert.throws(() => attachRing(buffers), LayoutMismatchError);
});

test('attached views see what others write, copies do not', () => {
  const buffers = allocateRing(MIN_CAPACITY_BYTES);
  const [one, other] = [attachRing(buffers), attachRing(buffers)];
  one.bytes.write('first', 64);
  const copy = Buffer.from('______');
  other.copyTo(copy, 1, 64, 4);
  one.bytes.write('later', 64);
  assert.equal(copy.toString(), '_firs_');
  assert.equal(other.bytes.toString('latin1', 64, 69), 'later');
});

for (const [position, offset] of [
  [0, 0],
  [1, 32],
  [2047, 65504],
  [2048, 0],
  [2 ** 31 - 1, 65504],
  [-(2 ** 31), 0],
  [-1, 65504],
  [2 ** 32, 0],
  [2 ** 45 + 3, 96],
] as const) {
  test(`position ${position} is at offset ${offset} of the least ring`, () => {
    assert.equal(offsetOf(position, MIN_CAPACITY_BYTES), offset);
  });
}

test('offsets in the largest ring are exact', () => {
  assert.equal(offsetOf(-1, MAX_CAPACITY_BYTES), MAX_CAPACITY_BYTES - 32);
  assert.equal(offsetOf(2 ** 25, MAX_CAPACITY_BYTES), 0);
});

test('a bus and a connection that get no shared memory say so, with how much they asked for', () => {
  const bus = createBus();
  const { handle } = bus;
  const original = globalThis.SharedArrayBuffer;
  globalThis.SharedArrayBuffer = class {
    constructor() {
      throw new RangeError('Array buffer allocation failed');
    }
  } as unknown as typeof original;
  try {
    for (const make of [() => createBus({ capacityBytes: 2 ** 30 }), () => connectBus(handle)]) {
      assert.throws(make, (error) => {
        assert.ok(error instanceof OutOfMemoryError && error.cause instanceof RangeError);
        assert.match(error.message, new RegExp(`no ${error.bytes} bytes of shared memory are left`));
        return true;
      });
    }
  } finally {
    globalThis.SharedArrayBuffer = original;
    bus.destroy();
  }
});
