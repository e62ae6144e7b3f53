import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, size } from '../support/full.js';
import { useFromThreads } from './threads.js';

const DURATION_MS = size(1_500, 60_000);

test('threads that use a bus together over connections keep to one list of events', { timeout: 600_000 }, async (t) => {
  // A short run tries few rounds, of which it can tell little when one fails: the same each time. A full one tries others.
  const seed = FULL ? Date.now() % 100_000 : 13;
  t.diagnostic(`seed ${seed}: npm run random-use -- --connections --seed ${seed}`);
  const { faults, ...figures } = await useFromThreads({ seed, durationMs: DURATION_MS, minRounds: 2 });
  t.diagnostic(JSON.stringify(figures));
  // Else nothing was proved.
  assert.ok(figures.deliveries > 0, 'nothing was delivered');
  assert.deepEqual(faults, []);
});
