import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus, type Envelope, type Subscription } from '../../src/index.js';
import { idOf, LARGE_TEXT, Latch, range, SMALL_RING_BYTES, turn, until, workerModule } from '../support/bus-scene.js';
import { SharedLog } from '../support/shared-log.js';

const SMALL = { capacityBytes: SMALL_RING_BYTES };
const EVENTS = 60;

/** What a lossy subscription got, and what it was told that it missed. */
interface Account {
  readonly subscription: Subscription;
  readonly got: { readonly id: number; readonly lagged: number }[];
  readonly ranges: { readonly first: number; readonly count: number }[];
}

function listen(subscription: Subscription, got: Account['got']): Account {
  const ranges: Account['ranges'] = [];
  subscription.on('lagged', (lag) => ranges.push(lag));
  return { subscription, got, ranges };
}

/** Every event was got or told of as missed, once, in order, in three places alike. */
function assertExact({ subscription, got, ranges }: Account, written: number): void {
  const { delivered, lagged, scanned } = subscription.stats();
  const missed = ranges.flatMap(({ first, count }) => range(count).map((i) => first + i));
  assert.deepEqual(
    [...got.map(({ id }) => id), ...missed].sort((a, b) => a - b),
    range(written),
  );
  assert.equal(lagged, missed.length);
  assert.equal(delivered, got.length);
  assert.equal(scanned + lagged, written);
  let next = 0;
  for (const { id, lagged: before } of got) {
    assert.equal(id - next, before);
    next = id + 1;
  }
}

function publishAll(bus: Bus, from: number, to: number): void {
  for (let id = from; id < to; id++) assert.equal(bus.publish('/a', { id, text: LARGE_TEXT }), true);
}

describe('a lossy subscription', { timeout: 600_000 }, () => {
  test('never makes publish wait, and a handler is told exactly what it missed', async () => {
    await using bus = createBus(SMALL);
    const got: Account['got'] = [];
    const latch = new Latch();
    const handle = (envelope: Envelope): Promise<void> => {
      got.push({ id: idOf(envelope), lagged: envelope.lagged });
      return latch.opened;
    };
    const account = listen(bus.subscribe('/a', handle, { delivery: 'lossy' }), got);
    publishAll(bus, 0, 3);
    await until(() => got.length === 1);
    publishAll(bus, 3, EVENTS);
    latch.open();
    await account.subscription.stop({ drain: true });
    assertExact(account, EVENTS);
    assert.equal(account.ranges.length, 1);
    assert.equal(bus.stats().evictions, 0);
  });

  test('as a stream is told exactly what it missed', async () => {
    await using bus = createBus(SMALL);
    const stream = bus.subscribe('/a', { delivery: 'lossy' });
    const account = listen(stream, []);
    publishAll(bus, 0, EVENTS);
    const first = await stream.next();
    account.got.push({ id: idOf(first.value!), lagged: first.value!.lagged });
    publishAll(bus, EVENTS, 2 * EVENTS);
    void stream.stop({ drain: true });
    for await (const envelope of stream) account.got.push({ id: idOf(envelope), lagged: envelope.lagged });
    assertExact(account, 2 * EVENTS);
    assert.equal(account.ranges.length, 2);
  });

  for (const loop of ['cooperative', 'dedicated'] as const) {
    test(`as a module (${loop}) is told exactly what it missed`, async () => {
      await using bus = createBus(SMALL);
      const log = new SharedLog(4 * EVENTS);
      const subscription = bus.subscribe('/a', workerModule('lag-recorder'), {
        delivery: 'lossy',
        loop,
        data: log.buffer,
      });
      await subscription.ready;
      const account = listen(subscription, []);
      publishAll(bus, 0, 3);
      await log.reaches(2);
      publishAll(bus, 3, EVENTS);
      log.open();
      await subscription.stop({ drain: true });
      const { values } = log;
      for (let i = 0; i < values.length; i += 2) account.got.push({ id: values[i]!, lagged: values[i + 1]! });
      assertExact(account, EVENTS);
      assert.equal(account.ranges.length, 1);
    });
  }

  test('gets records of the greatest size whole, however often it is lapped', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const wrong: number[] = [];
    const seen: number[] = [];
    const largest = (64 * 1024) / 8 - 32 - 64;
    const subscription = bus.subscribe(
      '/a',
      async ({ payload, sequence }) => {
        if (payload.length !== largest || payload.some((byte) => byte !== sequence % 251)) wrong.push(sequence);
        seen.push(sequence);
        if (seen.length % 5 === 0) await turn();
      },
      { delivery: 'lossy' },
    );
    for (const round of range(40)) {
      for (const i of range(1 + (round % 11))) {
        void i;
        const sequence = bus.stats().written;
        bus.publish('/a', { typeUrl: 'x', value: Buffer.alloc(largest, sequence % 251) });
      }
      await turn();
    }
    latch.open();
    await subscription.stop({ drain: true });
    const { lagged, delivered } = subscription.stats();
    assert.deepEqual(wrong, []);
    assert.equal(delivered + lagged, bus.stats().written);
    assert.ok(lagged > 0);
  });

  test('tells of what was missed with the next event that it wants, not with one that its filter does not select', async () => {
    await using bus = createBus(SMALL);
    const lags: number[] = [];
    const subscription = bus.subscribe(
      { topics: ['/a'], namespaces: ['wanted'] },
      ({ lagged }) => void lags.push(lagged),
      { delivery: 'lossy' },
    );
    publishAll(bus, 0, EVENTS);
    bus.publish('/a', null, { namespace: 'wanted' });
    await subscription.stop({ drain: true });
    const { lagged } = subscription.stats();
    assert.ok(lagged > 0);
    assert.deepEqual(lags, [lagged]);
  });

  test('does not change what a lossless one beside it gets', async () => {
    await using bus = createBus(SMALL);
    const ids: number[] = [];
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened, { delivery: 'lossy' });
    bus.subscribe('/a', (envelope) => void ids.push(idOf(envelope)));
    for (const id of range(EVENTS)) if (!bus.publish('/a', { id, text: LARGE_TEXT })) await bus.writable();
    await until(() => ids.length === EVENTS);
    assert.deepEqual(ids, range(EVENTS));
    latch.open();
  });
});
