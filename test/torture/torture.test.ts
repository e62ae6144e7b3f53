import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, size } from '../support/full.js';
import { type TortureReport, torture } from './torture.js';

/** Else nothing was proved. */
function isEnough({ events, laps, restarts, redeliveries, lagged }: TortureReport): boolean {
  return events > 1_000 && laps > 2 && restarts > 0 && redeliveries > 0 && lagged > 0;
}

test('under torture every event is accounted for', { timeout: 600_000 }, async (t) => {
  const seed = Date.now() % 100_000;
  t.diagnostic(`seed ${seed}`);
  // In a short run some ten kills a round, however slow the machine.
  const handledPerKill = size(5_000, 1_000);
  const report = await torture({
    durationMs: duration(1_000, 60_000),
    seed,
    killEveryMs: 300,
    handledPerKill,
    isEnough,
  });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.violations, []);
  assert.deepEqual([report.lost, report.torn, report.duplicates, report.outOfOrder, report.rescued], [0, 0, 0, 0, 0]);
});
