import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cells } from '../../src/memory/cells.js';
import { loadCounts, NO_COUNTS, storeCounts } from '../../src/ring/reader-counters.js';
import { ringAt } from '../support/ring-rig.js';

test('counts beyond 2^32 come back, each in the slot of its reader', () => {
  const { cells } = ringAt().memory;
  const first = { scanned: 2 ** 40 + 1, delivered: 2 ** 33 + 2, failed: 2 ** 32 - 1, lagged: 2 ** 52, rescued: 4 };
  const last = { scanned: 1, delivered: 2, failed: 3, lagged: 4, rescued: 0 };
  storeCounts(cells, 0, first);
  storeCounts(cells, 63, last);
  assert.deepEqual(loadCounts(cells, 0), first);
  assert.deepEqual(loadCounts(cells, 63), last);
  assert.deepEqual(loadCounts(cells, 1), NO_COUNTS);
});

test('never has more delivered and failed than scanned, whenever the reader stores between two loads', () => {
  const { cells } = ringAt().memory;
  for (let at = 0; at < 20; at++) {
    storeCounts(cells, 0, NO_COUNTS);
    let loads = 0;
    const load = (index: number): number => {
      if (loads++ === at) storeCounts(cells, 0, { ...NO_COUNTS, scanned: 5, delivered: 3, failed: 2 });
      return cells.load(index);
    };
    const { scanned, delivered, failed } = loadCounts({ load } as unknown as Cells, 0);
    assert.ok(delivered + failed <= scanned, `${delivered} + ${failed} of ${scanned}, stored before load ${at}`);
  }
});
