/** Emission: through an emitter that was injected, and through the one that the code runs with. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  type Bus,
  createBus,
  currentEmitter,
  type Emitter,
  emit,
  runWithEmitter,
  tryEmit,
  withNamespace,
} from '../../src/index.js';
import { fillRing, Latch, range, SMALL_RING_BYTES, thrownBy, turn } from '../support/bus-scene.js';

/** What a bus got, as `namespace topic id`; read it after the bus was closed. */
function linesOf(bus: Bus): string[] {
  const lines: string[] = [];
  bus.subscribe(
    '/**',
    ({ namespace, topic, event }) => void lines.push(`${namespace} ${topic} ${(event as { id: number }).id}`),
  );
  return lines;
}

/** An emitter that is no bus's. */
function recorder(): Emitter & { readonly topics: string[] } {
  const topics: string[] = [];
  return { topics, emit: (topic) => topics.push(topic) > 0 };
}

describe('an emitter', { timeout: 600_000 }, () => {
  const topics: readonly [prefix: string | undefined, topic: string, published: string | undefined][] = [
    ['/service/container', 'exit', '/service/container/exit'],
    ['/service/container', 'exec/added', '/service/container/exec/added'],
    ['/service/container', '/tasks/exit', '/tasks/exit'],
    [undefined, '/tasks/exit', '/tasks/exit'],
    [undefined, 'exit', undefined],
    ['/service', '', undefined],
    ['/service', 'a//b', undefined],
    ['/service', '../exit', undefined],
    ['/service', 'exit/', undefined],
    ['/ringcast', 'exit', undefined],
    ['/service', 5 as unknown as string, undefined],
  ];
  for (const [prefix, topic, published] of topics) {
    test(`with prefix ${prefix} publishes ${JSON.stringify(topic)} on ${published ?? 'no topic, and says why'}`, async () => {
      const bus = createBus();
      const lines = linesOf(bus);
      const codes: unknown[] = [];
      bus.on('error', (error) => codes.push((error as { code?: string }).code));
      const emitter = bus.emitter({ prefix });
      // Twice: relative topics are remembered.
      for (const id of range(2)) assert.equal(emitter.emit(topic, { id }), published !== undefined);
      await bus.close();
      assert.deepEqual(lines, published === undefined ? [] : range(2).map((id) => `default ${published} ${id}`));
      assert.deepEqual(codes, published === undefined ? ['BUS_INVALID_TOPIC', 'BUS_INVALID_TOPIC'] : []);
    });
  }

  test('publishes in its own namespace, or in that of the bus', async () => {
    const bus = createBus({ namespace: 'home' });
    const lines = linesOf(bus);
    bus.emitter().emit('/a', { id: 0 });
    const emitter = bus.emitter({ namespace: 'k8s.io', prefix: '/p' });
    emitter.emit('a', { id: 1 });
    emitter.withNamespace!('other').emit('a', { id: 2 });
    emitter.emit('a', { id: 3 });
    await bus.close();
    assert.deepEqual(lines, ['home /a 0', 'k8s.io /p/a 1', 'other /p/a 2', 'k8s.io /p/a 3']);
  });

  test('refuses a prefix that is no topic, a namespace that is none, and unknown options', async () => {
    await using bus = createBus();
    assert.equal(thrownBy(() => bus.emitter({ prefix: 'service' })).code, 'BUS_INVALID_TOPIC');
    assert.equal(thrownBy(() => bus.emitter({ namespace: '' })).code, 'BUS_INVALID_NAMESPACE');
    assert.equal(thrownBy(() => bus.emitter({ prefx: '/a' } as never)).code, 'BUS_UNKNOWN_OPTION');
    assert.equal(thrownBy(() => bus.emitter().withNamespace!('a b')).code, 'BUS_INVALID_NAMESPACE');
  });

  test('never makes a finished operation fail: what goes wrong is the error event of the bus', async () => {
    const bus = createBus();
    bus.subscribe('/**', () => {});
    const codes: unknown[] = [];
    bus.on('error', (error) => codes.push((error as { code?: string }).code));
    const emitter = bus.emitter();
    const broken = {
      get id(): number {
        throw new Error('mine');
      },
    };
    assert.equal(emitter.emit('/a', broken), false);
    assert.equal(emitter.emit('/a', 'x'.repeat(2 ** 20)), false);
    assert.equal(emitter.emit('/a', 0, { throw: true } as never), false);
    await bus.close();
    assert.equal(emitter.emit('/a', 0), false);
    assert.deepEqual(codes, ['BUS_INVALID_EVENT', 'BUS_EVENT_TOO_LARGE', 'BUS_UNKNOWN_OPTION', 'BUS_CLOSED']);
  });

  test('warns the process of what goes wrong when nobody listens', async () => {
    await using bus = createBus();
    const warned = once(process, 'warning');
    assert.equal(bus.emitter().emit('no topic', 0), false);
    const [warning] = await warned;
    assert.equal((warning as { code?: string }).code, 'BUS_INVALID_TOPIC');
  });

  test('throws what goes wrong if it is asked to, and then only throws it', async () => {
    await using bus = createBus();
    let heard = 0;
    bus.on('error', () => heard++);
    const emitter = bus.emitter();
    assert.equal(thrownBy(() => emitter.emit('a', 0, { throws: true })).code, 'BUS_INVALID_TOPIC');
    assert.equal(
      thrownBy(() => runWithEmitter(emitter, () => emit('a', 0, { throws: true }))).code,
      'BUS_INVALID_TOPIC',
    );
    assert.equal(heard, 0);
    assert.equal(emitter.emit('a', 0, { throws: false }), false);
    assert.equal(heard, 1);
  });

  test('says that what was queued behind a full ring was accepted', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    let seen = 0;
    bus.subscribe('/a', () => void seen++);
    const filled = fillRing(bus, '/a');
    assert.equal(bus.emitter().emit('/a', 0), true);
    await bus.close();
    assert.equal(seen, filled + 1);
  });
});

describe('the current emitter', { timeout: 600_000 }, () => {
  test('is none outside of any run: emit throws, tryEmit does nothing', () => {
    assert.equal(currentEmitter(), undefined);
    assert.equal(thrownBy(() => emit('/a', 0)).code, 'BUS_NO_EMITTER');
    assert.equal(tryEmit('/a', 0), false);
    assert.equal(
      withNamespace('other', () => 5),
      5,
    );
  });

  test('is what the function was run with, and what its result or error does not change', () => {
    const emitter = recorder();
    assert.equal(
      runWithEmitter(emitter, () => {
        assert.equal(currentEmitter(), emitter);
        assert.equal(emit('/a', 0), true);
        assert.equal(tryEmit('/b', 0), true);
        return 7;
      }),
      7,
    );
    assert.equal(
      thrownBy(() =>
        runWithEmitter(emitter, () => {
          throw new Error('mine');
        }),
      ).message,
      'mine',
    );
    assert.equal(currentEmitter(), undefined);
    assert.deepEqual(emitter.topics, ['/a', '/b']);
  });

  test('is the innermost one in nested runs, and the outer one again after them', async () => {
    const [outer, inner] = [recorder(), recorder()];
    await runWithEmitter(outer, async () => {
      emit('/1', 0);
      const nested = runWithEmitter(inner, async () => {
        emit('/2', 0);
        await turn();
        emit('/3', 0);
      });
      emit('/4', 0);
      await nested;
      emit('/5', 0);
    });
    assert.deepEqual(
      [outer.topics, inner.topics],
      [
        ['/1', '/4', '/5'],
        ['/2', '/3'],
      ],
    );
  });

  test('follows awaits, timers, ticks and listeners, each of many at once with its own', async () => {
    const bus = createBus();
    const lines = linesOf(bus);
    const emitter = bus.emitter({ prefix: '/p' });
    const latch = new Latch();
    const work = async (id: number): Promise<void> => {
      emit('sync', { id });
      await undefined;
      emit('await', { id });
      await setTimeout(id % 3);
      emit('timer', { id });
      await turn();
      emit('immediate', { id });
      await new Promise<void>((resolve) => process.nextTick(resolve));
      emit('tick', { id });
      await latch.opened;
      emit('latch', { id });
      await new Promise<void>((resolve) =>
        queueMicrotask(() => {
          emit('microtask', { id });
          resolve();
        }),
      );
    };
    const runs = range(30).map((id) => runWithEmitter(emitter, () => withNamespace(`n${id}`, () => work(id))));
    // From outside any run: those who wait go on in their own.
    globalThis.setTimeout(() => latch.open(), 10);
    await Promise.all(runs);
    await bus.close();
    const kinds = ['sync', 'await', 'timer', 'immediate', 'tick', 'latch', 'microtask'];
    for (const id of range(30)) {
      assert.deepEqual(
        lines.filter((line) => line.startsWith(`n${id} `)),
        kinds.map((kind) => `n${id} /p/${kind} ${id}`),
      );
    }
    assert.equal(lines.length, 30 * kinds.length);
  });

  test('of a handler is that of its subscribe call, whoever publishes', async () => {
    await using bus = createBus();
    const [subscriber, publisher] = [recorder(), recorder()];
    const seen: (Emitter | undefined)[] = [];
    const latch = new Latch();
    runWithEmitter(subscriber, () =>
      bus.subscribe('/a', async () => {
        emit('/before', 0);
        await turn();
        emit('/after', 0);
        latch.open();
      }),
    );
    bus.subscribe('/a', () => void seen.push(currentEmitter()));
    runWithEmitter(publisher, () => bus.publish('/a', 0));
    await latch.opened;
    await bus.close();
    assert.deepEqual(subscriber.topics, ['/before', '/after']);
    assert.deepEqual(publisher.topics, []);
    assert.deepEqual(seen, [undefined]);
  });

  test('changes its namespace for a run, not for what was started before', async () => {
    const bus = createBus();
    const lines = linesOf(bus);
    await runWithEmitter(bus.emitter({ namespace: 'a' }), async () => {
      const started = turn().then(() => emit('/started', { id: 0 }));
      withNamespace('b', () => {
        emit('/x', { id: 1 });
        withNamespace('c', () => emit('/x', { id: 2 }));
        emit('/x', { id: 3 });
      });
      emit('/x', { id: 4 });
      assert.equal(thrownBy(() => withNamespace('', () => {})).code, 'BUS_INVALID_NAMESPACE');
      await started;
    });
    await bus.close();
    assert.deepEqual(lines, ['b /x 1', 'c /x 2', 'b /x 3', 'a /x 4', 'a /started 0']);
  });

  test('that knows no namespaces stays as it is', () => {
    const emitter = recorder();
    assert.equal(
      runWithEmitter(emitter, () => withNamespace('b', () => currentEmitter())),
      emitter,
    );
  });
});
