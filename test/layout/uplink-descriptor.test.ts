/** The cells of an uplink lie where the picture in its descriptor says, and share no block with cells of another writer. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CACHE_LINE_BYTES } from '../../src/memory/alignment.js';
import { slotOf } from '../../src/ring/control-descriptor.js';
import * as uplink from '../../src/ring/uplink-descriptor.js';

const BLOCK_CELLS = CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** Each block: name, first cell and number of cells of what is in it, in order. */
const BLOCKS: readonly (readonly [block: string, fields: readonly (readonly [string, number, number])[]])[] = [
  [
    'owner',
    [
      ['OWNER', uplink.OWNER, 1],
      ['VERSION', uplink.VERSION, 1],
      ['BOUND', uplink.BOUND, 1],
      ['SEAL', uplink.SEAL, 1],
    ],
  ],
  [
    'thread',
    [
      ['LEAVING', uplink.LEAVING, 1],
      ['QUEUED', uplink.QUEUED, 1],
      ['WAITING', uplink.WAITING, 2],
      ['WAITS', uplink.WAITS, 1],
    ],
  ],
];

test('the cells of an uplink follow those of a ring with one reader, a block for each writer, without gaps', () => {
  let block = slotOf(uplink.OWNER_SLOT + 1);
  for (const [name, fields] of BLOCKS) {
    assert.equal(block % BLOCK_CELLS, 0, `${name} block`);
    let next = block;
    for (const [field, cell, cells] of fields) {
      assert.equal(cell, next, field);
      next += cells;
    }
    assert.ok(next - block <= BLOCK_CELLS, `the ${name} block is not longer than a block`);
    block += BLOCK_CELLS;
  }
  assert.equal(uplink.UPLINK_CONTROL_BYTES, block * Int32Array.BYTES_PER_ELEMENT);
});

test('the picture of an uplink names the cells in that order', () => {
  const source = readFileSync(new URL('../../../src/ring/uplink-descriptor.ts', import.meta.url), 'utf8');
  for (const [block, fields] of BLOCKS) {
    const line = new RegExp(`^ \\*   ${block} block +(.*?) {3,}written`, 'm').exec(source)?.[1];
    const drawn = line?.split(/ {2,}/).map((field) => field.trim());
    const named = fields.map(([field, , cells]) => (cells === 1 ? field : `${field} (${cells} cells)`));
    assert.deepEqual(drawn, named);
    for (const [field] of fields) assert.match(source, new RegExp(`^ \\* ${field} +\\S`, 'm'), `${field} is explained`);
  }
});
