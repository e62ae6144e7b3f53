/** Test runners and loaders of TypeScript that fewer people use, and Jest with CommonJS. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

const CASES = `
  export async function settles() {
    const bus = createTestBus();
    bus.subscribe('/orders/placed', ({ event }) => void bus.publish('/orders/billed', { id: event.id }));
    const audit = bus.subscribe('/orders/*', new URL('./count.js', import.meta.url));
    bus.publish('/orders/placed', { id: 1 });
    await bus.assertPublished('/orders/billed', { id: 1 });
    await bus.close({ drainTimeoutMs: Infinity });
    assert.equal(audit.stats().delivered, 2);
  }
  export async function connects() {
    const bus = await hostBus();
    const ids = [];
    await bus.subscribe('/a', ({ event }) => void ids.push(event.id)).ready;
    const worker = new Worker(new URL('./publisher.js', import.meta.url), { workerData: bus.handle });
    await new Promise((resolve) => worker.on('exit', resolve));
    await bus.close({ drainTimeoutMs: Infinity });
    assert.deepEqual(ids, [1]);
  }`;
const RINGCAST = "import { hostBus } from 'ringcast';\nimport { createTestBus } from 'ringcast/testing';\n";
/** @param argument none for mocha, which waits for a callback when there is one */
const tests = (first: string, argument = '', wrap = '', last = ''): string =>
  `${first}\nimport { connects, settles } from './cases.js';
  for (const run of [connects, settles]) test(run.name, async (${argument}) => { await run();${wrap} });\n${last}`;

const TYPESCRIPT = {
  'cjs/tsconfig.json':
    '{ "compilerOptions": { "target": "es2022", "module": "nodenext", "moduleResolution": "nodenext" } }',
  'cjs/audit.ts': `
    import type { SubscriberFunction } from 'ringcast';
    const audit: SubscriberFunction<unknown, { id: string }> = ({ event }, { name }) => console.log(name, event.id);
    export default audit;`,
  'cjs/main.ts': `
    import { pathToFileURL } from 'node:url';
    import { createBus } from 'ringcast';
    const bus = createBus();
    bus.subscribe('/orders/*', pathToFileURL(require.resolve('./audit.ts')), { name: 'audit' });
    bus.publish('/orders/new', { id: 'o1' });
    void bus.close({ drainTimeoutMs: Infinity });`,
};

describe('a project', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install(
      'mocha@12',
      'ava@7',
      'uvu@0.5',
      'jest@30',
      'ts-jest@29',
      '@swc-node/register@1',
      '@swc/core@1',
      'typescript@5',
    );
    project.write({
      'cases.js': `import assert from 'node:assert/strict';\nimport { Worker } from 'node:worker_threads';\n${RINGCAST}${CASES}`,
      'count.js': 'export default () => {};',
      'publisher.js': `
        import { workerData } from 'node:worker_threads';
        import { connectBus } from 'ringcast';
        const bus = connectBus(workerData);
        bus.publish('/a', { id: 1 });
        await bus.close({ drainTimeoutMs: Infinity });`,
      'mocha.js': tests('const test = it;'),
      'ava.js': tests("import test from 'ava';", 't', ' t.pass();'),
      'uvu.js': tests("import { test } from 'uvu';", '', '', 'test.run();'),
      ...TYPESCRIPT,
      'cjs/package.json': '{ "type": "commonjs" }',
      'cjs/count.cjs': 'module.exports = () => {};',
      'cjs/jest.config.json':
        '{ "preset": "ts-jest", "transform": { "\\\\.ts$": ["ts-jest", { "tsconfig": { "module": "nodenext", "isolatedModules": true, "types": [] }, "diagnostics": false }] } }',
      'cjs/bus.test.ts': `
        import { pathToFileURL } from 'node:url';
        import { createBus, hostBus } from 'ringcast';
        import { TaskExit } from 'ringcast/events';
        import { createTestBus } from 'ringcast/testing';
        const count = pathToFileURL(require.resolve('./count.cjs'));
        test('settles', async () => {
          const bus = createTestBus();
          const here = await bus.subscribeInThread('/**', count);
          bus.publish('/tasks/exit', new TaskExit({ exitStatus: 7 }));
          await bus.assertPublished('/tasks/exit', { exitStatus: 7 });
          expect(here.stats().delivered).toBe(1);
          await bus.close({ drainTimeoutMs: Infinity });
        });
        test('delivers to threads', async () => {
          for (const bus of [createBus(), await hostBus()]) {
            const values: any[] = [];
            const counted = bus.subscribe('/a', count);
            await bus.subscribe('/a', ({ event }) => void values.push(event)).ready;
            await counted.ready;
            bus.publish('/a', { map: new Map([[1, 'one']]), at: new Date(5) });
            await counted.stop({ drain: true });
            await bus.close({ drainTimeoutMs: Infinity });
            expect([...values[0].map]).toEqual([[1, 'one']]);
            expect(values[0].at.getTime()).toBe(5);
          }
        }, 60_000);`,
    });
  });

  for (const [name, ...args] of [
    ['mocha', '--timeout', '60000'],
    ['ava', '--timeout', '60s'],
    ['ava', '--timeout', '60s', '--no-worker-threads'],
  ] as const) {
    test(`tests with ${name} ${args.join(' ')}, threads included`, async () => {
      const { stdout } = await project.run(name, ...args, `${name}.js`);
      assert.match(stdout, /2 (passing|tests passed)/);
    });
  }

  test('tests with uvu, threads included', async () => {
    assert.match((await project.run('node', 'uvu.js')).stdout, /Passed: +2/);
  });

  test('tests with Jest and ts-jest where they compile to CommonJS', async () => {
    const { stderr } = await project.run('jest', '-c', 'cjs/jest.config.json');
    assert.match(stderr, /Tests: +2 passed/);
  });

  test('in TypeScript that only `require` can read runs under @swc-node/register', async () => {
    const args = ['--no-warnings', '--require', '@swc-node/register', 'cjs/main.ts'];
    assert.deepEqual(await project.run('node', ...args), { stdout: 'audit o1\n', stderr: '' });
  });
});
