import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, size } from '../support/full.js';
import { tortureConnections } from './connected-torture.js';

test('what threads were told is accepted arrives once, in order, whoever of them is killed', {
  timeout: 900_000,
}, async (t) => {
  const seed = Date.now() % 100_000;
  t.diagnostic(`seed ${seed}`);
  const options = { durationMs: duration(2_000, 600_000), roundMs: size(1_000, 8_000) };
  const threads = { publishers: size(4, 8), listeners: size(2, 4) };
  const report = await tortureConnections({ ...options, ...threads, seed, killEveryMs: size(120, 200) });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.violations, []);
  assert.ok(report.publishersKilled > 0 && report.listenersKilled > 0 && report.deliveries > 0, 'it proved something');
});
