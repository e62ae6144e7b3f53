/** Events whose getters, methods and traps throw: refused as what cannot be encoded, with what was thrown as the cause. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { anyPack, anyUnpack, createBus, InvalidEventError } from '../../src/index.js';
import { range, record, SMALL_RING_BYTES, thrownBy } from '../support/bus-scene.js';

const mine = new RangeError('mine');

function fail(): never {
  throw mine;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** What does not say what it is. */
const unseen: readonly [name: string, event: object][] = [
  ['an Any whose value throws', Object.defineProperty({ typeUrl: 'x' }, 'value', { get: fail })],
  ['an Any whose typeUrl throws', Object.defineProperty({ value: new Uint8Array(1) }, 'typeUrl', { get: fail })],
  ['an object whose constructor throws', Object.create(Object.defineProperty({}, 'constructor', { get: fail }))],
  ['a proxy whose getPrototypeOf throws', new Proxy({ a: 1 }, { getPrototypeOf: fail })],
  ['a proxy whose get throws', new Proxy({ a: 1 }, { get: fail })],
];

/** What says what it is, but not what is in it. */
const unread: readonly [name: string, event: object][] = [
  ['an object with a getter that throws', Object.defineProperty({}, 'a', { get: fail, enumerable: true })],
  ['an object whose toJSON throws', { toJSON: fail }],
  ['an instance with a getter that throws', Object.defineProperty(new TaskExit(), 'pid', { get: fail })],
  ['a proxy whose ownKeys throws', new Proxy({ a: 1 }, { ownKeys: fail })],
];

describe('an event that throws', { timeout: 600_000 }, () => {
  for (const [name, event] of [...unseen, ...unread]) {
    test(`is refused by every publish, and nothing is lost by it: ${name}`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const { ids } = record(bus, '/a');
      bus.publish('/a', { id: 0 });
      const before = bus.stats();
      for (const verb of ['publish', 'tryPublish', 'publishSync'] as const) {
        const error = thrownBy(() => bus[verb]('/a', event));
        assert.ok(error instanceof InvalidEventError, `${verb}: ${error}`);
        assert.equal(error.cause, mine);
        assert.match(error.message, /failed: mine$/);
      }
      assert.deepEqual({ ...bus.stats(), topics: 0 }, { ...before, topics: 0 });
      bus.publish('/a', { id: 1 });
      await bus.close();
      assert.deepEqual(ids, range(2));
    });

    test(`is refused by anyPack: ${name}`, async () => {
      await using bus = createBus();
      for (const pack of [anyPack, (one: unknown) => bus.anyPack(one)]) {
        const error = thrownBy(() => pack(event));
        assert.ok(error instanceof InvalidEventError, `${error}`);
        assert.equal(error.cause, mine);
      }
    });
  }

  test('is refused although what it throws is no Error, or is nothing that can be looked at', async () => {
    await using bus = createBus();
    bus.subscribe('/a', () => {});
    for (const [thrown, text] of [
      [7, /failed: 7$/],
      [null, /failed: null$/],
      [{ status: 7 }, /failed: \{ status: 7 \}$/],
      [revoked(), /failed: /],
    ] as const) {
      const event = {
        get a(): number {
          throw thrown;
        },
      };
      for (const refuse of [() => bus.publish('/a', event), () => bus.anyPack(event)]) {
        const error = thrownBy(refuse);
        assert.ok(error instanceof InvalidEventError, `${error}`);
        assert.equal(error.cause, thrown);
        assert.match(error.message, text);
      }
    }
  });

  test('is refused by anyPack when it is a proxy that does not tell its prototype', async () => {
    await using bus = createBus();
    assert.equal(thrownBy(() => bus.anyPack(new Proxy({}, { getPrototypeOf: fail }))).code, 'BUS_INVALID_EVENT');
    assert.equal(thrownBy(() => bus.anyPack(revoked())).code, 'BUS_INVALID_EVENT');
  });
});

describe('anyUnpack refuses what is no Any, and says what is wrong with it:', () => {
  const value = Uint8Array.of(1);
  const cases: readonly [name: string, any: unknown, option: string, message: RegExp][] = [
    ['nothing', undefined, 'any', /any must be an Any, .* got undefined/],
    ['null', null, 'any', /got null/],
    ['text', 'ringcast.MessagePack', 'any', /got "ringcast.MessagePack"/],
    ['no value', { typeUrl: 'ringcast.MessagePack' }, 'any.value', /any.value must be a Uint8Array, got undefined/],
    ['a value that is text', { typeUrl: 'x', value: 'bytes' }, 'any.value', /got "bytes"/],
    ['a value that is a proxy', { typeUrl: 'x', value: new Proxy(value, {}) }, 'any.value', /any.value must be/],
    ['no type URL', { value }, 'any.typeUrl', /any.typeUrl must be the name of a type, got undefined/],
    ['a type URL that is a number', { typeUrl: 5, value }, 'any.typeUrl', /got 5/],
    ['getters that throw', unseen[0]![1], 'any', /any must be an Any that can be read/],
    ['a revoked proxy', revoked(), 'any', /any must be an Any that can be read/],
  ];
  for (const [name, any, option, message] of cases) {
    test(name, async () => {
      await using bus = createBus();
      for (const unpack of [anyUnpack, (one: never) => bus.anyUnpack(one)]) {
        const error = thrownBy(() => unpack(any as never)) as { code?: string; option?: string; message: string };
        assert.equal(error.code, 'BUS_INVALID_OPTION', `${error}`);
        assert.equal(error.option, option);
        assert.match(error.message, message);
      }
    });
  }
});
