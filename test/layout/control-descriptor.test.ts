import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CACHE_LINE_BYTES } from '../../src/memory/alignment.js';
import { COUNT_CELLS } from '../../src/memory/cells.js';
import * as control from '../../src/ring/control-descriptor.js';

const BLOCK_CELLS = CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** The picture, block by block: name, first cell, cells. */
type Field = readonly [name: string, cell: number, cells?: number];
const blocks: [block: number, fields: Field[]][] = [
  [
    0,
    [
      ['MAGIC', control.MAGIC],
      ['LAYOUT', control.LAYOUT],
      ['CAPACITY_UNITS', control.CAPACITY_UNITS],
      ['READERS', control.READERS],
    ],
  ],
  [
    1,
    [
      ['TAIL', control.TAIL],
      ['INTENT', control.INTENT],
      ['EPOCH', control.EPOCH],
      ['FLUSHED', control.FLUSHED],
      ['WRITER_STATE', control.WRITER_STATE],
      ['SPIN_BUDGET_US', control.SPIN_BUDGET_US],
    ],
  ],
  [
    2,
    [
      ['NEED', control.NEED],
      ['WRITER_WAIT', control.WRITER_WAIT],
    ],
  ],
  [3, [['SLEEPERS', control.SLEEPERS, control.MAX_READERS / 32]]],
  [4, [['BOUNDARY', control.BOUNDARY, control.BOUNDARIES]]],
];
const slotBlocks: [block: number, fields: Field[]][] = [
  [
    0,
    [
      ['TAKEN', control.TAKEN],
      ['IN_HAND', control.IN_HAND, COUNT_CELLS],
      ['SCANNED', control.SCANNED, COUNT_CELLS],
      ['DELIVERED', control.DELIVERED, COUNT_CELLS],
      ['FAILED', control.FAILED, COUNT_CELLS],
      ['LAGGED', control.LAGGED, COUNT_CELLS],
      ['RESCUED', control.RESCUED],
      ['HEARTBEAT', control.HEARTBEAT],
      ['SCRATCH', control.SCRATCH],
    ],
  ],
  [
    1,
    [
      ['RELEASED', control.RELEASED],
      ['NEXT_SEQUENCE', control.NEXT_SEQUENCE, COUNT_CELLS],
    ],
  ],
  [
    2,
    [
      ['WAKE', control.WAKE],
      ['STATE', control.STATE],
      ['GENERATION', control.GENERATION],
      ['FILTER_VERSION', control.FILTER_VERSION],
    ],
  ],
];

/** Fields lie one after another from the start of their block. Returns the cell behind the last. */
function assertPacked(block: number, fields: readonly Field[], origin: number): number {
  let cell = origin + block * BLOCK_CELLS;
  for (const [name, at, cells = 1] of fields) {
    assert.equal(origin + at, cell, name);
    cell += cells;
  }
  return cell;
}

test('control cells lie where the picture shows them', () => {
  for (const [block, fields] of blocks) assertPacked(block, fields, 0);
});

test('blocks of different writers share no 128 bytes', () => {
  let end = 0;
  for (const [block, fields] of blocks) {
    assert.ok(end <= block * BLOCK_CELLS, `block ${block}`);
    end = assertPacked(block, fields, 0);
  }
  assert.ok(end <= control.slotOf(0));
});

test('the blocks of a slot, and the slots, share no 128 bytes', () => {
  for (let reader = 0; reader < control.MAX_READERS; reader++) {
    const slot = control.slotOf(reader);
    assert.equal(slot % BLOCK_CELLS, 0);
    for (const [block, fields] of slotBlocks) {
      assert.ok(assertPacked(block, fields, slot) <= slot + (block + 1) * BLOCK_CELLS, `block ${block}`);
    }
    assert.ok(slot + slotBlocks.length * BLOCK_CELLS <= control.slotOf(reader + 1));
  }
});

test('the control buffer ends with the last slot', () => {
  assert.equal(control.CONTROL_BYTES, control.slotOf(control.MAX_READERS) * Int32Array.BYTES_PER_ELEMENT);
});

test('no value of a state word is another', () => {
  for (const values of [
    [control.AWAKE, control.DROWSY, control.ASLEEP],
    [control.WRITER_AWAKE, control.WRITER_PARKED, control.WRITER_BLOCKED],
    [control.OPEN, control.CLOSING, control.CLOSED],
    [control.FREE, control.GATING, control.LOSSY],
  ]) {
    assert.equal(new Set(values).size, values.length);
    // A new buffer is all zeros: awake, open, free.
    assert.equal(values[0], 0);
  }
});
