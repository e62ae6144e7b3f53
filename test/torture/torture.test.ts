import assert from 'node:assert/strict';
import { test } from 'node:test';
import { torture } from './torture.js';

test('under torture every event is accounted for', { timeout: 240_000 }, async (t) => {
  const seed = Date.now() % 100_000;
  t.diagnostic(`seed ${seed}`);
  const report = await torture({ durationMs: 40_000, seed, killEveryMs: 300 });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.violations, []);
  assert.deepEqual([report.lost, report.torn, report.duplicates, report.outOfOrder, report.rescued], [0, 0, 0, 0, 0]);
  // Else nothing was proved.
  assert.ok(report.events > 1_000);
  assert.ok(report.laps > 10);
  assert.ok(report.restarts > 0);
  assert.ok(report.redeliveries > 0);
  assert.ok(report.lagged > 0);
});
