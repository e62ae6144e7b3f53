/** Values as they are, wherever their classes come from: test runners and `vm` have globals of their own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { createBus } from '../../src/index.js';

const realm = createContext({});

async function arrived(event: unknown): Promise<unknown> {
  const bus = createBus();
  try {
    const next = bus.next('/x');
    bus.publish('/x', event);
    return (await next).event;
  } finally {
    await bus.close();
  }
}

describe('values of another realm', () => {
  const same: Readonly<Record<string, unknown>> = {
    "new Map([['a', 1]])": new Map([['a', 1]]),
    'new Set([1, 2])': new Set([1, 2]),
    '/a+/gi': /a+/gi,
    'new Date(5)': new Date(5),
    'new Uint8Array([1, 2])': Uint8Array.of(1, 2),
    'new Float64Array([0.5])': Float64Array.of(0.5),
    'new Uint8Array([1, 2]).buffer': Uint8Array.of(1, 2).buffer,
    '({ a: [1, { b: 2n }] })': { a: [1, { b: 2n }] },
    'Object.assign(Object.create(null), { a: 1 })': { a: 1 },
  };
  for (const [source, expected] of Object.entries(same)) {
    test(`${source} arrives as it is`, async () => {
      assert.deepEqual(await arrived(runInContext(source, realm)), expected);
      assert.deepEqual(await arrived({ inside: [runInContext(source, realm)] }), { inside: [expected] });
    });
  }

  test('an error arrives as an error of its name and message', async () => {
    const error = (await arrived(runInContext("new RangeError('far')", realm))) as Error;
    assert.ok(error instanceof Error);
    assert.equal(error.message, 'far');
  });

  test('an Any arrives as the type that it names', async () => {
    const any = runInContext("({ typeUrl: 'a.B', value: new Uint8Array([1]) })", realm);
    assert.deepEqual({ ...((await arrived(any)) as object) }, { typeUrl: 'a.B', value: Uint8Array.of(1) });
  });

  test('bytes of an envelope are forwarded', async () => {
    const bus = createBus();
    const next = bus.next('/x');
    bus.publish('/x', 1);
    const bytes = (await next).toBinary();
    const foreign = runInContext('(bytes) => new Uint8Array(bytes)', realm)([...bytes]) as Uint8Array;
    const again = bus.next('/x');
    bus.forward(foreign);
    assert.equal((await again).event, 1);
    await bus.close();
  });
});

describe('what cannot arrive as it is', () => {
  const refused: Readonly<Record<string, () => unknown>> = {
    Number: () => new Number(1),
    String: () => new String('a'),
    Boolean: () => new Boolean(false),
    BigInt: () => Object(1n),
    Symbol: () => Object(Symbol()),
    Blob: () => new Blob(['a']),
    Generator: () => (function* () {})(),
    AsyncGenerator: () => (async function* () {})(),
    'Map Iterator': () => new Map().entries(),
    'Array Iterator': () => [][Symbol.iterator](),
    Promise: () => Promise.resolve(),
    WeakMap: () => new WeakMap(),
    SharedArrayBuffer: () => new SharedArrayBuffer(1),
    URLSearchParams: () => new URLSearchParams('a=1'),
    Headers: () => new Headers(),
    ReadableStream: () => new ReadableStream(),
    AbortSignal: () => AbortSignal.abort(),
  };
  for (const [name, make] of Object.entries(refused)) {
    test(`a ${name} is refused by name`, async () => {
      const bus = createBus({ keepUnwanted: true });
      const error = { code: 'BUS_INVALID_EVENT', message: new RegExp(`\\b${name} cannot be sent`) };
      assert.throws(() => bus.publish('/x', make()), error);
      assert.throws(() => bus.publish('/x', { deep: [make()] }), error);
      assert.equal(bus.stats().written, 0);
      await bus.close();
    });
  }

  test('an Any with something else beside its type and bytes is refused, and names it', async () => {
    const bus = createBus({ keepUnwanted: true });
    const event = { typeUrl: 'a.B', value: Uint8Array.of(1), price: 5 };
    assert.throws(() => bus.publish('/x', event), { code: 'BUS_INVALID_EVENT', message: /"?price"? too/ });
    assert.throws(() => bus.anyPack(event), { code: 'BUS_INVALID_EVENT' });
    await bus.close();
  });

  test('an instance of a class without properties is an empty object still', async () => {
    class Ping {}
    assert.deepEqual(await arrived(new Ping()), {});
  });
});
