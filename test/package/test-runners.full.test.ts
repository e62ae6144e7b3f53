/** TypeScript without a build, under tsx, Vitest and Node itself; tests of users under node:test, Vitest and Jest. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

/** Lines of Node that strip types. */
const LINES = ['22', '24', '26'];

const page = readFileSync(new URL('../../../src/testing/README.md', import.meta.url), 'utf8');
const [, recipe] = /```js\n(\/\/ billing\.test\.js\n[\s\S]*?)```/.exec(page)!;

const FILES = {
  'shop/order.proto':
    'syntax = "proto3"; package shop; import "line.proto"; message Order { string id = 1; repeated Line lines = 2; }',
  'shop/line.proto': 'syntax = "proto3"; package shop; message Line { int64 price = 1; }',
  'shop/audit.ts': `
    import type { Envelope } from 'ringcast';
    import type { Order } from './gen/order.ts';
    export default ({ event }: Envelope<Order>, { name }: { name: string }): void =>
      console.log(name, event instanceof Object, event.id, Number(event.lines[0]!.price));`,
  'shop/main.ts': `
    import { createBus } from 'ringcast';
    import { Order } from './gen/order.ts';
    const bus = createBus({ types: [new URL('./gen/order.ts', import.meta.url)] });
    const audit: URL = new URL('./audit.ts', import.meta.url);
    bus.subscribe('/orders/*', audit, { name: 'audit' });
    bus.publish('/orders/new', new Order({ id: 'o1', lines: [{ price: 7n }] }));
    console.log(JSON.stringify(await bus.close()));`,
  'shop/broken.ts': 'export default (): void => {\n  const one: number = ;\n};',
  'shop/names.js': `
    import { createBus } from 'ringcast';
    const bus = createBus();
    const broken = bus.subscribe('/a', new URL('./broken.ts', import.meta.url));
    broken.on('error', () => {});
    await broken.ready.catch(({ message }) => console.log(/shop\\/broken\\.ts:2/.exec(message)?.[0]));
    await bus.close();`,
  'count.ts': 'export default (envelope: unknown): void => {};',
  'count.js': 'export default () => {};',
  'in-thread.js': `
    test('a thread', async () => {
      const bus = createBus();
      const counted = bus.subscribe('/a', new URL('./count.EXT', import.meta.url));
      const values = [];
      bus.subscribe('/a', ({ event }) => void values.push(event));
      const value = { map: new Map([[1, 'one']]), at: new Date(5), bytes: new Uint8Array([1, 2]) };
      bus.publish('/a', value);
      expect(await bus.close()).toEqual({ undelivered: 0 });
      expect(counted.stats().delivered).toBe(1);
      // Values of the realm that a runner gives to tests arrive as what they are.
      expect([...values[0].map]).toEqual([[1, 'one']]);
      expect([values[0].at.getTime(), ...values[0].bytes]).toEqual([5, 1, 2]);
    });`,
};
const PRINTS = 'audit true o1 7\n{"undelivered":0}\n';

/** The folder that holds lines of Node, each in a folder below it: CI has installed them. */
const installed = process.env.RINGCAST_NODE_LINES;

/** A line of Node, from the package that carries its binary. */
async function nodeBinary(line: string): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const folder = installed === undefined ? join(project.folder, 'lines', line) : join(installed, line);
  if (installed === undefined) {
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--no-save'];
    await project.run('npm', 'install', ...quiet, '--prefix', folder, `${name}@${line}`);
  }
  return join(folder, 'node_modules', name, 'bin/node');
}

describe('a project', { timeout: 600_000 }, () => {
  before(async () => {
    await project.install('tsx', 'vitest@4', 'jest@30');
    const { 'in-thread.js': inThread, ...files } = FILES;
    const imports = (runner: string): string =>
      `import { expect, test } from '${runner}';\nimport { createBus } from 'ringcast';\n`;
    project.write({
      ...files,
      'with-node/billing.test.js': recipe!,
      'with-vitest/billing.test.js': recipe!.replace('node:test', 'vitest'),
      'with-jest/billing.test.js': recipe!.replace('node:test', '@jest/globals'),
      'with-vitest/thread.test.js': imports('vitest') + inThread.replace('./count.EXT', '../count.ts'),
      'with-jest/thread.test.js': imports('@jest/globals') + inThread.replace('./count.EXT', '../count.js'),
    });
    await project.run(
      'ringcast',
      'generate',
      'shop/order.proto',
      'shop/line.proto',
      '--out',
      'shop/gen',
      '--import-extension',
      'ts',
    );
  });

  test('in TypeScript runs under tsx, subscriber modules and event classes included', async () => {
    assert.deepEqual(await project.run('tsx', 'shop/main.ts'), { stdout: PRINTS, stderr: '' });
  });

  test('in TypeScript that does not parse is told with file and line, under tsx and on Node alone', async () => {
    for (const node of ['node', await nodeBinary('24')]) {
      const { stdout } = await project.run(node, 'shop/names.js');
      assert.equal(stdout, 'shop/broken.ts:2\n', node);
    }
  });

  for (const line of LINES) {
    test(`in TypeScript runs on Node ${line} alone`, async () => {
      const { stdout } = await project.run(await nodeBinary(line), 'shop/main.ts');
      assert.equal(stdout, PRINTS);
    });
  }

  test('tests with node:test as the page of ringcast/testing says', async () => {
    await project.run('node', '--test', 'with-node/billing.test.js');
  });

  test('tests with Vitest, and has modules in TypeScript on threads there', async () => {
    const { stdout } = await project.run('vitest', 'run', '--dir', 'with-vitest');
    assert.match(stdout, /Tests +2 passed/);
  });

  test('tests with Jest, modules on threads included', async () => {
    const { stderr } = await project.run(
      'node',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      'with-jest',
    );
    assert.match(stderr, /Tests: +2 passed/);
  });
});
