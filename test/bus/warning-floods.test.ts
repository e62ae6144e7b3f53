import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child-process.js';
import { size } from '../support/full.js';

const FAILURES = size(5_000, 50_000);

describe('a handler that fails on every event, and nobody listens', () => {
  test('is warned of some times, with the number of what is not shown, and every failure is counted', async () => {
    const { exitCode, output } = await runProgram(`
      let shown = 0;
      let leftOut = 0;
      const count = ({ message }) => {
        const [, more] = /^(\\d+) more were not shown/.exec(message) ?? [];
        if (more === undefined) shown++;
        else leftOut += Number(more);
        if (shown + leftOut < ${FAILURES}) return;
        console.log(JSON.stringify({ shown, leftOut, failed }));
        process.exit();
      };
      process.removeAllListeners('warning');
      process.on('warning', count);
      const bus = createBus();
      const subscription = bus.subscribe('/x', () => { throw new Error('always'); });
      for (let n = 0; n < ${FAILURES}; n++) if (!bus.publish('/x', n)) await bus.writable();
      const failed = ${FAILURES};
      await subscription.stop({ drain: true });
      if (subscription.stats().failed !== failed) console.log('failed', subscription.stats().failed);
      setTimeout(() => {}, 60_000);
    `);
    assert.equal(exitCode, 0, output);
    const { shown, leftOut } = JSON.parse(output) as { shown: number; leftOut: number };
    assert.equal(shown + leftOut, FAILURES);
    assert.ok(shown <= 200, `${shown} shown`);
  });
});
