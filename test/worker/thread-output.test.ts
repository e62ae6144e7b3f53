/** A module that spoils its streams is stopped all the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';

describe('a module stops, its events handled', { timeout: 600_000 }, () => {
  for (const [what, text] of Object.entries({
    'that replaced process.stdout.write': 'process.stdout.write = () => true',
    'that ended process.stderr': 'process.stderr.end()',
    'that destroyed process.stdout': 'process.stdout.destroy()',
  })) {
    test(what, async () => {
      await using bus = createBus();
      const url = new URL(`data:text/javascript,${encodeURIComponent(`${text}; export default () => {}`)}`);
      const subscription = bus.subscribe('/a', url);
      bus.publish('/a', 1);
      await subscription.stop({ drain: true });
      const { delivered, restarts } = subscription.stats();
      assert.deepEqual({ delivered, restarts }, { delivered: 1, restarts: 0 });
    });
  }
});
