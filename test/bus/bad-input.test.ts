import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, BusError, createBus } from '../../src/index.js';
import { inlineModule, range, record, SMALL_RING_BYTES, thrownBy } from '../support/bus-scene.js';

/** What is wrong, the code and class of the error, and the offending value that its fields must show. */
type Case<Act> = readonly [name: string, act: Act, code: string, className: string, fields: Record<string, unknown>];

function check(error: Error & { readonly code?: string }, [, , code, className, fields]: Case<unknown>): void {
  assert.ok(error instanceof BusError, `${error.stack}`);
  assert.equal(error.code, code);
  assert.equal(error.constructor.name, className);
  assert.equal(error.name, className);
  for (const [field, value] of Object.entries(fields)) {
    assert.deepEqual((error as unknown as Record<string, unknown>)[field], value, field);
  }
}

const OPTION = ['BUS_INVALID_OPTION', 'InvalidOptionError'] as const;
const UNKNOWN = ['BUS_UNKNOWN_OPTION', 'UnknownOptionError'] as const;
const TOPIC = ['BUS_INVALID_TOPIC', 'InvalidTopicError'] as const;
const NAMESPACE = ['BUS_INVALID_NAMESPACE', 'InvalidNamespaceError'] as const;
const EVENT = ['BUS_INVALID_EVENT', 'InvalidEventError'] as const;
const GLOB = ['BUS_INVALID_GLOB', 'InvalidGlobError'] as const;
const CAPACITY = ['BUS_INVALID_CAPACITY', 'InvalidCapacityError'] as const;
const TYPES = ['BUS_TYPES_MODULE', 'TypesModuleError'] as const;

const handler = (): void => {};
const huge = 'x'.repeat(SMALL_RING_BYTES);
const cycle: Record<string, unknown> = {};
cycle.self = cycle;

// What users without types may pass.
const any = (value: unknown): never => value as never;

function transferred(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

describe('createBus refuses', () => {
  const cases: readonly Case<() => unknown>[] = [
    ['options that are no object', () => createBus(any(5)), ...OPTION, { value: 5 }],
    ['null for options', () => createBus(any(null)), ...OPTION, { value: null }],
    ['an unknown option', () => createBus(any({ capacity: 5 })), ...UNKNOWN, { option: 'capacity' }],
    [
      'a capacity that is no power of two',
      () => createBus({ capacityBytes: 100_000 }),
      ...CAPACITY,
      { capacityBytes: 100_000 },
    ],
    [
      'a capacity that is too small',
      () => createBus({ capacityBytes: 32_768 }),
      ...CAPACITY,
      { capacityBytes: 32_768 },
    ],
    [
      'a capacity that is too large',
      () => createBus({ capacityBytes: 2 ** 31 }),
      ...CAPACITY,
      { capacityBytes: 2 ** 31 },
    ],
    [
      'a capacity that is text',
      () => createBus(any({ capacityBytes: '65536' })),
      ...CAPACITY,
      { capacityBytes: '65536' },
    ],
    [
      'a capacity that is null',
      () => createBus({ capacityBytes: any(null) }),
      ...CAPACITY,
      { capacityBytes: null, reason: 'must be a power of two from 65536 to 1073741824' },
    ],
    ['a namespace that is null', () => createBus({ namespace: any(null) }), ...NAMESPACE, { namespace: null }],
    ['a malformed namespace', () => createBus({ namespace: 'a b' }), ...NAMESPACE, { namespace: 'a b' }],
    ['an empty namespace', () => createBus({ namespace: '' }), ...NAMESPACE, { namespace: '' }],
    ['types that are no list', () => createBus(any({ types: 'x' })), ...OPTION, { option: 'types', value: 'x' }],
    ['a type module that is no URL', () => createBus({ types: ['./x.js'] }), ...OPTION, { value: './x.js' }],
    [
      'a type module that does not exist',
      () => createBus({ types: ['file:///nowhere.js'] }),
      ...TYPES,
      { url: 'file:///nowhere.js' },
    ],
    ['a type module that is no file', () => createBus({ types: [inlineModule('export default 1')] }), ...TYPES, {}],
    ['a malformed declared topic', () => createBus({ topicTypes: { a: 'b' } }), ...TOPIC, { topic: 'a' }],
    [
      'an unregistered declared type',
      () => createBus({ topicTypes: { '/a': 'acme.Nope' } }),
      'BUS_UNKNOWN_TYPE',
      'UnknownTypeError',
      { typeUrl: 'acme.Nope' },
    ],
    ['a declared type that is no text', () => createBus(any({ topicTypes: { '/a': 5 } })), ...OPTION, { value: 5 }],
    [
      'declared types in a Map',
      () => createBus(any({ topicTypes: new Map([['/a', 'b']]) })),
      ...OPTION,
      { option: 'topicTypes' },
    ],
    [
      'a negative maxPendingBytes',
      () => createBus({ maxPendingBytes: -1 }),
      ...OPTION,
      { option: 'maxPendingBytes', value: -1 },
    ],
    ['no topics', () => createBus({ maxTopics: 0 }), ...OPTION, { option: 'maxTopics', value: 0 }],
    [
      'a fraction for stallTimeoutMs',
      () => createBus({ stallTimeoutMs: 0.5 }),
      ...OPTION,
      { option: 'stallTimeoutMs', value: 0.5 },
    ],
    ['an unknown flush', () => createBus(any({ flush: 'never' })), ...OPTION, { option: 'flush', value: 'never' }],
    ['a clock that is no function', () => createBus(any({ clock: 5 })), ...OPTION, { option: 'clock', value: 5 }],
  ];
  for (const one of cases) test(one[0], () => check(thrownBy(one[1]), one));
});

describe('a bus refuses, and nothing is changed or lost by it,', { timeout: 600_000 }, () => {
  const cases: readonly Case<(bus: Bus) => unknown>[] = [
    ...(['publish', 'tryPublish', 'publishSync'] as const).flatMap((verb): Case<(bus: Bus) => unknown>[] => [
      [`${verb} on a topic without a slash`, (bus) => bus[verb]('a', 1), ...TOPIC, { topic: 'a' }],
      [`${verb} on a glob`, (bus) => bus[verb]('/a/*', 1), ...TOPIC, { topic: '/a/*' }],
      [`${verb} on an empty topic`, (bus) => bus[verb]('', 1), ...TOPIC, { topic: '' }],
      [`${verb} on a number`, (bus) => bus[verb](any(5), 1), ...TOPIC, { topic: 5 }],
      [`${verb} on an object`, (bus) => bus[verb](any({}), 1), ...TOPIC, {}],
      [
        `${verb} on a reserved topic`,
        (bus) => bus[verb]('/ringcast/dead-letter', 1),
        ...TOPIC,
        { topic: '/ringcast/dead-letter' },
      ],
      [`${verb} on a topic that is too long`, (bus) => bus[verb](`/${'a'.repeat(77)}`, 1), ...TOPIC, {}],
      [
        `${verb} with a malformed namespace`,
        (bus) => bus[verb]('/a', 1, { namespace: '-' }),
        ...NAMESPACE,
        { namespace: '-' },
      ],
      [
        `${verb} with a malformed namespace to nobody`,
        (bus) => bus[verb]('/nobody', 1, { namespace: '-' }),
        ...NAMESPACE,
        { namespace: '-' },
      ],
      [
        `${verb} with a namespace that is no text`,
        (bus) => bus[verb]('/a', 1, any({ namespace: 5 })),
        ...NAMESPACE,
        { namespace: 5 },
      ],
      [
        `${verb} with an unknown option`,
        (bus) => bus[verb]('/a', 1, any({ name: 'x' })),
        ...UNKNOWN,
        { option: 'name' },
      ],
      [`${verb} with null for options`, (bus) => bus[verb]('/a', 1, any(null)), ...OPTION, { value: null }],
      [`${verb} with a list for options`, (bus) => bus[verb]('/a', 1, any([])), ...OPTION, { value: [] }],
      [`${verb} with a Map for options`, (bus) => bus[verb]('/a', 1, any(new Map())), ...OPTION, { option: 'options' }],
      [`${verb} of undefined`, (bus) => bus[verb]('/a', undefined), ...EVENT, {}],
      [`${verb} of a function`, (bus) => bus[verb]('/a', handler), ...EVENT, {}],
      [`${verb} of a cycle`, (bus) => bus[verb]('/a', cycle), ...EVENT, {}],
      [
        `${verb} of too large an event`,
        (bus) => bus[verb]('/a', huge),
        'BUS_EVENT_TOO_LARGE',
        'EventTooLargeError',
        { topic: '/a', maxBytes: SMALL_RING_BYTES / 8 },
      ],
    ]),
    [
      'publishSync with a negative timeout',
      (bus) => bus.publishSync('/a', 1, { timeoutMs: -1 }),
      ...OPTION,
      { option: 'timeoutMs', value: -1 },
    ],
    ['forward of text', (bus) => bus.forward(any('text')), ...OPTION, { value: 'text' }],
    ['forward of null', (bus) => bus.forward(any(null)), ...OPTION, { value: null }],
    [
      'forward of what encodes itself as text',
      (bus) => bus.forward(any({ toBinary: () => 'text' })),
      ...OPTION,
      { value: 'text' },
    ],
    [
      'forward of noise',
      (bus) => bus.forward(Uint8Array.of(255, 255, 255)),
      'BUS_MALFORMED_ENVELOPE',
      'MalformedEnvelopeError',
      {},
    ],
    [
      'forward of nothing',
      (bus) => bus.forward(new Uint8Array(0)),
      'BUS_INCOMPLETE_ENVELOPE',
      'IncompleteEnvelopeError',
      { field: 'timestamp' },
    ],
    [
      'forward of a view whose buffer was transferred',
      (bus) => bus.forward(transferred()),
      'BUS_INCOMPLETE_ENVELOPE',
      'IncompleteEnvelopeError',
      { field: 'timestamp' },
    ],
    ['forward of a proxy', (bus) => bus.forward(new Proxy(new Uint8Array(3), {})), ...OPTION, {}],
    ['forward of what only looks like bytes', (bus) => bus.forward(Object.create(Uint8Array.prototype)), ...OPTION, {}],
    ['a glob that can match nothing', (bus) => bus.subscribe('/a/', handler), ...GLOB, { glob: '/a/' }],
    ['an unbalanced glob', (bus) => bus.subscribe('/a/[', handler), ...GLOB, { glob: '/a/[' }],
    [
      'a hostile glob',
      (bus) => bus.subscribe(`/${'{a,b}'.repeat(40)}`, handler),
      'BUS_GLOB_TOO_COMPLEX',
      'GlobTooComplexError',
      {},
    ],
    [
      'a malformed expression',
      (bus) => bus.subscribe('topic==', handler),
      'BUS_INVALID_FILTER',
      'InvalidFilterError',
      { filter: 'topic==' },
    ],
    ['no filter', (bus) => bus.subscribe(any(undefined), handler), 'BUS_INVALID_FILTER', 'InvalidFilterError', {}],
    [
      'a subscriber that is text',
      (bus) => bus.subscribe('/a', any('./module.js')),
      ...OPTION,
      { option: 'subscriber', value: './module.js' },
    ],
    [
      'a subscriber that is null',
      (bus) => bus.subscribe('/a', any(null)),
      ...OPTION,
      { option: 'subscriber', value: null },
    ],
    [
      'an unknown handler option',
      (bus) => bus.subscribe('/a', handler, any({ onec: true })),
      ...UNKNOWN,
      { option: 'onec' },
    ],
    ['null for handler options', (bus) => bus.subscribe('/a', handler, any(null)), ...OPTION, { value: null }],
    [
      'once that is no boolean',
      (bus) => bus.subscribe('/a', handler, any({ once: 1 })),
      ...OPTION,
      { option: 'once', value: 1 },
    ],
    [
      'isolate that is no boolean',
      (bus) => bus.subscribe('/a', handler, any({ isolate: 'yes' })),
      ...OPTION,
      { option: 'isolate', value: 'yes' },
    ],
    [
      'a signal that is none',
      (bus) => bus.subscribe('/a', handler, any({ signal: {} })),
      ...OPTION,
      { option: 'signal' },
    ],
    ['an empty name', (bus) => bus.subscribe('/a', handler, { name: '' }), ...OPTION, { option: 'name', value: '' }],
    ['a handler option on a stream', (bus) => bus.subscribe('/a', any({ once: true })), ...UNKNOWN, { option: 'once' }],
    [
      'a negative drain timeout',
      (bus) => bus.close({ drainTimeoutMs: -1 }),
      ...OPTION,
      { option: 'drainTimeoutMs', value: -1 },
    ],
    ['an unknown close option', (bus) => bus.close(any({ timeoutMs: 1 })), ...UNKNOWN, { option: 'timeoutMs' }],
  ];
  for (const one of cases) {
    test(one[0], async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const { ids, subscription } = record(bus, '/a');
      bus.publish('/a', { id: 0 });
      const before = bus.stats();
      check(
        thrownBy(() => one[1](bus)),
        one,
      );
      assert.deepEqual({ ...bus.stats(), topics: 0 }, { ...before, topics: 0 });
      assert.throws(() => subscription.stop(any({ force: true })), { code: 'BUS_UNKNOWN_OPTION' });
      bus.publish('/a', { id: 1 });
      await bus.close();
      assert.deepEqual(ids, range(2));
    });
  }

  test('a clock that does not tell the time', async () => {
    let now: unknown = 1_000;
    await using bus = createBus({ clock: () => now as number });
    const { ids } = record(bus, '/a');
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, '5', 10n, 1e17]) {
      now = value;
      const error = thrownBy(() => bus.publish('/a', { id: -1 }));
      assert.equal((error as { code?: string }).code, 'BUS_INVALID_OPTION', String(value));
    }
    now = 2_000;
    bus.publish('/a', { id: 0 });
    await bus.close();
    assert.deepEqual(ids, [0]);
  });

  test('no time that a clock can tell: each is one that a bus elsewhere takes', async () => {
    let now = 0;
    await using bus = createBus({ clock: () => now });
    await using elsewhere = createBus();
    const { ids } = record(elsewhere, '/a');
    bus.subscribe('/a', (envelope) => void elsewhere.forward(envelope));
    const times = [-1e-14, -1e-300, -1e-10, 999.9999999999999, 4_999.999999999999, -8.64e15, 8.64e15, 1, 0.5];
    times.forEach((time, id) => {
      now = time;
      bus.publish('/a', { id });
    });
    await bus.close();
    await elsewhere.close();
    assert.deepEqual(ids, [...times.keys()]);
  });
});
