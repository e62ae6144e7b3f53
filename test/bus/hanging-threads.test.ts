import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inlineModule } from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';

const preload = (source: string): readonly string[] => [
  '--import',
  inlineModule(`import { isMainThread } from 'node:worker_threads'; if (!isMainThread) { ${source} }`).href,
];

/** Where a thread hangs: the source of its module, and options of Node. */
const PLACES: Readonly<Record<string, readonly [source: string, flags?: readonly string[]]>> = {
  'a preload that spins': ['export default () => {};', preload('for (;;);')],
  'a preload that waits': [
    'export default () => {};',
    preload('await new Promise((resolve) => setInterval(() => {}, 1e6))'),
  ],
  'a module that spins': ['for (;;); export default () => {};'],
  'a module that waits': ['setInterval(() => {}, 1e6); await new Promise(() => {}); export default () => {};'],
  'setup that waits': ['export default { setup: () => new Promise(() => {}), handle() {} };'],
  'setup that spins': ['export default { setup() { for (;;); }, handle() {} };'],
  'a handler that waits': ['export default () => new Promise(() => {});'],
  'a handler that spins': ['export default () => { for (;;); };'],
  'a call into the system': [
    `import { spawnSync } from 'node:child_process'; export default () => { spawnSync('sleep', ['20']); };`,
  ],
  'teardown that waits': ['export default { handle() {}, teardown: () => new Promise(() => {}) };'],
  'teardown that spins': ['export default { handle() {}, teardown() { for (;;); } };'],
};

/** How the bus is told to stop. Each says how long it may take, in ms. */
const VERBS: Readonly<Record<string, string>> = {
  close: `await bus.close({ drainTimeoutMs: 300 });`,
  destroy: `bus.destroy(); await bus.close();`,
  'close, after stop with drain': `void subscription.stop({ drain: true }); await bus.close({ drainTimeoutMs: 300 });`,
};

/** The same thread hangs for twenty seconds or for ever; a close that waited for it would take that long. */
const MAX_MS = 8_000;

describe('a bus is closed when its time is over, and the process ends,', { timeout: 600_000, concurrency: 2 }, () => {
  for (const [place, [source, flags]] of Object.entries(PLACES)) {
    for (const [verb, call] of Object.entries(VERBS)) {
      test(`while a thread hangs in ${place}: ${verb}`, async () => {
        const { exitCode, output, errors } = await runProgram(
          `const bus = createBus();
           const subscription = bus.subscribe('/a', new URL(${JSON.stringify(inlineModule(source).href)}));
           bus.publish('/a', { id: 0 });
           await Promise.race([subscription.ready, new Promise((resolve) => setTimeout(resolve, 700))]);
           const startMs = performance.now();
           ${call}
           console.log(Math.round(performance.now() - startMs));`,
          undefined,
          flags,
        );
        assert.equal(errors, '');
        assert.equal(exitCode, 0);
        assert.ok(Number(output) < MAX_MS, `${output} ms`);
      });
    }
  }
});
