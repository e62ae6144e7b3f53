import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size } from '../support/full.js';
import { useAtRandom } from './random-use.js';

const DURATION_MS = size(1_000, 30_000);
const SHRINK_MS = 60_000;

test('a bus used at random does what a list of accepted events would', { timeout: 600_000 }, async (t) => {
  const seed = Date.now() % 100_000;
  t.diagnostic(`seed ${seed}: npm run random-use -- --seed ${seed}`);
  const { faults, script, ...figures } = await useAtRandom({
    seed,
    durationMs: DURATION_MS,
    // Else nothing was proved.
    minDeliveries: 1_000,
    shrinkMs: SHRINK_MS,
  });
  t.diagnostic(JSON.stringify(figures));
  if (script !== undefined)
    t.diagnostic(`npm run random-use -- --script FILE, with this in it: ${JSON.stringify(script)}`);
  assert.deepEqual(faults, []);
});
