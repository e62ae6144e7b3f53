import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus } from '../../src/index.js';
import { FOREVER, inlineModule, until } from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';
import { FULL, size } from '../support/full.js';

/** Never returns; in a full run it takes a core. */
const SPIN = FULL ? 'for (;;);' : FOREVER;

/** Of a program: the cell that its threads share. */
const CELL = `
  import { setEnvironmentData } from 'node:worker_threads';
  const here = new Int32Array(new SharedArrayBuffer(4));
  setEnvironmentData('here', here);`;
/** Of a thread: says that it is where it hangs. */
const here = `(await import('node:worker_threads')).getEnvironmentData('here')[0] = 1;`;
/** Says that it hangs no more. */
const free = `(await import('node:worker_threads')).getEnvironmentData('here')[0] = 2;`;
const preload = (source: string): readonly string[] => [
  '--import',
  inlineModule(`import { isMainThread } from 'node:worker_threads'; if (!isMainThread) { ${source} }`).href,
];

/** Where a thread hangs: the source of its module, and options of Node. */
const PLACES: Readonly<Record<string, readonly [source: string, flags?: readonly string[]]>> = {
  'a preload that spins': ['export default () => {};', preload(`${here} ${SPIN}`)],
  'a preload that waits': [
    'export default () => {};',
    preload(`${here} await new Promise((resolve) => setInterval(() => {}, 1e6))`),
  ],
  'a module that spins': [`${here} ${SPIN} export default () => {};`],
  'a module that waits': [`${here} setInterval(() => {}, 1e6); await new Promise(() => {}); export default () => {};`],
  'setup that waits': [`export default { async setup() { ${here} await new Promise(() => {}); }, handle() {} };`],
  'setup that spins': [`export default { async setup() { ${here} ${SPIN} }, handle() {} };`],
  'a handler that waits': [`export default async () => { ${here} await new Promise(() => {}); };`],
  'a handler that spins': [`export default async () => { ${here} ${SPIN} };`],
  'a call into the system': [
    `import { spawnSync } from 'node:child_process';
     export default async () => { ${here} spawnSync('sleep', ['12']); ${free} };`,
  ],
  'teardown that waits': [`export default { async handle() { ${here} }, teardown: () => new Promise(() => {}) };`],
  'teardown that spins': [`export default { async handle() { ${here} }, teardown() { ${SPIN} } };`],
};

/** How the bus is told to stop. */
const VERBS: Readonly<Record<string, string>> = {
  close: `await bus.close({ drainTimeoutMs: 300 });`,
  destroy: `bus.destroy(); await bus.close();`,
  'close, after stop with drain': `void subscription.stop({ drain: true }); await bus.close({ drainTimeoutMs: 300 });`,
};

/** Less than the patience with a thread whose entry a bundler has made an ES module, and much more than an exit takes. */
const EXIT_MS = 9_000;

/** Each place with each verb, or, in a short run, each with one in turn. */
const CASES = Object.keys(PLACES).flatMap((place, index) =>
  Object.keys(VERBS)
    .filter((_, turn, verbs) => FULL || turn === index % verbs.length)
    .map((verb) => ({ place, verb })),
);

describe('a bus is closed when its time is over, and the process ends,', { timeout: 600_000, concurrency: 2 }, () => {
  for (const { place, verb } of CASES) {
    test(`while a thread hangs in ${place}: ${verb}`, async () => {
      const [source, flags] = PLACES[place]!;
      const { exitCode, output, errors } = await runProgram(
        `${CELL}
         const bus = createBus();
         const subscription = bus.subscribe('/a', new URL(${JSON.stringify(inlineModule(source).href)}));
         bus.publish('/a', { id: 0 });
         while (Atomics.load(here, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
         ${VERBS[verb]}
         console.log(Atomics.load(here, 0) === 1 ? 'closed' : 'closed when the thread was free');`,
        undefined,
        flags,
      );
      assert.deepEqual({ exitCode, output, errors }, { exitCode: 0, output: 'closed\n', errors: '' });
    });
  }
});

test('a process does not wait for a thread that is still told to load something', { timeout: 600_000 }, async () => {
  const { exitCode, output, errors } = await runProgram(
    `import { SHARE_ENV } from 'node:worker_threads';
     const bus = createBus();
     const execArgv = ['--import', 'data:text/javascript,process.env.HERE = "1"; ${SPIN}'];
     bus.subscribe('/a', new URL('data:text/javascript,export default () => {};'), { execArgv, env: SHARE_ENV });
     while (process.env.HERE === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
     let isLate = false;
     setTimeout(() => (isLate = true), ${EXIT_MS}).unref();
     process.once('exit', () => console.log(isLate ? 'late' : 'exited'));
     await bus.close({ drainTimeoutMs: 0 });
     console.log('closed');`,
  );
  assert.deepEqual({ exitCode, output, errors }, { exitCode: 0, output: 'closed\nexited\n', errors: '' });
});

describe('a module that is stopped', { timeout: 600_000, concurrency: 4 }, () => {
  const here = `Atomics.store(data, 0, 1)`;
  const stops: readonly [place: string, source: string, stop: string][] = [
    ['setup', `export default { setup({ data }) { ${here}; return new Promise(() => {}); }, handle() {} };`, 'stop()'],
    ['setup, spinning,', `export default { setup({ data }) { ${here}; ${SPIN} }, handle() {} };`, 'stop()'],
    ['a handler', `export default (_, { data }) => { ${here}; return new Promise(() => {}); };`, 'stop()'],
    ['a handler, spinning,', `export default (_, { data }) => { ${here}; ${SPIN} };`, 'stop()'],
    [
      'teardown',
      `export default { handle: (_, { data }) => void ${here}, teardown: () => new Promise(() => {}) };`,
      'stop()',
    ],
    [
      'teardown, spinning,',
      `export default { handle: (_, { data }) => void ${here}, teardown() { ${SPIN} } };`,
      'stop({ drain: true })',
    ],
  ];
  // In a short run each place once, in one way or the other.
  for (const [place, source, stop] of stops.filter((_, index) => FULL || [0, 3, 5].includes(index))) {
    test(`is ended although it hangs in ${place} by ${stop}`, async () => {
      const { exitCode, output } = await runProgram(
        `const bus = createBus();
         const data = new Int32Array(new SharedArrayBuffer(4));
         const subscription = bus.subscribe('/a', new URL(${JSON.stringify(inlineModule(source).href)}), { data });
         subscription.on('error', (error) => console.log(error.code, error.reason));
         bus.publish('/a', { id: 0 });
         while (Atomics.load(data, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 10));
         await subscription.${stop};
         console.log('stopped');`,
      );
      assert.equal(exitCode, 0);
      assert.match(output, /^BUS_WORKER_EXITED it had nothing left .* within 10 s: .*\nstopped\n$/);
    });
  }

  test('in setup hears of it there', async () => {
    await using bus = createBus();
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule(`
      import { once } from 'node:events';
      export default {
        setup({ signal, data }) {
          const told = once(signal, 'abort').then(() => {});
          Atomics.store(data, 0, 1);
          return told;
        },
        handle() {},
      };`);
    const subscription = bus.subscribe('/a', module, { data: begun });
    // Stopped before, it would find the signal aborted, and wait for what has happened.
    await until(() => Atomics.load(begun, 0) === 1);
    let failed = false;
    subscription.on('error', () => {
      failed = true;
    });
    await subscription.stop();
    assert.equal(failed, false);
  });
});

/** How many start at once. */
const THREADS = size(10, 60);

describe('many threads that start at once', { timeout: 600_000 }, () => {
  test('do not keep a close from settling, nor the process from ending', async () => {
    const { exitCode, output, errors } = await runProgram(
      `const bus = createBus();
       for (let i = 0; i < ${THREADS}; i++) bus.subscribe('/a', new URL(${JSON.stringify(inlineModule('export default () => {};').href)}));
       bus.publish('/a', { id: 0 });
       const { undelivered } = await bus.close({ drainTimeoutMs: 100 });
       console.log(undelivered <= ${THREADS});`,
    );
    assert.deepEqual([exitCode, output, errors], [0, 'true\n', '']);
  });
});

describe('hangTimeoutMs', { timeout: 600_000, concurrency: 2 }, () => {
  for (const place of ['a preload that spins', 'a preload that waits']) {
    test(`sees a thread that hangs in ${place}`, async () => {
      const [source, flags] = PLACES[place]!;
      const { exitCode, output } = await runProgram(
        `${CELL}
         const bus = createBus();
         const subscription = bus.subscribe('/a', new URL(${JSON.stringify(inlineModule(source).href)}), {
           hangTimeoutMs: 500,
           restart: 'never',
         });
         subscription.on('error', (error) => console.log(error.reason));
         await subscription.ended;
         await bus.close();`,
        undefined,
        flags,
      );
      assert.equal(exitCode, 0);
      assert.equal(output, "its event loop has not turned for 500 ms; with restart: 'never' it is not started again\n");
    });
  }
});
