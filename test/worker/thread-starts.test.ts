/** Threads that can never be started fail at once, with the cause; a preload that subscribes a module does not breed them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { createBus, type ModuleOptions } from '../../src/index.js';
import { closeDelivered, inlineModule, record, SMALL_RING_BYTES, until } from '../support/bus-scene.js';
import { runProgram } from '../support/child-process.js';
import { LIBRARY } from '../support/published.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const MODULE = inlineModule('export default () => {}');
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

describe('a subscriber thread that can never be started', { timeout: 600_000 }, () => {
  test('because of the permission model is refused by subscribe, which names the flag, and takes no reader', async () => {
    const { output, errors, exitCode } = await runProgram(
      `import { hostBus } from ${JSON.stringify(LIBRARY)};
       const bus = createBus();
       try {
         bus.subscribe('/a', new URL(${JSON.stringify(MODULE.href)}));
       } catch (error) {
         console.log(error.code, error.message);
       }
       await hostBus().catch((error) => console.log(error.code, error.message));
       console.log(bus.stats().subscriptions.length, bus.publish('/a', { id: 1 }));
       bus.subscribe('/a', ({ event }) => console.log('here', event.id));
       bus.publish('/a', { id: 2 });
       await bus.close();`,
      undefined,
      [PERMISSION, '--allow-fs-read=*', '--no-warnings'],
    );
    assert.equal(errors, '');
    assert.equal(exitCode, 0);
    const [refusal, noHost, ...rest] = output.trim().split('\n');
    assert.match(refusal!, /^BUS_CANNOT_START_THREAD .*subscription "subscription-1".*--allow-worker/);
    assert.match(noHost!, /^BUS_HOST_ENDED .*--allow-worker/);
    assert.deepEqual(rest, ['0 true', 'here 2']);
  });

  test('because Node knows no such option is refused by subscribe, and takes no reader', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    assert.throws(() => bus.subscribe('/a', MODULE, { execArgv: ['--no-such-option'] }), {
      code: 'BUS_INVALID_OPTION',
      message: /execArgv.*--no-such-option/,
    });
    assert.throws(() => bus.subscribe('/a', MODULE, { env: { NODE_OPTIONS: '--title=x' } }), {
      code: 'BUS_INVALID_OPTION',
      message: /env.*NODE_OPTIONS/,
    });
    assert.deepEqual(bus.stats().subscriptions, []);
    // All 64 readers are there.
    for (let i = 0; i < 64; i++) bus.subscribe('/a', () => {}, { isolate: true });
  });

  const cases: readonly [name: string, options: ModuleOptions, message: RegExp][] = [
    ['a preload is missing', { execArgv: ['--import', 'file:///nowhere/preload.js'] }, /nowhere\/preload\.js/],
    ['a preload throws', { execArgv: ['--import', inlineModule('throw new Error("mine")').href] }, /mine/],
    ['a preload exits', { execArgv: ['--import', inlineModule('process.exit(4)').href] }, /exit code 4/],
  ];
  for (const [name, options, message] of cases) {
    test(`because ${name} ends its subscription at the first try, with the cause`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const { ids } = record(bus, '/a');
      const subscription = bus.subscribe('/a', MODULE, options);
      let restarts = 0;
      subscription.on('restart', () => restarts++);
      const failed = once(subscription, 'error');
      bus.publish('/a', { id: 0 });
      await subscription.ended;
      const [error] = (await failed) as [Error & { code: string }];
      assert.equal(error.code, 'BUS_CANNOT_START_THREAD');
      assert.match(error.message, message);
      assert.equal(restarts, 0);
      await assert.rejects(subscription.ready, { code: 'BUS_CANNOT_START_THREAD' });
      await closeDelivered(bus);
      assert.deepEqual(ids, [0]);
    });
  }
});

describe('a subscriber thread that finds its system short of files', { timeout: 600_000 }, () => {
  /** Code that fails in every other thread, as Node does where no more files may be opened. */
  const failing = (count: string): string =>
    `process.env.${count} = Number(process.env.${count} ?? 1) + 1;
     if (process.env.${count} % 2 === 0) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });`;
  const DYING = 'export default ({ event, redelivered }) => { if (event.id === 1 && !redelivered) process.exit(7); };';

  const cases: readonly [name: string, module: URL, execArgv: string[], restarts: number][] = [
    ['as its preload is loaded', MODULE, ['--import', inlineModule(failing('PRELOADS')).href], 1],
    ['as its module is loaded, at first and after a death', inlineModule(failing('LOADS') + DYING), [], 3],
  ];
  for (const [name, module, execArgv, expected] of cases) {
    test(`${name} is started again, and skips nothing`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const subscription = bus.subscribe('/a', module, { execArgv, env: SHARE_ENV, restart: { backoffMs: 0 } });
      const errors: unknown[] = [];
      let restarts = 0;
      subscription.on('error', (error) => errors.push(error)).on('restart', () => restarts++);
      for (const id of [0, 1, 2]) bus.publish('/a', { id });
      await until(() => subscription.stats().delivered === 3 || !subscription.active);
      await closeDelivered(bus);
      assert.deepEqual(errors, []);
      assert.equal(restarts, expected);
    });
  }

  test('is not started again with restart: never, and says what was short', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const execArgv = ['--import', inlineModule(failing('NEVER')).href];
    const subscription = bus.subscribe('/a', MODULE, { execArgv, env: SHARE_ENV, restart: 'never' });
    const failed = once(subscription, 'error');
    await subscription.ended;
    const [error] = (await failed) as [Error & { code: string }];
    assert.equal(error.code, 'BUS_WORKER_EXITED');
    assert.match(error.message, /too many open files.*restart: 'never'/);
  });
});

describe('a preload that makes a bus and subscribes a module', { timeout: 600_000 }, () => {
  const handler = inlineModule('export default () => console.log("handled")').href;

  /** Runs a program after a preload that says how it subscribes, until the end or until its output is enough. */
  async function runPreloaded(
    t: TestContext,
    subscribe: string,
    main: string,
    isEnough: (output: string) => boolean = () => false,
  ): Promise<Readonly<Record<'stdout' | 'stderr', string>>> {
    const folder = await temporaryDirectory(t);
    const preload = join(folder, 'preload.mjs');
    writeFileSync(
      preload,
      `import { createBus } from ${JSON.stringify(LIBRARY)};
       const bus = globalThis.ofPreload = createBus();
       const module = new URL(${JSON.stringify(handler)});
       ${subscribe}`,
    );
    const program = join(folder, 'main.mjs');
    writeFileSync(program, main);
    const child = spawn(process.execPath, ['--import', preload, program]);
    const printed = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (data) => {
        printed[stream] += data;
        if (isEnough(printed.stdout)) child.kill('SIGKILL');
      });
    }
    await once(child, 'close');
    return printed;
  }

  test('has its thread on the main thread, and is told so in that thread, which starts none', async (t) => {
    const { stdout, stderr } = await runPreloaded(
      t,
      `bus.subscribe('/a', module, { name: 'preloaded' });`,
      `ofPreload.publish('/a', 1);
       console.log(JSON.stringify(await ofPreload.close({ drainTimeoutMs: Infinity })));`,
    );
    assert.equal(stdout, 'handled\n{"undelivered":0}\n');
    assert.equal(stderr.match(/CannotStartThreadError/g)?.length, 1, stderr);
    assert.match(stderr, /"preloaded".*isMainThread/);
  });

  test('later than it runs starts a few threads, and not one after the other without end', async (t) => {
    const refused = /^no thread .* 4 subscriber threads have started one another/m;
    const starts = (output: string): number => output.match(/^started/gm)?.length ?? 0;
    const { stdout } = await runPreloaded(
      t,
      `import { isMainThread, workerData } from 'node:worker_threads';
       const looks = setInterval(() => {
         if (!isMainThread && !workerData.ringcast.loaded) return;
         clearInterval(looks);
         bus.subscribe('/a', module).ready.then(() => console.log('started'), () => {});
       }, 5);
       bus.on('error', ({ message }) => console.log(message));`,
      '',
      (output) => refused.test(output) || starts(output) > 10,
    );
    assert.match(stdout, refused);
    assert.ok(starts(stdout) <= 4, stdout);
  });
});

/** What it counts of Node's own modules that threads need rarely, and that a thread keeps in memory. */
const COUNTING = `
  const loaded = ['vm', 'module'].filter((name) => process.moduleLoadList.includes('NativeModule ' + name)).length;
  const count = (cells) => Atomics.store(cells, 0, 1 + loaded);`;

describe('a subscriber thread', () => {
  test('loads no more of Node for code and modules than any thread does', async () => {
    const [own, bare] = [new Int32Array(new SharedArrayBuffer(4)), new Int32Array(new SharedArrayBuffer(4))];
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const module = inlineModule(`${COUNTING} export default { setup({ data }) { count(data); }, handle() {} };`);
    await bus.subscribe('/a', module, { data: own }).ready;
    const script = inlineModule(`import { workerData } from 'node:worker_threads'; ${COUNTING} count(workerData);`);
    await once(new Worker(script, { workerData: bare }), 'exit');
    assert.ok(bare[0]! > 0);
    assert.equal(own[0], bare[0]);
  });
});
