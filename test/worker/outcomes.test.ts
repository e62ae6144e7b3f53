/** What handlers return and do to what they were given: it is their failure at most, and never leaves the target. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { createBus, type HandlerError, runWithEmitter } from '../../src/index.js';
import { closeDelivered, thrownBy, until } from '../support/bus-scene.js';

class ThrowingThen extends Promise<unknown> {}
withOwn(ThrowingThen.prototype, 'then', { value: no });

class ThrowingSpecies extends Promise<unknown> {
  static override get [Symbol.species](): never {
    throw new Error('no');
  }
}

class ThrowingConstructor extends Promise<unknown> {
  static armed = false;
  constructor(executor: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void) {
    super(executor);
    if (ThrowingConstructor.armed) throw new Error('no');
  }
}

class ThrowingConstructorGetter extends Promise<unknown> {}

function withOwn(object: object, name: 'then' | 'constructor', descriptor: PropertyDescriptor): unknown {
  return Object.defineProperty(object, name, descriptor);
}

function thenable(then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): unknown {
  return withOwn({}, 'then', { value: then });
}

function no(): never {
  throw new Error('no');
}

const FAILING: Readonly<Record<string, () => unknown>> = {
  'a rejected promise': () => Promise.reject(new Error('no')),
  'a promise of another realm that rejects': () => runInNewContext('Promise.reject(new Error("no"))'),
  'a rejected promise with a then of its own that throws': () =>
    withOwn(Promise.reject(new Error('no')), 'then', { value: no }),
  'a rejected promise with a getter for then that throws': () =>
    withOwn(Promise.reject(new Error('no')), 'then', { get: no }),
  'a rejected promise with a getter for constructor that throws': () =>
    withOwn(Promise.reject(new Error('no')), 'constructor', { get: no, configurable: true }),
  'a rejected promise of a class with a getter for constructor that throws': () => {
    const promise = ThrowingConstructorGetter.reject(new Error('no'));
    Object.defineProperty(ThrowingConstructorGetter.prototype, 'constructor', { get: no });
    return promise;
  },
  'a frozen promise of a class whose then throws, rejected later': () => {
    let reject!: (error: Error) => void;
    const promise = new ThrowingThen((_, rejects) => {
      reject = rejects;
    });
    setImmediate(() => reject(new Error('no')));
    return Object.freeze(promise);
  },
  'a rejected promise of a class whose then throws': () => ThrowingThen.reject(new Error('no')),
  'a fulfilled promise of a class whose then throws': () => ThrowingThen.resolve(1),
  'a rejected promise of a class whose species throws': () => ThrowingSpecies.reject(new Error('no')),
  'a rejected promise of a class whose constructor throws': () => {
    ThrowingConstructor.armed = false;
    const promise = ThrowingConstructor.reject(new Error('no'));
    ThrowingConstructor.armed = true;
    return promise;
  },
  'an object with a getter for then that throws': () => withOwn({}, 'then', { get: no }),
  'a thenable that throws': () => thenable(no),
  'a thenable that rejects twice, then fulfils, then throws': () =>
    thenable((resolve, reject) => {
      reject(new Error('no'));
      reject(new Error('twice'));
      resolve(1);
      no();
    }),
  'a thenable that fulfils with one that throws': () => thenable((resolve) => resolve(thenable(no))),
  'a function with a then that throws': () => withOwn(() => {}, 'then', { value: no }),
  'a proxy that throws at everything': () => new Proxy({}, { get: no, getPrototypeOf: no, has: no }),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'a generator': () => (function* () {})(),
  'an async generator': () => (async function* () {})(),
};

const FULFILLING: Readonly<Record<string, () => unknown>> = {
  'a promise of another realm': () => runInNewContext('Promise.resolve(1)'),
  'a promise of a class of its own': () => class Own extends Promise<unknown> {}.resolve(1),
  'a promise of a class whose species throws': () => ThrowingSpecies.resolve(1),
  'a promise with a then of its own that throws': () => withOwn(Promise.resolve(1), 'then', { value: no }),
  'a frozen promise': () => Object.freeze(class Own extends Promise<unknown> {}.resolve(1)),
  'a function': () => no,
  'a bound function': () => no.bind(undefined),
  'a thenable that fulfils at once': () => thenable((resolve) => resolve(1)),
};

describe('what a handler returns', { timeout: 600_000 }, () => {
  for (const [name, make] of Object.entries(FAILING)) {
    test(`fails that event alone: ${name}`, async () => {
      await using bus = createBus();
      const results: unknown[] = [];
      const subscription = bus.subscribe('/a', (() =>
        results.length === 0 ? results.push(1) && make() : undefined) as () => void);
      const failed = once(subscription, 'error') as Promise<[HandlerError]>;
      bus.publish('/a', 1);
      bus.publish('/a', 2);
      assert.equal((await failed)[0].code, 'BUS_HANDLER_FAILED');
      await until(() => subscription.stats().delivered === 1);
      assert.equal(subscription.stats().failed, 1);
      await closeDelivered(bus);
    });
  }

  for (const [name, make] of Object.entries(FULFILLING)) {
    test(`is waited for, if there is anything to wait for: ${name}`, async () => {
      await using bus = createBus();
      const subscription = bus.subscribe('/a', make as () => void);
      subscription.on('error', (error) => assert.fail(error));
      bus.publish('/a', 1);
      bus.publish('/a', 2);
      await closeDelivered(bus);
      assert.equal(subscription.stats().delivered, 2);
    });
  }

  test('keeps its class: only the constructor of a promise is looked at', async () => {
    await using bus = createBus();
    class Own extends Promise<unknown> {}
    const promise = Own.resolve(1);
    bus.subscribe('/a', (() => promise) as () => void);
    bus.publish('/a', 1);
    await closeDelivered(bus);
    assert.equal(promise.constructor, Own);
    assert.ok(promise.then(() => {}) instanceof Own);
  });
});

const GENERATORS: Readonly<Record<string, () => unknown>> = {
  'a generator function': function* () {},
  'an async generator function': async function* () {},
  'a bound one': async function* (this: unknown) {}.bind(undefined),
  'one of another realm': runInNewContext('(async function* () {})') as () => unknown,
};

describe('a generator function is refused where it would never run', () => {
  for (const [name, generator] of Object.entries(GENERATORS)) {
    test(name, () => {
      const bus = createBus();
      for (const act of [
        () => bus.subscribe('/a', generator as () => void),
        () => createBus({ clock: generator as () => number }),
        () => runWithEmitter(bus.emitter(), generator),
      ]) {
        const error = thrownBy(act);
        assert.equal(error.code, 'BUS_INVALID_OPTION');
        assert.match(error.message, /without '\*'/);
      }
      assert.deepEqual(bus.stats().subscriptions, []);
      bus.destroy();
    });
  }

  for (const [part, text] of Object.entries({
    'its default export': 'export default async function* () {}',
    'handle of its default export': 'export default { async *handle() {} }',
    'handleBatch of its default export': 'export default { *handleBatch() {} }',
    'setup of its default export': 'export default { async *setup() {}, handle() {} }',
    'teardown of its default export': 'export default { *teardown() {}, handle() {} }',
  })) {
    test(`in a module: ${part}`, async () => {
      await using bus = createBus();
      const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`));
      subscription.on('error', () => {});
      await assert.rejects(subscription.ready, (error: Error & { code: string }) => {
        assert.equal(error.code, 'BUS_MODULE_SHAPE');
        return error.message.includes(`${part} is a generator function`);
      });
    });
  }

  test('and so is a class, which nobody makes an instance of', async () => {
    await using bus = createBus();
    for (const text of ['export default class { handle() {} }', 'export default { handle: class {} }']) {
      const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`));
      subscription.on('error', () => {});
      await assert.rejects(subscription.ready, { code: 'BUS_MODULE_SHAPE', message: /is a class, which nobody/ });
    }
  });
});

describe('what a handler does to what it was given', { timeout: 600_000 }, () => {
  for (const [name, body] of Object.entries({
    'empties its array and throws': 'envelopes.length = 0; throw new Error("told")',
    'empties its array and rejects': 'envelopes.splice(0); return Promise.reject(new Error("told"))',
    'fills its array with nonsense and throws': 'envelopes.fill(null); throw new Error("told")',
  })) {
    test(`handleBatch that ${name} has failed with what it threw`, async () => {
      await using bus = createBus();
      const text = `export default { handleBatch(envelopes) { ${body} } }`;
      const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`));
      const failures: HandlerError[] = [];
      subscription.on('error', (error) => failures.push(error as HandlerError));
      for (let i = 0; i < 10; i++) bus.publish('/a', i);
      await closeDelivered(bus);
      const { failed, restarts, delivered } = subscription.stats();
      assert.deepEqual({ failed, restarts, delivered }, { failed: 10, restarts: 0, delivered: 0 });
      assert.equal((failures[0]!.cause as Error).message, 'told');
      assert.deepEqual([failures[0]!.topic, failures[0]!.sequence], ['/a', 0]);
    });
  }

  test('handleBatch that empties its array was given all of it', async () => {
    await using bus = createBus();
    const text = 'export default { async handleBatch(envelopes) { envelopes.length = 0 } }';
    const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`));
    for (let i = 0; i < 10; i++) bus.publish('/a', i);
    await closeDelivered(bus);
    assert.equal(subscription.stats().delivered, 10);
  });

  test('properties it puts on an envelope decide nothing about siblings, nor what is reported', async () => {
    await using bus = createBus();
    const sequences: number[] = [];
    bus
      .subscribe('/a', (envelope) => {
        Object.defineProperties(envelope, { sequence: { value: -1 }, topic: { get: no } });
        throw new Error('told');
      })
      .on('error', (error) => sequences.push((error as HandlerError).sequence));
    const sibling = bus.subscribe('/a', async () => {});
    for (let i = 0; i < 10; i++) bus.publish('/a', i);
    await closeDelivered(bus);
    assert.equal(sibling.stats().delivered, 10);
    assert.deepEqual(sequences, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
