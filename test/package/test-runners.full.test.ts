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
    console.log(JSON.stringify(await bus.close({ drainTimeoutMs: Infinity })));`,
  'shop/broken.ts': 'export default (): void => {\n  const one: number = ;\n};',
  'shop/names.js': `
    import { createBus } from 'ringcast';
    const bus = createBus();
    const broken = bus.subscribe('/a', new URL('./broken.ts', import.meta.url));
    broken.on('error', () => {});
    await broken.ready.catch(({ message }) => console.log(/shop\\/broken\\.ts:2/.exec(message)?.[0]));
    await bus.close({ drainTimeoutMs: Infinity });`,
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
      expect(await bus.close({ drainTimeoutMs: Infinity })).toEqual({ undelivered: 0 });
      expect(counted.stats().delivered).toBe(1);
      // Values of the realm that a runner gives to tests arrive as what they are.
      expect([...values[0].map]).toEqual([[1, 'one']]);
      expect([values[0].at.getTime(), ...values[0].bytes]).toEqual([5, 1, 2]);
    });`,
  'publisher.js': `
    import { workerData } from 'node:worker_threads';
    import { connectBus } from 'ringcast';
    const bus = connectBus(workerData.bus);
    bus.publish('/a', { id: 1 });
    await bus.next('/go');
    bus.publish('/a', { id: 2 });
    if (workerData.end === 'close') await bus.close({ drainTimeoutMs: Infinity });
    else process.exit();`,
  'connections.js': `
    import { Worker } from 'node:worker_threads';
    const start = (bus, end) =>
      new Worker(new URL('../publisher.js', import.meta.url), { workerData: { bus: bus.handle, end } });
    const goes = async (bus, end) => {
      const [ids, reasons] = [[], []];
      bus.once('disconnect', ({ reason }) => reasons.push(reason));
      await bus.subscribe('/a', ({ event }) => void ids.push(event.id)).ready;
      const worker = start(bus, end);
      const ended = new Promise((resolve) => worker.on('exit', resolve));
      // Until the thread waits for it, nobody wants it.
      const going = setInterval(() => bus.publish('/go', 0), 5);
      await ended;
      clearInterval(going);
      while (reasons.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await bus.close({ drainTimeoutMs: Infinity });
      return { ids, reasons };
    };
    test('a thread connects to the bus of a test, and is seen off', async () => {
      expect(await goes(createBus(), 'close')).toEqual({ ids: [1, 2], reasons: ['closed'] });
      expect(await goes(createBus(), 'exit')).toEqual({ ids: [1, 2], reasons: ['thread ended'] });
    }, 60_000);
    test('a test connects to a bus in a thread of its own', async () => {
      const bus = await hostBus();
      const connection = connectBus(bus.handle);
      expect(connection).toBe(bus);
      await connection.close({ drainTimeoutMs: Infinity });
      expect(await goes(bus, 'close')).toEqual({ ids: [1, 2], reasons: ['closed'] });
    }, 60_000);`,
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

describe('a project', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install('tsx', 'vitest@4', 'jest@30');
    const { 'in-thread.js': inThread, 'connections.js': connections, ...files } = FILES;
    const imports = (runner: string): string =>
      `import { expect, test } from '${runner}';\nimport { connectBus, createBus, hostBus } from 'ringcast';\n`;
    project.write({
      ...files,
      'with-node/billing.test.js': recipe!,
      'with-vitest/billing.test.js': recipe!.replace('node:test', 'vitest'),
      'with-jest/billing.test.js': recipe!.replace('node:test', '@jest/globals'),
      'with-vitest/thread.test.js': imports('vitest') + inThread.replace('./count.EXT', '../count.ts'),
      'with-vitest/connections.test.js': imports('vitest') + connections,
      'with-jest/connections.test.js': imports('@jest/globals') + connections,
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

  for (const pool of ['forks', 'threads']) {
    test(`tests with Vitest (${pool}), and has modules in TypeScript and connections on threads there`, async () => {
      const { stdout } = await project.run(
        'vitest',
        'run',
        `--pool=${pool}`,
        '--testTimeout=60000',
        '--dir',
        'with-vitest',
      );
      assert.match(stdout, /Tests +4 passed/);
    });
  }

  for (const kind of [[], ['--workerThreads', '--maxWorkers=2']]) {
    test(`tests with Jest ${kind.join(' ')}, modules and connections on threads included`, async () => {
      const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...kind, 'with-jest'];
      const { stderr } = await project.run('node', ...jest);
      assert.match(stderr, /Tests: +4 passed/);
    });
  }
});
