/** What belongs to an event and not to its envelope: the trace it is part of, and where it came in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createBus,
  type Envelope,
  emit,
  type ForwardOptions,
  InvalidOriginError,
  InvalidTraceparentError,
  runWithEmitter,
  TooManyOriginsError,
} from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  inlineModule,
  LARGE_TEXT,
  Latch,
  range,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
} from '../support/bus-scene.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const SMALL = { capacityBytes: SMALL_RING_BYTES };

/** A trace of its own for each event. */
function traceOf(id: number): string {
  return `00-${(id + 1).toString(16).padStart(32, '0')}-${(0xffffffff - id).toString(16).padStart(16, '0')}-00`;
}

function said({ traceparent, origin }: Envelope): ForwardOptions {
  return { traceparent, origin };
}

const NOTHING = { traceparent: undefined, origin: undefined };
const BOTH = { traceparent: TRACEPARENT, origin: 'nats' };

/** The bytes of an envelope that another bus would send. */
async function foreignBytes(event: unknown): Promise<Uint8Array> {
  await using bus = createBus(SMALL);
  const next = bus.next('/a');
  bus.publish('/a', event);
  return (await next).toBinary();
}

describe('the trace context and the origin of an event', { timeout: 600_000 }, () => {
  test('are what it was published with, by each verb, and undefined without', async () => {
    await using bus = createBus();
    const got: ForwardOptions[] = [];
    bus.subscribe('/a', (envelope) => void got.push(said(envelope)));
    const bytes = await foreignBytes({ id: 1 });
    // Fields in another order: it is made canonical.
    const other = Buffer.concat([bytes.subarray(bytes[1]! + 2), bytes.subarray(0, bytes[1]! + 2)]);
    const acts: ((options?: ForwardOptions) => unknown)[] = [
      (options) => bus.publish('/a', {}, options),
      (options) => bus.tryPublish('/a', {}, options),
      (options) => bus.publishSync('/a', {}, options),
      (options) => bus.forward(bytes, options),
      // Recognized by its bytes this time.
      (options) => bus.forward(bytes, options),
      (options) => bus.forward(other, options),
      (options) => bus.emitter().emit('/a', {}, options),
      (options) => runWithEmitter(bus.emitter(), () => emit('/a', {}, options)),
      (options) => bus.publish('/a', {}, { namespace: 'mine', ...options }),
    ];
    const all = [BOTH, { ...NOTHING, origin: 'nats' }, { ...NOTHING, traceparent: TRACEPARENT }, NOTHING];
    for (const act of acts) {
      for (const options of all) act(options);
      act();
    }
    await closeDelivered(bus);
    assert.deepEqual(
      got,
      acts.flatMap(() => [...all, NOTHING]),
    );
  });

  test('are no part of the envelope, and do not go along unless they are given', async () => {
    await using bus = createBus();
    await using other = createBus();
    const bytes = await foreignBytes({ id: 1 });
    const received = bus.next('/a');
    bus.forward(bytes, BOTH);
    const envelope = await received;
    assert.deepEqual(Buffer.from(envelope.toBinary()), Buffer.from(bytes));
    const got: ForwardOptions[] = [];
    other.subscribe('/a', (again) => void got.push(said(again)));
    other.forward(envelope);
    other.forward(envelope, { traceparent: envelope.traceparent, origin: 'another' });
    await closeDelivered(other);
    assert.deepEqual(got, [NOTHING, { traceparent: TRACEPARENT, origin: 'another' }]);
  });

  test('reach handlers, streams, next and modules alike, and stay with what is detached', async () => {
    await using bus = createBus();
    const log = new Uint8Array(new SharedArrayBuffer(256));
    const module = inlineModule(`export default ({ traceparent, origin }, { data }) => {
      data.set(new TextEncoder().encode(traceparent + ' ' + origin));
    }`);
    const subscription = bus.subscribe('/a', module, { data: log });
    const stream = bus.subscribe('/a');
    const next = bus.next('/a');
    const handled: ForwardOptions[] = [];
    bus.subscribe('/a', (envelope) => void handled.push(said(envelope), said(envelope.detach())));
    bus.publish('/a', {}, BOTH);
    assert.deepEqual(said((await stream.next()).value!), BOTH);
    assert.deepEqual(said(await next), BOTH);
    await subscription.stop({ drain: true });
    assert.equal(new TextDecoder().decode(log.slice()).replaceAll('\0', ''), `${TRACEPARENT} nats`);
    assert.deepEqual(handled, [BOTH, BOTH]);
  });

  test('are those of the event that a getter publishes, and of the one that it belongs to', async () => {
    await using bus = createBus();
    const got: [string, ForwardOptions][] = [];
    bus.subscribe('/**', (envelope) => void got.push([envelope.topic, said(envelope)]));
    const nested = { traceparent: traceOf(1), origin: 'inner' };
    const event = {
      get id() {
        bus.publish('/inner', {}, nested);
        return 1;
      },
    };
    bus.publish('/outer', event, BOTH);
    await closeDelivered(bus);
    assert.deepEqual(got, [
      ['/outer', BOTH],
      ['/inner', nested],
    ]);
  });

  test('come round the ring with records of all sizes, to lossless, lossy and excepting subscriptions', async () => {
    const size = fc.oneof(fc.nat(120), fc.integer({ min: 2_000, max: 7_500 }));
    const options = fc.record({
      traceparent: fc.option(fc.nat(1_000).map(traceOf), { nil: undefined }),
      origin: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    });
    const event = fc.record({ size, options, how: fc.constantFrom('publish', 'forward', 'turn') });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 30, maxLength: 120 }), async (events) => {
        await using bus = createBus(SMALL);
        const got: unknown[] = [];
        const lossy: unknown[] = [];
        const excepting: unknown[] = [];
        const write = (to: unknown[]) => (envelope: Envelope) => {
          to.push([envelope.topic, idOf(envelope), said(envelope)]);
          return to === lossy ? turn() : undefined;
        };
        bus.subscribe('/**', write(got));
        bus.subscribe('/**', write(lossy) as () => Promise<void>, { delivery: 'lossy' });
        bus.subscribe('/**', write(excepting), { exceptOrigins: ['b', 'c'] });
        const sent: [string, number, ForwardOptions][] = [];
        for (const [id, { size, options, how }] of events.entries()) {
          const payload = { id, text: 'x'.repeat(size) };
          const before = bus.stats().published;
          if (how === 'forward') {
            bus.forward(await foreignBytes(payload), options);
            sent.push(['/a', id, { ...options }]);
          } else {
            bus.publish(id % 3 === 0 ? '/odd/one' : '/a', payload, options);
            sent.push([id % 3 === 0 ? '/odd/one' : '/a', id, { ...options }]);
          }
          assert.equal(bus.stats().published, before + 1);
          if (how === 'turn') await turn();
        }
        await closeDelivered(bus);
        assert.deepEqual(got, sent);
        assert.deepEqual(
          excepting,
          sent.filter(([, , { origin }]) => origin !== 'b'),
        );
        const at = new Map(sent.map(([, id, options]) => [id, options]));
        for (const [, id, options] of lossy as typeof sent) assert.deepEqual(options, at.get(id));
      }),
      { numRuns: 15 },
    );
  });

  test('wait on the heap with their event', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const got: ForwardOptions[] = [];
    bus.subscribe('/a', (envelope) => {
      got.push(said(envelope));
      return latch.opened;
    });
    const before = fillRing(bus, '/a');
    assert.equal(bus.publish('/a', { id: before }, BOTH), false);
    assert.equal(bus.tryPublish('/a', { id: before }, BOTH), false);
    latch.open();
    await closeDelivered(bus);
    assert.deepEqual(got, [...range(before).map(() => NOTHING), BOTH]);
  });

  test('take 32 bytes of the largest event', async () => {
    // The same time, which takes the same bytes.
    await using bus = createBus({ ...SMALL, clock: () => 1_700_000_000_123 });
    bus.subscribe('/a', () => {});
    const fits = (bytes: number, options?: ForwardOptions): boolean => {
      try {
        return bus.publish('/a', { typeUrl: 'my.Type', value: Buffer.alloc(bytes) }, options);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUS_EVENT_TOO_LARGE');
        return false;
      }
    };
    let most = SMALL_RING_BYTES / 8;
    while (!fits(most)) most--;
    await turn();
    assert.ok(fits(most - 32, BOTH));
    assert.ok(!fits(most - 31, BOTH));
  });
});

describe('a subscription that excepts origins', { timeout: 600_000 }, () => {
  test('gets what began here or came in elsewhere, whatever it is, and siblings on its reader get all', async () => {
    await using bus = createBus();
    const ids = (to: number[]) => (envelope: Envelope) => void to.push(idOf(envelope));
    const [excepting, all, isolated, streamed]: number[][] = [[], [], [], []];
    bus.subscribe('/**', ids(excepting!), { exceptOrigins: ['nats'] });
    bus.subscribe('/**', ids(all!));
    bus.subscribe('/**', ids(isolated!), { isolate: true, exceptOrigins: ['nats', 'containerd'] });
    const stream = bus.subscribe('/**', { exceptOrigins: ['nats'] });
    const reading = (async () => {
      for await (const envelope of stream) streamed!.push(idOf(envelope));
    })();
    const next = bus.next('/**', { exceptOrigins: ['nats'] });
    bus.publish('/a', { id: 0 }, { origin: 'nats' });
    bus.publish('/a', { id: 1 });
    bus.publish('/a', { id: 2 }, { origin: 'containerd' });
    bus.publish('/a', { id: 3 }, { traceparent: TRACEPARENT });
    bus.publish('/once/only', { id: 4 }, { origin: 'nats' });
    assert.equal(idOf(await next), 1);
    await closeDelivered(bus);
    await reading;
    assert.deepEqual(excepting, [1, 2, 3]);
    assert.deepEqual(all, [0, 1, 2, 3, 4]);
    assert.deepEqual(isolated, [1, 3]);
    assert.deepEqual(streamed, [1, 2, 3]);
  });

  test('sleeps through what it excepts, in a thread of its own too, and misses nothing by it', async () => {
    await using bus = createBus(SMALL);
    // Keeps the events wanted.
    const other = bus.subscribe('/a', () => {}, { delivery: 'lossy' });
    const options = { delivery: 'lossy', exceptOrigins: ['nats'] } as const;
    const handler = bus.subscribe('/a', () => {}, { ...options, isolate: true });
    const module = bus.subscribe('/a', inlineModule('export default () => {}'), options);
    await module.ready;
    await until(() => handler.stats().asleep && module.stats().asleep && other.stats().asleep);
    for (const id of range(200)) {
      bus.publish('/a', { id, text: LARGE_TEXT }, { origin: 'nats' });
      if (id % 5 === 0) await until(() => other.stats().asleep && bus.stats().ring.usedBytes === 0);
    }
    bus.flush();
    await until(() => other.stats().asleep);
    assert.ok(handler.stats().asleep && module.stats().asleep);
    assert.equal(other.stats().delivered + other.stats().lagged, 200);
    bus.publish('/a', { id: 200 });
    await Promise.all([handler.stop({ drain: true }), module.stop({ drain: true })]);
    for (const { delivered, lagged } of [handler.stats(), module.stats()])
      assert.deepEqual([delivered, lagged], [1, 0]);
  });

  test('does not make an event wanted that it excepts', async () => {
    await using bus = createBus();
    const subscription = bus.subscribe('/**', () => {}, { exceptOrigins: ['nats'] });
    bus.publish('/a', {}, { origin: 'nats' });
    bus.forward(await foreignBytes({}), { origin: 'nats' });
    assert.deepEqual([bus.stats().published, bus.stats().unwanted, bus.stats().written], [2, 2, 0]);
    bus.publish('/a', {}, { origin: 'other' });
    assert.equal(bus.stats().written, 1);
    subscription.setFilter('/b');
    bus.publish('/b', {}, { origin: 'nats' });
    assert.equal(bus.stats().written, 1);
  });

  test('excepts them still when its filter changes, and for what it replays', async () => {
    await using bus = createBus({ keepUnwanted: true });
    for (const id of range(6)) bus.publish('/a', { id }, id % 2 === 0 ? { origin: 'nats' } : {});
    const late: number[] = [];
    const last: number[] = [];
    const options = { exceptOrigins: ['nats'] };
    const subscription = bus.subscribe('/a', (envelope) => void late.push(idOf(envelope)), {
      ...options,
      from: 'oldest',
    });
    bus.subscribe('/a', (envelope) => void last.push(idOf(envelope)), { ...options, from: { last: 2 } });
    subscription.setFilter('/b');
    for (const id of [6, 7]) bus.publish('/b', { id }, id % 2 === 0 ? { origin: 'nats' } : {});
    await closeDelivered(bus);
    assert.deepEqual(late, [1, 3, 5, 7]);
    assert.deepEqual(last, [3, 5]);
  });

  test('with a condition gets what meets both, beside a sibling whose handler may change events', async () => {
    await using bus = createBus();
    const asked: number[] = [];
    bus.subscribe('/a', () => {});
    bus.subscribe('event.id==1', (envelope) => void asked.push(idOf(envelope)), { exceptOrigins: ['nats'] });
    bus.publish('/a', { id: 1 }, { origin: 'nats' });
    bus.publish('/a', { id: 1 });
    await closeDelivered(bus);
    assert.deepEqual(asked, [1]);
  });

  test('is owed nothing of what it excepts when the bus is given up', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { exceptOrigins: ['nats'] });
    bus.subscribe('/a', () => latch.opened);
    bus.publish('/a', { id: 0 }, { origin: 'nats' });
    const before = fillRing(bus, '/a');
    for (let i = 0; i < 3; i++) bus.publish('/a', { id: i }, { origin: 'nats' });
    bus.publish('/a', { id: 4 }, { origin: 'other' });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 0 }), { undelivered: before + 1 + (before + 5) });
    latch.open();
  });

  test('is owed nothing of it in the ring either, behind the event that it has in hand', async () => {
    await using bus = createBus({ keepUnwanted: true });
    const latch = new Latch();
    let calls = 0;
    const handler = (): Promise<void> => {
      calls++;
      return latch.opened;
    };
    bus.subscribe('/a', handler, { exceptOrigins: ['nats'] });
    bus.publish('/a', { id: 0 });
    await until(() => calls === 1);
    // Of another batch than the one that the reader waits in.
    for (const id of range(3)) bus.publish('/a', { id }, { origin: 'nats' });
    bus.publish('/a', { id: 4 }, { origin: 'other' });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 0 }), { undelivered: 2 });
    latch.open();
  });
});

describe('after the thread of a subscriber died', { timeout: 600_000 }, () => {
  const SLOT_BYTES = 64;
  // Writes what it was told of each event; dies of event 2 as often as it is told.
  const module =
    inlineModule(`export default ({ event, traceparent, origin, redelivered }, { data: { log, deaths, most } }) => {
    if (event.id === 2 && Atomics.add(deaths, 0, 1) < most) process.exit(3);
    log.set(new TextEncoder().encode((redelivered ? 'r' : '-') + traceparent.slice(30) + origin), event.id * ${SLOT_BYTES});
  }`);

  for (const most of [1, 1_000]) {
    test(`${most === 1 ? 'what comes again' : 'a dead letter'} has the trace of its event`, async () => {
      await using bus = createBus();
      const letters: Envelope[] = [];
      // Wants what the other excepts: it is written.
      bus.subscribe('/a', () => {});
      bus.subscribe('/ringcast/dead-letter', (envelope) => void letters.push(envelope));
      const log = new Uint8Array(new SharedArrayBuffer(5 * SLOT_BYTES));
      const deaths = new Int32Array(new SharedArrayBuffer(4));
      const subscription = bus.subscribe('/a', module, {
        data: { log, deaths, most },
        exceptOrigins: ['nats'],
        restart: { backoffMs: 0 },
      });
      for (const id of range(5))
        bus.publish('/a', { id }, { traceparent: traceOf(id), origin: id === 3 ? 'nats' : 'mine' });
      await subscription.stop({ drain: true });
      const texts = range(5).map((id) =>
        Buffer.from(log.subarray(id * SLOT_BYTES, (id + 1) * SLOT_BYTES))
          .toString()
          .replaceAll('\0', ''),
      );
      for (const id of range(5)) {
        const missing = id === 3 || (id === 2 && most > 1);
        assert.equal(texts[id]!.slice(1), missing ? '' : `${traceOf(id).slice(30)}mine`);
      }
      assert.equal(texts[2]![0], most === 1 ? 'r' : undefined);
      if (most === 1) return;
      await until(() => letters.length > 0);
      assert.deepEqual(letters.map(said), [{ traceparent: traceOf(2), origin: undefined }]);
      const letter = letters[0]!.event as { topic: string; event: { typeUrl: string; value: Uint8Array } };
      assert.equal(letter.topic, '/a');
      assert.deepEqual(bus.anyUnpack(letter.event), { id: 2 });
    });
  }
});

describe('what is no trace context and no origin', { timeout: 600_000 }, () => {
  const bad: readonly [options: object, error: typeof InvalidOriginError | typeof InvalidTraceparentError][] = [
    [{ traceparent: '' }, InvalidTraceparentError],
    [{ traceparent: TRACEPARENT.toUpperCase() }, InvalidTraceparentError],
    [{ traceparent: TRACEPARENT.replace('00-', '01-') }, InvalidTraceparentError],
    [{ traceparent: 7 }, InvalidTraceparentError],
    [{ traceparent: null }, InvalidTraceparentError],
    [{ origin: '' }, InvalidOriginError],
    [{ origin: 7 }, InvalidOriginError],
    [{ origin: null }, InvalidOriginError],
    [{ origin: 'x'.repeat(257) }, InvalidOriginError],
    [{ origin: '\ud800' }, InvalidOriginError],
    [{ ...BOTH, origin: '' }, InvalidOriginError],
    [{ ...BOTH, traceparent: '00' }, InvalidTraceparentError],
  ];

  test('is refused by each verb, with the value, and changes nothing', async () => {
    await using bus = createBus();
    bus.subscribe('/a', () => {});
    const bytes = await foreignBytes({});
    for (const [options, ErrorClass] of bad) {
      for (const act of [
        () => bus.publish('/a', {}, options),
        () => bus.tryPublish('/a', {}, options),
        () => bus.publishSync('/a', {}, options),
        () => bus.forward(bytes, options),
        () => bus.emitter().emit('/a', {}, { ...options, throws: true }),
      ]) {
        const error = thrownBy(act);
        assert.ok(error instanceof ErrorClass, `${error}`);
        const key = ErrorClass === InvalidOriginError ? 'origin' : 'traceparent';
        assert.equal((error as unknown as Record<string, unknown>)[key], (options as Record<string, unknown>)[key]);
      }
    }
    assert.equal(bus.stats().published, 0);
    assert.equal(thrownBy(() => bus.forward(bytes, { namespace: 'mine' } as object)).code, 'BUS_UNKNOWN_OPTION');
    assert.equal(thrownBy(() => bus.publish('/a', {}, { orgin: 'x' } as object)).code, 'BUS_UNKNOWN_OPTION');
  });

  test('is refused in exceptOrigins, and no subscription is made', async () => {
    await using bus = createBus();
    for (const [exceptOrigins, code] of [
      ['nats', 'BUS_INVALID_OPTION'],
      [null, 'BUS_INVALID_OPTION'],
      [[''], 'BUS_INVALID_ORIGIN'],
      [['nats', 7], 'BUS_INVALID_ORIGIN'],
    ] as const) {
      const options = { exceptOrigins } as object;
      assert.equal(thrownBy(() => bus.subscribe('/a', () => {}, options)).code, code);
      assert.equal(thrownBy(() => bus.subscribe('/a', options)).code, code);
      assert.equal(thrownBy(() => bus.subscribe('/a', inlineModule(''), options)).code, code);
      assert.equal(thrownBy(() => bus.next('/a', options)).code, code);
    }
    assert.deepEqual(bus.stats().subscriptions, []);
  });

  test('a bus keeps 1,024 origins of 256 bytes, refuses one more, and goes on with those it has', async () => {
    await using bus = createBus();
    const got: string[] = [];
    bus.subscribe('/a', ({ origin }) => void got.push(origin!));
    const origins = range(1_024).map((i) => `${i}-`.padEnd(256, 'x'));
    for (const origin of origins) bus.publish('/a', {}, { origin });
    const error = thrownBy(() => bus.publish('/a', {}, { origin: 'one more' }));
    assert.ok(error instanceof TooManyOriginsError);
    assert.deepEqual([error.origin, error.maxOrigins], ['one more', 1_024]);
    assert.equal(thrownBy(() => bus.subscribe('/a', { exceptOrigins: ['another'] })).code, 'BUS_TOO_MANY_ORIGINS');
    bus.publish('/a', {}, { origin: origins[0]! });
    await closeDelivered(bus);
    assert.deepEqual(got, [...origins, origins[0]]);
  });
});
