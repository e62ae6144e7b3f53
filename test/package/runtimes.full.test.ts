/** Deno and Bun, from their npm packages: what the README promises of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { UserProject } from '../support/user-project.js';

const project = new UserProject();
after(() => project.remove());

const isArm = process.arch === 'arm64';
const DENO = `@deno/linux-${isArm ? 'arm64' : 'x64'}-glibc`;
const BUN = `@oven/bun-linux-${isArm ? 'aarch64' : 'x64'}`;

const RUNTIMES = {
  Deno: [join(project.folder, 'node_modules', DENO, 'deno'), 'run', '-A'],
  Bun: [join(project.folder, 'node_modules', BUN, 'bin/bun')],
} as const;

describe('ringcast', { timeout: 1_800_000 }, () => {
  before(async () => {
    await project.install(DENO, BUN);
    project.write({
      'main.js': `
        import { connectBus, createBus } from 'ringcast';
        import { TaskExit } from 'ringcast/events';
        const bus = createBus();
        const module = (name) => new URL('./' + name + '.js', import.meta.url);
        let handled = 0;
        bus.subscribe('/{tasks,images}/*', ({ event }) => { handled += event.exitStatus; });
        const iterated = (async () => {
          let events = 0;
          for await (const _ of bus.subscribe({ topics: '/tasks/*', where: 'event.id~="^a"' })) events++;
          return events;
        })();
        const sum = bus.subscribe('/tasks/*', module('sum'), { name: 'sum' });
        const dedicated = bus.subscribe('/tasks/*', module('sum'), { name: 'dedicated', loop: 'dedicated' });
        const crashing = bus.subscribe('/tasks/*', module('crash'), { restart: { backoffMs: 0 } });
        let restarts = 0;
        crashing.on('restart', () => restarts++);
        const broken = bus.subscribe('/tasks/*', module('missing'));
        broken.on('error', () => {});
        const code = await broken.ready.catch((error) => error.code + (error.message.includes(': undefined') ? error.message : ' told'));
        const throwing = bus.subscribe('/tasks/*', module('throw'));
        const thrown = await new Promise((resolve) => throwing.on('error', (error) => resolve(error.message)));
        // Closed in the same turn.
        connectBus(bus.handle).publish('/connected', 1);
        for (let i = 0; i < 100; i++) bus.publishSync('/tasks/exit', new TaskExit({ id: 'a', exitStatus: i }));
        console.log(JSON.stringify(await bus.close({ drainTimeoutMs: Infinity })), handled, await iterated, code, thrown.slice(thrown.lastIndexOf(': ')));
        console.log(sum.stats().delivered, dedicated.stats().delivered, crashing.stats().delivered, restarts);`,
      'sum.js': `
        let sum = 0;
        export default {
          handleBatch(envelopes) { for (const { event } of envelopes) sum += event.exitStatus; },
          teardown() { console.log('summed up', sum); },
        };`,
      'throw.js': "throw new Error('as it loads', { cause: new Error('mine') });",
      'crash.js':
        'export default ({ event, redelivered }) => { if (event.exitStatus === 50 && !redelivered) process.exit(3); };',
    });
  });

  for (const [name, [command, ...args]] of Object.entries(RUNTIMES)) {
    test(`publishes to handlers, iterators and threads on ${name}, restarts a thread, and closes`, async () => {
      const { stdout } = await project.run(command, ...args, 'main.js');
      const lines = stdout.trim().split('\n').sort();
      const expected = [
        '100 100 100 1',
        'summed up 4950',
        'summed up 4950',
        '{"undelivered":0} 4950 100 BUS_MODULE_LOAD told : as it loads',
      ];
      assert.deepEqual(lines, expected);
    });
  }

  test('tests with `bun test`, and is bundled by `bun build`, threads included', async () => {
    const bun = RUNTIMES.Bun[0];
    project.write({
      'src/bus.test.ts': `
        import { expect, test } from 'bun:test';
        import { hostBus } from 'ringcast';
        import { createTestBus } from 'ringcast/testing';
        test('settles', async () => {
          const bus = createTestBus();
          bus.subscribe('/orders/placed', ({ event }) => void bus.publish('/orders/billed', { id: event.id }));
          const audit = bus.subscribe('/orders/*', new URL('./count.ts', import.meta.url));
          const here = await bus.subscribeInThread('/orders/*', new URL('./count.ts', import.meta.url));
          bus.publish('/orders/placed', { id: 1 });
          await bus.assertPublished('/orders/billed', { id: 1 });
          await bus.close({ drainTimeoutMs: Infinity });
          expect([audit.stats().delivered, here.stats().delivered]).toEqual([2, 2]);
        });
        test('is hosted', async () => {
          const bus = await hostBus();
          const ids: number[] = [];
          await bus.subscribe('/a', ({ event }) => void ids.push(event.id)).ready;
          bus.publish('/a', { id: 1 });
          await bus.close({ drainTimeoutMs: Infinity });
          expect(ids).toEqual([1]);
        });`,
      'src/count.ts': 'export default () => {};',
      'src/app.ts': `
        import { createBus } from 'ringcast';
        const bus = createBus();
        bus.subscribe('/a', new URL('./audit.js', import.meta.url), { name: 'audit' });
        bus.publish('/a', { id: 'c1' });
        await bus.close({ drainTimeoutMs: Infinity });`,
      'src/audit.ts': `
        import { shown } from './shown.ts';
        export default ({ event }: { event: { id: string } }, { name }: { name: string }) => console.log(name, shown(event.id));`,
      'src/shown.ts': "export const shown = (id: string): string => '<' + id + '>';",
    });
    assert.match((await project.run(bun, 'test', '--timeout', '120000')).stderr, / 2 pass\n 0 fail\n/);
    for (const [target, ...command] of [
      ['node', 'node'],
      ['bun', bun],
    ] as const) {
      const out = `out/${target}`;
      await project.run(bun, 'build', 'src/app.ts', 'src/audit.ts', '--target', target, '--outdir', out);
      assert.deepEqual(await project.run(command[0], `${out}/app.js`), { stdout: 'audit <c1>\n', stderr: '' }, target);
    }
  });
});
