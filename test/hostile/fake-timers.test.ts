/** Fake timers and clocks of test frameworks, and what agents wrap: nothing of the bus follows, whenever it was installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { covering } from '../support/full.js';
import { LIBRARY } from '../support/published.js';
import { FAKERS, USES, WRAPPERS } from '../support/under-fakes.js';

const PROGRAM = fileURLToPath(new URL('../support/under-fakes.js', import.meta.url));
const MAX_RUN_MS = 150_000;

/** All uses of a bus under fakes, in a process of its own: the test runner itself does not run under all of them. */
function assertAsPromised(...args: readonly string[]): void {
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], {
    encoding: 'utf8',
    timeout: MAX_RUN_MS,
  });
  const promised = Object.keys(USES).map((use) => `${use}: as promised\n`);
  assert.deepEqual({ stdout, stderr }, { stdout: promised.join(''), stderr: '' });
}

describe('nothing of the bus follows', () => {
  for (const faker of covering(Object.keys(FAKERS), 2)) test(faker, () => assertAsPromised(PROGRAM, faker));
});

describe('the bus works in threads with', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wrappers-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, text] of covering(Object.entries(WRAPPERS), 2)) {
    test(name, () => {
      const preload = join(folder, 'preload.cjs');
      writeFileSync(preload, text);
      assertAsPromised('--require', preload, PROGRAM);
    });
  }
});

describe('with fakes that were installed before the package is loaded', () => {
  const require = createRequire(import.meta.url);

  /** Delivers one event and prints what its time is. */
  const DELIVERING = `const bus = createBus();
    bus.subscribe('/a', ({ timestamp }) =>
      console.log(Math.abs(Number(timestamp / 1000000n) - systemNow()) < 5000 ? 'delivered' : 'another time'));
    bus.publish('/a', 1);
    await bus.close();`;

  /** What a process prints that installs fakes before it loads the package. */
  const outcome = (install: string, use = DELIVERING): string => {
    const script = `const systemNow = Date.now;
      ${install};
      try {
        const { createBus, hostBus } = await import(${JSON.stringify(LIBRARY)});
        ${use}
      } catch (error) { console.log(error.code, error.message); }`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 600_000,
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

  test('fake timers keep a thread from connecting to a bus that it hosts, and the process ends', () => {
    assert.match(outcome(sinon(''), 'await hostBus();'), /^BUS_FAKE_TIMERS/);
  });

  test('fake clocks are not followed', () => {
    assert.equal(outcome("(await import('node:test')).mock.timers.enable({ apis: ['Date'] })"), 'delivered');
    assert.equal(outcome(sinon("{ toFake: ['Date', 'performance', 'hrtime', 'queueMicrotask'] }")), 'delivered');
    assert.equal(outcome('performance.now = () => 0; process.hrtime = () => [0, 0]; Date.now = () => 7'), 'delivered');
  });
});
