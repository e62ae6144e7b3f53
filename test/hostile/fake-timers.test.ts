/** Fake timers and clocks of test frameworks: nothing of the bus follows them, whenever they were installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { covering } from '../support/full.js';
import { FAKERS, USES } from '../support/under-fakes.js';

const PROGRAM = fileURLToPath(new URL('../support/under-fakes.js', import.meta.url));
const MAX_RUN_MS = 60_000;

describe('nothing of the bus follows', () => {
  for (const faker of covering(Object.keys(FAKERS), 2)) {
    test(faker, () => {
      // In a process of its own: the test runner itself does not run under all of them.
      const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', PROGRAM, faker], {
        encoding: 'utf8',
        timeout: MAX_RUN_MS,
      });
      const promised = Object.keys(USES).map((use) => `${use}: as promised\n`);
      assert.deepEqual({ stdout, stderr }, { stdout: promised.join(''), stderr: '' });
    });
  }
});

describe('with fakes that were installed before the package is loaded', () => {
  const require = createRequire(import.meta.url);
  const index = new URL('../../src/index.js', import.meta.url).href;

  /** What a process prints that installs fakes first, then delivers one event and prints its time. */
  const outcome = (install: string): string => {
    const script = `const systemNow = Date.now;
      ${install};
      try {
        const { createBus } = await import(${JSON.stringify(index)});
        const bus = createBus();
        bus.subscribe('/a', ({ timestamp }) =>
          console.log(Math.abs(Number(timestamp / 1000000n) - systemNow()) < 5000 ? 'delivered' : 'another time'));
        bus.publish('/a', 1);
        await bus.close();
      } catch (error) { console.log(error.code, error.message); }`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(stderr, '');
    return stdout.trim();
  };
  const sinon = (config: string): string =>
    `const { createRequire } = await import('node:module');
     createRequire(import.meta.url)(${JSON.stringify(require.resolve('@sinonjs/fake-timers'))}).install(${config})`;

  test('fake timers are an error that names them and says what to do', () => {
    for (const install of ["(await import('node:test')).mock.timers.enable()", sinon('')]) {
      const said = outcome(install);
      assert.match(said, /^BUS_FAKE_TIMERS .*\(setTimeout, setInterval, setImmediate\); import ringcast before/);
    }
    assert.match(outcome(sinon("{ toFake: ['setImmediate'] }")), /^BUS_FAKE_TIMERS .*\(setImmediate\)/);
  });

  test('fake clocks are not followed', () => {
    assert.equal(outcome("(await import('node:test')).mock.timers.enable({ apis: ['Date'] })"), 'delivered');
    assert.equal(outcome(sinon("{ toFake: ['Date', 'performance', 'hrtime', 'queueMicrotask'] }")), 'delivered');
    assert.equal(outcome('performance.now = () => 0; process.hrtime = () => [0, 0]; Date.now = () => 7'), 'delivered');
  });
});
