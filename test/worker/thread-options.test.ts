/** What a module's thread is given of the options of `new Worker`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import inspector from 'node:inspector';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { MessageChannel, SHARE_ENV } from 'node:worker_threads';
import { createBus, type ModuleOptions } from '../../src/index.js';
import { closeDelivered, inlineModule, thrownBy, until } from '../support/bus-scene.js';

/** A module that sends what `expression` is to the port in its data. */
function telling(expression: string): URL {
  return inlineModule(`export default (_, { data, name }) => data.port.postMessage(${expression});`);
}

/** What a module's thread says, started with these options. */
async function told(expression: string, options: ModuleOptions): Promise<unknown> {
  await using bus = createBus();
  const { port1, port2 } = new MessageChannel();
  const data = { port: port2 };
  bus.subscribe('/a', telling(expression), { ...options, data, transferList: [port2], restart: 'never' });
  bus.publish('/a', 1);
  const [message] = await once(port1, 'message');
  port1.close();
  return message;
}

describe('the thread of a module', { timeout: 600_000 }, () => {
  test('has the env, argv and execArgv of its options', async () => {
    const expression =
      '[process.env.GREETING, process.env.PATH, process.argv.slice(2), process.execArgv, globalThis.preloaded]';
    const execArgv = ['--import', inlineModule('globalThis.preloaded = true').href];
    const options = { env: { GREETING: 'hello', NONE: undefined }, argv: ['--level', '2'], execArgv };
    assert.deepEqual(await told(expression, options), ['hello', undefined, ['--level', '2'], execArgv, true]);
  });

  test('has a copy of the env of the process by default, and the env itself with SHARE_ENV', async (t) => {
    t.after(() => delete process.env.RINGCAST_SHARED);
    const set = "[process.env.RINGCAST_SHARED = 'set', process.env.PATH]";
    assert.deepEqual(await told(set, {}), ['set', process.env.PATH]);
    assert.equal(process.env.RINGCAST_SHARED, undefined);
    await told(set, { env: SHARE_ENV });
    assert.equal(process.env.RINGCAST_SHARED, 'set');
  });

  test('is known to debuggers by the name of its subscription', async (t) => {
    const session = new inspector.Session();
    session.connect();
    t.after(() => session.disconnect());
    const titles: string[] = [];
    session.on('NodeWorker.attachedToWorker', ({ params }) => void titles.push(params.workerInfo.title));
    await new Promise((resolve) => {
      session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, resolve);
    });
    await using bus = createBus();
    await bus.subscribe('/a', inlineModule('export default () => {}'), { name: 'audit' }).ready;
    await until(() => titles.length > 0);
    assert.match(titles[0]!, /\baudit$/);
  });

  test('hands what it prints to its subscription, over restarts, to the last line', async () => {
    const bus = createBus();
    const source = `export default ({ event }) => {
      console.log('line', event);
      console.error('error', event);
      if (event === 1) process.exit();
    }`;
    const options = { stdout: true, stderr: true, restart: { backoffMs: 0 } };
    const subscription = bus.subscribe('/a', inlineModule(source), options);
    const printed = Promise.all([text(subscription.stdout!), text(subscription.stderr!)]);
    const restarted = once(subscription, 'restart');
    bus.publish('/a', 1);
    await restarted;
    bus.publish('/a', 2);
    // The event that ends its thread comes three times in all, and is skipped then.
    await closeDelivered(bus);
    const [out, errors] = await printed;
    assert.match(out, /^(line 1\n)+line 2\n$/);
    assert.match(errors, /^(error 1\n)+error 2\n$/);
  });

  test('prints through the process unless its options say otherwise, and has no streams then', async () => {
    await using bus = createBus();
    const subscription = bus.subscribe('/a', inlineModule('export default () => {}'));
    assert.equal(subscription.stdout, undefined);
    assert.equal(bus.subscribe('/a', () => {}).stderr, undefined);
  });

  test('goes on printing where its streams were destroyed', async () => {
    const bus = createBus();
    const source = `export default () => { for (let i = 0; i < 100; i++) console.log('x'.repeat(10_000)); }`;
    const subscription = bus.subscribe('/a', inlineModule(source), { stdout: true });
    subscription.stdout!.destroy();
    bus.publish('/a', 1);
    await closeDelivered(bus);
  });

  test('is given what the transferList moves, which is gone here', async () => {
    await using bus = createBus();
    const { port1, port2 } = new MessageChannel();
    const bytes = new Uint8Array([1, 2, 3]);
    bus.subscribe('/a', telling('[...data.bytes]'), {
      data: { port: port2, bytes },
      transferList: [port2, bytes.buffer],
      restart: 'never',
    });
    assert.equal(bytes.length, 0);
    bus.publish('/a', 1);
    assert.deepEqual((await once(port1, 'message'))[0], [1, 2, 3]);
    port1.close();
  });

  test('is not started with options that make no sense, and moves nothing then', async () => {
    await using bus = createBus();
    const buffer = new ArrayBuffer(8);
    const cases: readonly [options: object, message: RegExp][] = [
      [{ env: 'PATH' }, /env/],
      [{ env: ['PATH'] }, /env/],
      [{ env: { LEVEL: 2 } }, /env\.LEVEL/],
      [{ argv: '--level' }, /argv/],
      [{ argv: [2] }, /argv\[0\]/],
      [{ execArgv: '--expose-gc' }, /execArgv/],
      [{ execArgv: ['--expose-gc', null] }, /execArgv\[1\]/],
      [{ stdout: process.stdout }, /stdout/],
      [{ stderr: 1 }, /stderr/],
      [{ transferList: [buffer], data: buffer }, /transferList.*restart: 'never'/],
      [{ transferList: buffer, data: buffer, restart: 'never' }, /transferList/],
      [{ transferList: [1], restart: 'never' }, /transferList\[0\]/],
      [{ transferList: [{}], restart: 'never' }, /transfer/],
      [{ transferList: [buffer, buffer], data: buffer, restart: 'never' }, /transfer/i],
    ];
    for (const [options, message] of cases) {
      const error = thrownBy(() => bus.subscribe('/a', inlineModule('export default () => {}'), options as never));
      assert.equal(error.code, 'BUS_INVALID_OPTION');
      assert.match(error.message, message);
    }
    assert.equal(buffer.byteLength, 8);
    assert.deepEqual(bus.stats().subscriptions, []);
  });

  test('leaves what would be moved where it is when the bus has no reader left', async () => {
    await using bus = createBus();
    for (let i = 0; i < 64; i++) bus.subscribe('/a', () => {}, { isolate: true });
    const buffer = new ArrayBuffer(8);
    const options = { data: buffer, transferList: [buffer], restart: 'never' } as const;
    assert.throws(() => bus.subscribe('/a', inlineModule(''), options), { code: 'BUS_TOO_MANY_READERS' });
    assert.equal(buffer.byteLength, 8);
  });
});
