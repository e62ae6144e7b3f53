/** A filter that is valid and surely not meant is a process warning, wherever it is given, and never an error. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../support/child-process.js';
import { LIBRARY } from '../support/published.js';
import { runCommand } from '../support/run-command.js';

/** Each of these gives a filter that is named after it. */
const WAYS = `
  const ways = (name, client) => {
    const handled = client.subscribe(name + '_handler', () => {});
    client.subscribe(name + '_once', () => {}, { once: true });
    client.subscribe(name + '_replay', () => {}, { from: 'oldest' });
    client.subscribe(name + '_stream');
    const module = client.subscribe(name + '_module', new URL('data:text/javascript,export default () => {}'));
    client.next(name + '_next', { timeoutMs: Infinity });
    handled.setFilter('/meant');
    handled.setFilter(name + '_set');
    module.setFilter(name + '_moduleset');
  };`;
const WAYS_GIVEN = ['handler', 'once', 'replay', 'stream', 'module', 'next', 'set', 'moduleset'];

describe('a filter that is surely not meant', { timeout: 600_000 }, () => {
  test('is warned of once for each subscription, on the bus and on connections, and subscribed', async () => {
    const { output, errors, exitCode } = await runProgram(
      `
      import { connectBus } from ${JSON.stringify(LIBRARY)};
      ${WAYS}
      const warned = [];
      process.on('warning', ({ code, filter }) => warned.push(code + ' ' + filter));
      const bus = createBus();
      const connection = connectBus(bus.handle);
      ways('bus', bus);
      ways('connection', connection);
      bus.publish('/a', 1);
      await Promise.all(['bus', 'connection'].map((name) => new Promise(setImmediate)));
      console.log(bus.stats().subscriptions.filter(({ filter }) => filter !== '/meant').length > 0);
      await connection.close();
      await bus.close();
      console.log(warned.sort().join('\\n'));`,
      undefined,
      ['--no-warnings'],
    );
    const expected = ['bus', 'connection'].flatMap((name) => WAYS_GIVEN.map((way) => `${name}_${way}`)).sort();
    assert.equal(errors, '');
    assert.deepEqual(output.trim().split('\n'), [
      'true',
      ...expected.map((filter) => `BUS_SUSPICIOUS_FILTER ${filter}`),
    ]);
    assert.equal(exitCode, 0);
  });

  test('is no warning where it is refused', async () => {
    const { output } = await runProgram(
      `
      process.on('warning', ({ code }) => console.log(code));
      const bus = createBus();
      for (const given of [() => bus.subscribe('tasks', 5), () => bus.subscribe(['tasks', 'a/'], () => {})]) {
        try { given(); } catch (error) { console.log(error.code); }
      }
      await bus.close();`,
      undefined,
      ['--no-warnings'],
    );
    assert.equal(output, 'BUS_INVALID_OPTION\nBUS_INVALID_FILTER\n');
  });

  test('is warned of by the command in its own words', async () => {
    const { stderr, stdout, exitCode } = await runCommand(['events', '-', '--filter', 'tasks']);
    assert.match(stderr, /^ringcast: warning: filter "tasks": no envelope has the field tasks, .*"\/tasks".*\n$/);
    assert.equal(stdout, '');
    assert.equal(exitCode, 0);
  });
});
