/** Arguments whose getters, methods and traps throw, or that only look like what they should be: refused with a code. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import {
  type Bus,
  BusError,
  createBus,
  currentEmitter,
  explain,
  runWithEmitter,
  tryEmit,
  withNamespace,
} from '../../src/index.js';
import { range, record, SMALL_RING_BYTES, thrownBy } from '../support/bus-scene.js';

const mine = new RangeError('mine');

function fail(): never {
  throw mine;
}

/** An object with a property that throws when it is read. */
function throwing(name: string): never {
  return Object.defineProperty({}, name, { get: fail, enumerable: true }) as never;
}

const closed = new Proxy({}, { ownKeys: fail, get: fail, getPrototypeOf: fail }) as never;
const handler = (): void => {};
const module = new URL('data:text/javascript,export default () => {}');

function check(error: Error & { readonly code?: string }, code: string, cause?: unknown): void {
  assert.ok(error instanceof BusError, `${error.stack}`);
  assert.equal(error.code, code);
  assert.equal(error.cause, cause);
}

describe('runWithEmitter refuses, before anything runs,', () => {
  const cases: readonly [name: string, emitter: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['an object without emit', {}],
    ['an emit that is no function', { emit: true }],
    ['an emit that throws when it is read', throwing('emit')],
  ];
  for (const [name, emitter] of cases) {
    test(`${name} for an emitter`, () => {
      let ran = false;
      const error = thrownBy(() => runWithEmitter(emitter as never, () => (ran = true)));
      check(error, 'BUS_INVALID_OPTION');
      assert.match(error.message, /^emitter must be an object with an emit function, such as bus.emitter\(\), got /);
      assert.equal((error as unknown as { value: unknown }).value, emitter);
      assert.equal(ran, false);
    });
  }

  test('what is no function, and so does withNamespace', () => {
    const emitter = { emit: () => true };
    for (const fn of [undefined, null, 5, {}] as never[]) {
      check(
        thrownBy(() => runWithEmitter(emitter, fn)),
        'BUS_INVALID_OPTION',
      );
      check(
        thrownBy(() => withNamespace('a', fn)),
        'BUS_INVALID_OPTION',
      );
    }
    assert.equal(currentEmitter(), undefined);
  });
});

describe('what an emitter throws', () => {
  test('is a warning after tryEmit, although it is nothing that has a text', async () => {
    const warned = once(process, 'warning');
    const emitter = {
      emit(): boolean {
        throw Object.create(null);
      },
    };
    assert.equal(
      runWithEmitter(emitter, () => tryEmit('/a', 0)),
      false,
    );
    const [warning] = await warned;
    assert.match((warning as Error).message, /null prototype/);
  });
});

describe('a clock that fails', () => {
  const clocks: readonly [name: string, clock: unknown, cause: RegExp][] = [
    ['because it is a class that a proxy hides', new Proxy(class Clock {}, {}), /without 'new'/],
    ['because it throws', fail, /mine/],
  ];
  for (const [name, clock, cause] of clocks) {
    test(`${name} refuses the publish, and emitters report it`, async () => {
      await using bus = createBus({ clock: clock as () => number });
      const reported: string[] = [];
      bus.on('error', (error) => reported.push((error as BusError).code));
      bus.subscribe('/a', handler);
      const error = thrownBy(() => bus.publish('/a', 0));
      assert.ok(error instanceof BusError, `${error}`);
      assert.equal(error.code, 'BUS_INVALID_OPTION');
      assert.match(error.message, /^clock must be a function that returns milliseconds/);
      assert.match((error.cause as Error).message, cause);
      assert.equal(bus.emitter().emit('/a', 0), false);
      assert.deepEqual(reported, ['BUS_INVALID_OPTION']);
    });
  }
});

describe('options that throw are refused, and nothing is changed or lost by it:', { timeout: 600_000 }, () => {
  const cases: readonly [name: string, act: (bus: Bus) => unknown][] = [
    ['of createBus', () => createBus(throwing('flush'))],
    ['of createBus, all of them', () => createBus(closed)],
    ['topicTypes of createBus', () => createBus({ topicTypes: throwing('/a') })],
    ['types of createBus', () => createBus({ types: Object.defineProperty([''], 0, { get: fail }) })],
    ['a signal that does not tell its prototype', (bus) => bus.subscribe('/a', handler, { signal: closed })],
    ['of publishSync', (bus) => bus.publishSync('/a', 0, throwing('timeoutMs'))],
    ['of a handler', (bus) => bus.subscribe('/a', handler, throwing('name'))],
    ['of a handler, all of them', (bus) => bus.subscribe('/a', handler, closed)],
    ['of a module', (bus) => bus.subscribe('/a', module, throwing('data'))],
    ['resourceLimits of a module', (bus) => bus.subscribe('/a', module, { resourceLimits: throwing('stackSizeMb') })],
    ['of a stream', (bus) => bus.subscribe('/a', throwing('delivery'))],
    ['where a subscription begins', (bus) => bus.subscribe('/a', handler, { from: throwing('last') })],
    ['of next', (bus) => bus.next('/a', throwing('signal'))],
    ['of an emitter', (bus) => bus.emitter(throwing('prefix'))],
    ['of close', (bus) => bus.close(throwing('drainTimeoutMs'))],
  ];
  for (const [name, act] of cases) {
    test(name, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const { ids } = record(bus, '/a');
      bus.publish('/a', { id: 0 });
      const before = bus.stats();
      check(
        thrownBy(() => act(bus)),
        'BUS_INVALID_OPTION',
        mine,
      );
      assert.deepEqual({ ...bus.stats(), topics: 0 }, { ...before, topics: 0 });
      bus.publish('/a', { id: 1 });
      await bus.close();
      assert.deepEqual(ids, range(2));
    });
  }

  test('of emit, which reports it', async () => {
    await using bus = createBus();
    const reported: Error[] = [];
    bus.on('error', (error) => reported.push(error));
    assert.equal(bus.emitter().emit('/a', 0, throwing('throws')), false);
    check(reported[0]!, 'BUS_INVALID_OPTION', mine);
  });

  test('of stop', async () => {
    await using bus = createBus();
    const { ids, subscription } = record(bus, '/a');
    check(
      thrownBy(() => subscription.stop(throwing('drain'))),
      'BUS_INVALID_OPTION',
      mine,
    );
    assert.equal(subscription.active, true);
    bus.publish('/a', { id: 0 });
    await bus.close();
    assert.deepEqual(ids, [0]);
  });

  test('values that cannot be shown', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    check(
      thrownBy(() => createBus({ capacityBytes: proxy as never })),
      'BUS_INVALID_CAPACITY',
    );
    check(
      thrownBy(() => createBus({ flush: proxy as never })),
      'BUS_INVALID_OPTION',
    );
  });
});

describe('a filter that throws', () => {
  const filters: readonly [name: string, filter: unknown][] = [
    ['as a key is read', throwing('topics')],
    ['as its keys are read', new Proxy({}, { ownKeys: fail })],
    ['as its prototype is looked at', closed],
    ['as a list is read', Object.defineProperty(['/a', '/b'], 1, { get: fail })],
    ['as a list in it is read', { topics: Object.defineProperty(['/a'], 0, { get: fail }) }],
  ];
  for (const [name, filter] of filters) {
    test(`${name} is refused, and changes no filter`, async () => {
      await using bus = createBus();
      const { ids, subscription } = record(bus, '/a');
      for (const act of [
        () => bus.subscribe(filter as never, handler),
        () => bus.next(filter as never),
        () => subscription.setFilter(filter as never),
        () => explain(filter as never),
      ]) {
        const error = thrownBy(act);
        check(error, 'BUS_INVALID_FILTER', mine);
        assert.match(error.message, /cannot be read: mine$/);
      }
      bus.publish('/a', { id: 0 });
      await bus.close();
      assert.deepEqual(ids, [0]);
    });
  }
});
