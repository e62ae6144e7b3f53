/**
 * The ring on real threads: one writes, four read, each wanting something else; a ring of 64 KiB, so that it is full most
 * of the time, and positions that wrap on the way. Readers sleep, pause, hand parts of batches back; the writer blocks,
 * pauses, uses windows and claims.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { allocateRing, MIN_CAPACITY_BYTES } from '../../src/ring/ring-memory.js';
import { size } from '../support/full.js';
import { TRAFFIC_READERS, type Traffic, wantsOf } from '../support/ring-traffic.js';

interface ReaderCounts {
  readonly received: number;
  readonly scanned: number;
  readonly skipped: number;
  readonly sleeps: number;
  readonly rescued: number;
}

const RECORDS = size(100_000, 2_000_000);

function start(file: string, workerData: unknown): Worker {
  return new Worker(new URL(`../support/${file}`, import.meta.url), { workerData });
}

for (const edge of [2 ** 31, 2 ** 32]) {
  const seed = Number(process.env.RING_SEED ?? edge % 1009);
  test(`each of four readers gets what it wants, in order and whole, across position ${edge} (seed ${seed})`, async (t) => {
    const startPosition = edge - RECORDS;
    const buffers = allocateRing(MIN_CAPACITY_BYTES, startPosition);
    const traffic: Traffic = { buffers, startPosition, records: RECORDS, seed };
    const writer = start('ring-writing-thread.js', traffic);
    const threads = [writer];
    try {
      await once(writer, 'message');
      const written = once(writer, 'message');
      const readers = Array.from({ length: TRAFFIC_READERS }, (_, slot) => {
        const thread = start('ring-reading-thread.js', { traffic, slot });
        threads.push(thread);
        return once(thread, 'message');
      });
      const counts = (await Promise.all(readers)).map(([message]) => message as ReaderCounts);
      t.diagnostic(JSON.stringify([(await written)[0], counts]));
      const expected = new Array<number>(TRAFFIC_READERS).fill(0);
      for (let sequence = 0; sequence < RECORDS; sequence++) {
        const wants = wantsOf(sequence, traffic);
        for (let slot = 0; slot < TRAFFIC_READERS; slot++) expected[slot]! += (wants >> slot) & 1;
      }
      for (const [slot, { received, scanned, skipped, rescued }] of counts.entries()) {
        assert.equal(received, expected[slot], `reader ${slot}`);
        assert.equal(scanned + skipped, RECORDS, `reader ${slot}`);
        assert.equal(rescued, 0, `reader ${slot}`);
      }
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
  });
}
