import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReaderTally, Tally } from '../../bench/threads/tally.js';

describe('tally', () => {
  test('is complete when every reader has received what was expected, over several rounds', async () => {
    const tally = new Tally(2);
    const readers = [new ReaderTally(tally.buffer, 0), new ReaderTally(tally.buffer, 1)];
    for (const [target, sum] of [
      [3, 21],
      [5, 35],
    ] as const) {
      tally.expect(target);
      let complete = false;
      const completed = tally.complete().then(() => {
        complete = true;
      });
      for (let i = target === 3 ? 0 : 3; i < target; i++) readers[0]!.count(7);
      await new Promise(setImmediate);
      assert.equal(complete, false);
      for (let i = target === 3 ? 0 : 3; i < target; i++) readers[1]!.count(7);
      await completed;
      assert.deepEqual(tally.checksums(), [sum, sum]);
      assert.equal(tally.received(), target);
    }
  });

  test('tells a reader that received something else by its checksum', async () => {
    const tally = new Tally(2);
    tally.expect(1);
    new ReaderTally(tally.buffer, 0).count(7);
    new ReaderTally(tally.buffer, 1).count(8);
    await tally.complete();
    assert.deepEqual(tally.checksums(), [7, 8]);
  });

  test('reports progress at least every 64 events', () => {
    const tally = new Tally(1);
    tally.expect(1000);
    const reader = new ReaderTally(tally.buffer, 0);
    for (let i = 0; i < 130; i++) reader.count(1);
    assert.equal(tally.received(), 128);
  });
});
