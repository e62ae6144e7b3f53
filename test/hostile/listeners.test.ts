/** What users have listen to the bus, leave unwatched or put in the place of Node's own functions never ends the process. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child-process.js';

describe('a process does not end', { timeout: 600_000 }, () => {
  test('by listeners that are async functions and reject: each is warned of, as one that throws is', async () => {
    const { output, errors, exitCode } = await runProgram(`
      const bus = createBus({ capacityBytes: 65_536 });
      const reject = (event) => async () => { throw new Error('from ' + event) };
      bus.on('error', reject('error')).on('drain', reject('drain'));
      const failing = bus.subscribe('/a', () => { throw new Error('handler') });
      const ending = bus.subscribe('/b', () => {}).on('end', reject('end'));
      const late = bus.subscribe('/b', () => {}, { delivery: 'lossy', isolate: true }).on('lagged', reject('lagged'));
      for (let i = 0; i < 200; i++) bus.publish('/b', 'x'.repeat(1_000));
      bus.publish('/a', 1);
      await bus.writable();
      await ending.stop();
      await bus.close();
      console.log(failing.stats().failed);`);
    assert.equal(exitCode, 0, errors);
    assert.equal(output.trim(), '1');
    for (const event of ['error', 'drain', 'end']) assert.match(errors, new RegExp(`from ${event}\\b`));
  });

  test('by promises that nobody watches', async () => {
    const { errors, exitCode } = await runProgram(`
      const bus = createBus();
      bus.subscribe('/a').throw(new Error('no more'));
      bus.serveStats({ name: 'a/b' });
      bus.serveStats({ path: 'x'.repeat(200) });
      // Refused behind them.
      await bus.serveStats({ name: 'c/d' }).catch(() => {});
      await bus.close();
      bus.serveStats();
      bus.writable();
      await new Promise(setImmediate);`);
    assert.equal(exitCode, 0, errors);
  });

  test('where process.emitWarning throws as a reader is evicted, and the publisher goes on', async () => {
    const { output, errors, exitCode } = await runProgram(`
      const bus = createBus({ capacityBytes: 65_536, stallTimeoutMs: 1 });
      bus.subscribe('/a', () => new Promise(() => {}));
      process.emitWarning = () => { throw new Error('no warnings here') };
      for (let i = 0; i < 300; i++) bus.publish('/a', 'x'.repeat(1_000));
      await bus.writable();
      console.log(bus.stats().evictions);
      bus.destroy();`);
    assert.equal(exitCode, 0, errors);
    assert.equal(output.trim(), '1');
  });
});
