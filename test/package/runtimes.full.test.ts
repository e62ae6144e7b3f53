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

const RUNTIMES: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  Deno: [join(project.folder, 'node_modules', DENO, 'deno'), 'run', '-A'],
  Bun: [join(project.folder, 'node_modules', BUN, 'bin/bun')],
};

describe('ringcast', { timeout: 600_000 }, () => {
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
        const code = await broken.ready.catch((error) => error.code);
        // Closed in the same turn.
        connectBus(bus.handle).publish('/connected', 1);
        for (let i = 0; i < 100; i++) bus.publishSync('/tasks/exit', new TaskExit({ id: 'a', exitStatus: i }));
        console.log(JSON.stringify(await bus.close()), handled, await iterated, code);
        console.log(sum.stats().delivered, dedicated.stats().delivered, crashing.stats().delivered, restarts);`,
      'sum.js': `
        let sum = 0;
        export default {
          handleBatch(envelopes) { for (const { event } of envelopes) sum += event.exitStatus; },
          teardown() { console.log('summed up', sum); },
        };`,
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
        '{"undelivered":0} 4950 100 BUS_MODULE_LOAD',
      ];
      assert.deepEqual(lines, expected);
    });
  }
});
