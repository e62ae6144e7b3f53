/**
 * Uses of a bus while timers and clocks are faked, or methods of Node are wrapped. Run as a program, with the name of a faker,
 * or with none where a preload has done it.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { mock } from 'node:test';
import { Worker } from 'node:worker_threads';
import FakeTimers from '@sinonjs/fake-timers';
import type { Bus, Envelope } from '../../src/index.js';
import { fillRing, LARGE_TEXT, SMALL_RING_BYTES, thrownBy } from './bus-scene.js';
import { LIBRARY } from './published.js';

const { createBus } = (await import(LIBRARY)) as typeof import('../../src/index.js');

const systemNow = Date.now;

/** Ways to fake. */
export const FAKERS: Readonly<Record<string, () => void>> = {
  'mock.timers of node:test': () => mock.timers.enable(),
  // What vitest and jest install.
  '@sinonjs/fake-timers': () => void FakeTimers.install(),
  '@sinonjs/fake-timers at another time': () => void FakeTimers.install({ now: 86_400_000 }),
  'a frozen performance.now': () => {
    performance.now = () => 0;
  },
  'functions that do nothing': () => {
    const names = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'];
    for (const name of names) Object.assign(globalThis, { [name]: () => undefined });
    Object.assign(process, { hrtime: () => [0, 0], nextTick: () => undefined });
  },
};

/** What agents that trace, and users, do to methods of Node and to Promise: CommonJS, for a preload in each thread. */
export const WRAPPERS: Readonly<Record<string, string>> = {
  'a Promise of its own, and methods that return nothing': `
    const Native = Promise;
    const ours = (native) => Object.assign(Object.create(Ours.prototype), { native });
    class Ours {
      constructor(run) { this.native = new Native(run); }
      then(...reactions) { return ours(this.native.then(...reactions)); }
      catch(reaction) { return this.then(undefined, reaction); }
      finally(reaction) { return ours(this.native.finally(reaction)); }
    }
    for (const name of ['all', 'allSettled', 'any', 'race', 'reject', 'resolve'])
      Ours[name] = (value) => ours(Native[name](value));
    globalThis.Promise = Ours;
    const { EventEmitter } = require('node:events');
    const { MessagePort, Worker } = require('node:worker_threads');
    for (const [owner, name] of [[MessagePort, 'postMessage'], [Worker, 'postMessage'], [process, 'emitWarning']]) {
      const object = owner.prototype ?? owner;
      const { [name]: original } = object;
      object[name] = function (...args) { original.apply(this, args); };
    }
    for (const name of ['on', 'once', 'addListener']) {
      const { [name]: original } = EventEmitter.prototype;
      EventEmitter.prototype[name] = function (event, listener) {
        const wrapped = function (...args) { return listener.apply(this, args); };
        return original.call(this, event, Object.assign(wrapped, { listener }));
      };
    }`,
  'a postMessage that returns false, and prototypes that are extended': `
    const { MessagePort, Worker } = require('node:worker_threads');
    for (const { prototype } of [MessagePort, Worker]) {
      const { postMessage } = prototype;
      prototype.postMessage = function (...args) { postMessage.apply(this, args); return false; };
    }
    for (const { prototype } of [Array, Object, Function, String, Map, Promise, Error]) prototype.extension = () => {};`,
};

const COUNTING = moduleOf('export default (envelope, { data }) => { Atomics.add(data, 0, 1); }');
const PENDING = moduleOf('export default () => new Promise(() => {})');
const REJECTING = moduleOf('export default async () => { throw new Error("mine"); }');
const CONNECTING = `
  import(${JSON.stringify(LIBRARY)}).then(async ({ connectBus }) => {
    const bus = connectBus(require('node:worker_threads').workerData);
    for (const number of [1, 2, 3]) bus.publish('/a', number);
    await bus.close();
  });`;
const FAKING = moduleOf(`
  import { createRequire } from 'node:module';
  createRequire(${JSON.stringify(import.meta.url)})('@sinonjs/fake-timers').install();
  export default async (envelope, { data }) => { Atomics.add(data, 0, 1); }`);

function moduleOf(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

function next(bus: Bus): Promise<Envelope> {
  return new Promise((resolve) => {
    bus.subscribe('/a', resolve, { once: true });
    bus.publish('/a', 1);
  });
}

/** What must go as ever. Each gets ready before the fakes are installed, and returns what is done afterwards. */
export const USES: Readonly<Record<string, () => Promise<() => Promise<void>>>> = {
  'a bus from before delivers and closes': async () => {
    const bus = createBus();
    await next(bus);
    return async () => {
      await next(bus);
      assert.deepEqual(await bus.close(), { undelivered: 0 });
    };
  },
  'a bus made meanwhile delivers and closes': async () => async () => {
    const bus = createBus();
    await next(bus);
    await next(bus);
    assert.deepEqual(await bus.close(), { undelivered: 0 });
  },
  'events carry the real time': async () => async () => {
    const bus = createBus();
    const before = systemNow();
    const ms = Number((await next(bus)).timestamp / 1_000_000n);
    assert.ok(ms >= before - 10 && ms <= systemNow() + 10, `${ms} is not about ${before}`);
    await bus.close();
  },
  'a module is started, gets its event, and is stopped': async () => async () => {
    await stopAfterTen(COUNTING);
  },
  'a module that installs fakes in its own thread is delivered to, and stopped': async () => async () => {
    await stopAfterTen(FAKING);
  },
  'a handler in a thread that rejects is a failure, and the thread goes on': async () => async () => {
    const bus = createBus();
    const subscription = bus.subscribe('/a', REJECTING);
    const codes: unknown[] = [];
    subscription.on('error', (error) => codes.push((error as { code?: string }).code));
    for (let i = 0; i < 3; i++) bus.publish('/a', i);
    await bus.close();
    assert.deepEqual(codes, Array(3).fill('BUS_HANDLER_FAILED'));
    assert.equal(subscription.stats().restarts, 0);
  },
  'a thread connects and publishes': async () => async () => {
    const bus = createBus();
    const numbers: unknown[] = [];
    bus.subscribe('/a', ({ event }) => void numbers.push(event));
    const thread = new Worker(CONNECTING, { eval: true, workerData: bus.handle });
    await new Promise<void>((resolve, reject) => thread.on('error', reject).on('exit', () => resolve()));
    await bus.close();
    assert.deepEqual(numbers, [1, 2, 3]);
  },
  'a close gives up at its deadline': async () => {
    const bus = createBus();
    bus.subscribe('/a', () => new Promise(() => {}));
    bus.publish('/a', 1);
    bus.publish('/a', 2);
    return async () => {
      assert.deepEqual(await bus.close({ drainTimeoutMs: 50 }), { undelivered: 2 });
    };
  },
  'publishSync and next give up at their time limits': async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    await bus.subscribe('/a', PENDING).ready;
    fillRing(bus, '/a');
    return async () => {
      const full = thrownBy(() => bus.publishSync('/a', { text: LARGE_TEXT }, { timeoutMs: 50 }));
      assert.equal(full.code, 'BUS_PUBLISH_TIMEOUT');
      await assert.rejects(bus.next('/b', { timeoutMs: 20 }), { code: 'BUS_TIMEOUT' });
      bus.destroy();
    };
  },
  'a reader that stalls is evicted, and a waiting publisher goes on': async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    bus.subscribe('/a', () => new Promise(() => {}));
    return async () => {
      fillRing(bus, '/a');
      await bus.writable();
      assert.equal(bus.stats().evictions, 1);
      bus.destroy();
    };
  },
};

async function stopAfterTen(module: URL): Promise<void> {
  const data = new Int32Array(new SharedArrayBuffer(4));
  const bus = createBus();
  const subscription = bus.subscribe('/a', module, { data, hangTimeoutMs: 20_000 });
  await subscription.ready;
  for (let i = 0; i < 10; i++) bus.publish('/a', i);
  await subscription.stop({ drain: true });
  const { restarts, delivered } = subscription.stats();
  assert.deepEqual({ handled: data[0], restarts, delivered }, { handled: 10, restarts: 0, delivered: 10 });
  await bus.close();
}

/** Prints how each use went. */
async function run(fake: (() => void) | undefined): Promise<void> {
  const acts: (() => Promise<void>)[] = [];
  for (const prepare of Object.values(USES)) acts.push(await prepare());
  fake?.();
  for (const [i, use] of Object.keys(USES).entries()) {
    const outcome = await acts[i]!().then(
      () => 'as promised',
      (error: Error) => error.stack,
    );
    writeSync(1, `${use}: ${outcome}\n`);
  }
}

if (process.argv[1] === import.meta.filename) void run(FAKERS[process.argv[2]!]);
