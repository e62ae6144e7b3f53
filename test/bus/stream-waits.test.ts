/** Code that iterates over a stream and waits meanwhile: what handlers get, an error or being excused, it gets. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { type Bus, createBus, type EventStream } from '../../src/index.js';
import { fillRing, idOf, LARGE_TEXT, Latch, range, record, SMALL_RING_BYTES, turn } from '../support/bus-scene.js';

/** Long enough for a test to fail by its time limit where a wait ends in an eviction. */
const PATIENT = { capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 600_000 };
const DEADLOCK = { code: 'BUS_WOULD_DEADLOCK' };

/** Gets the first event of the stream, acts, and goes on to the end. */
type Consume = (stream: EventStream, act: () => Promise<void>) => Promise<void>;

const consumers: Record<string, Consume> = {
  'for await': async (stream, act) => {
    let first = true;
    for await (const _ of stream) {
      if (first) await act();
      first = false;
    }
  },
  'for await, after another wait': async (stream, act) => {
    let first = true;
    for await (const _ of stream) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (first) await act();
      first = false;
    }
  },
  'iterator.next()': async (stream, act) => {
    const { value } = await stream.next();
    assert.equal(value?.topic, '/in');
    await turn();
    await act();
    while (!(await stream.next()).done);
  },
  'iterator.next().then()': (stream, act) =>
    stream
      .next()
      .then(({ value }) => {
        assert.equal(value?.topic, '/in');
        return act();
      })
      .then(async () => {
        while (!(await stream.next()).done);
      }),
  'a stream beside another one': async (stream, act) => {
    // Has an event of each in hand; the other one's came later.
    const { value } = await stream.next();
    assert.equal(value?.topic, '/in');
    const other = otherStreams.get(stream)!;
    assert.equal((await other.next()).value?.topic, '/in');
    await act();
    await other.return();
    while (!(await stream.next()).done);
  },
};
const otherStreams = new WeakMap<EventStream, EventStream>();

function subscribe(bus: Bus): EventStream {
  const stream = bus.subscribe('/in');
  otherStreams.set(stream, bus.subscribe('/in'));
  return stream;
}

describe('a consumer that has an event of its stream in hand', { timeout: 600_000 }, () => {
  for (const [name, consume] of Object.entries(consumers)) {
    const others = name.includes('another one');
    const open = (bus: Bus): EventStream => (others ? subscribe(bus) : bus.subscribe('/in'));

    test(`by ${name} and awaits writable behind it is told BUS_WOULD_DEADLOCK`, async () => {
      await using bus = createBus(PATIENT);
      record(bus, '/out');
      const stream = open(bus);
      const consumed = consume(stream, async () => {
        fillRing(bus, '/out');
        await assert.rejects(bus.writable(), DEADLOCK);
        // And where the writer is parked already.
        await assert.rejects(bus.writable(), DEADLOCK);
        void bus.close();
      });
      for (const id of range(3)) bus.publish('/in', { id });
      await consumed;
      assert.equal(bus.stats().evictions, 0);
    });

    test(`by ${name} and calls publishSync behind it is told so at once`, async () => {
      await using bus = createBus(PATIENT);
      record(bus, '/out');
      const stream = open(bus);
      const consumed = consume(stream, async () => {
        while (bus.tryPublish('/out', { text: LARGE_TEXT }));
        assert.throws(() => bus.publishSync('/out', { text: LARGE_TEXT }, { timeoutMs: 2 ** 31 - 1 }), DEADLOCK);
        void bus.close();
      });
      for (const id of range(3)) bus.publish('/in', { id });
      await consumed;
    });

    test(`by ${name} and awaits close is not waited for, and gets the rest afterwards`, async () => {
      await using bus = createBus(PATIENT);
      const { ids } = record(bus, '/in');
      const stream = open(bus);
      const consumed = consume(stream, async () => {
        assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
      });
      for (const id of range(3)) bus.publish('/in', { id });
      await consumed;
      assert.deepEqual(ids, range(3));
      assert.equal(stream.stats().delivered, 3);
    });

    test(`by ${name} and awaits that stream's stop with drain is not waited for, and gets the rest`, async () => {
      await using bus = createBus(PATIENT);
      const stream = open(bus);
      const consumed = consume(stream, () => stream.stop({ drain: true }));
      for (const id of range(3)) bus.publish('/in', { id });
      await consumed;
      assert.equal(stream.stats().delivered, 3);
    });
  }

  test('does not make anybody else who awaits writable fail, whoever began the consumer', async () => {
    await using bus = createBus(PATIENT);
    const latch = new Latch();
    const ids: number[] = [];
    const consume = async (): Promise<void> => {
      for await (const envelope of stream) {
        await latch.opened;
        ids.push(idOf(envelope));
      }
    };
    const stream = bus.subscribe('/in');
    // Runs up to its first wait in this very context.
    const consumed = consume();
    await turn();
    let id = 0;
    while (bus.publish('/in', { id: id++, text: LARGE_TEXT })) await turn();
    const writable = bus.writable();
    await turn();
    latch.open();
    await writable;
    await bus.close();
    await consumed;
    assert.deepEqual(ids, range(id));
  });

  test('may await writable while what it has in hand is not in the way', async () => {
    await using bus = createBus(PATIENT);
    const latch = new Latch();
    bus.subscribe('/**', () => latch.opened, { isolate: true });
    const stream = bus.subscribe('/in');
    for (const id of range(6)) bus.publish('/out', { id, text: LARGE_TEXT });
    bus.publish('/in', null);
    for await (const _ of stream) {
      fillRing(bus, '/out');
      setImmediate(latch.open);
      await bus.writable();
      break;
    }
  });

  test('is known no longer once it has asked for the next one', async () => {
    await using bus = createBus(PATIENT);
    record(bus, '/out');
    const stream = bus.subscribe('/in');
    bus.publish('/in', null);
    assert.equal((await stream.next()).value?.topic, '/in');
    const next = stream.next();
    fillRing(bus, '/out');
    await bus.writable();
    bus.publish('/in', null);
    assert.equal((await next).value?.topic, '/in');
  });

  test('is known within the handler that iterates, and the handler afterwards', async () => {
    await using bus = createBus(PATIENT);
    const told = new Latch();
    const codes: unknown[] = [];
    bus.subscribe('/start', async () => {
      for await (const _ of stream) break;
      fillRing(bus, '/out');
      await bus.writable().catch((error) => codes.push(error.code));
      told.open();
    });
    record(bus, '/out');
    const stream = bus.subscribe('/in');
    bus.publish('/start', null);
    bus.publish('/in', null);
    await told.opened;
    assert.deepEqual(codes, ['BUS_WOULD_DEADLOCK']);
  });
});

describe('work that a handler left behind when it returned', { timeout: 600_000 }, () => {
  test('may await writable: its reader does not wait for it', async () => {
    await using bus = createBus(PATIENT);
    let work: Promise<void> | undefined;
    const started = new Latch();
    bus.subscribe('/a', () => {
      work ??= (async () => {
        await turn();
        fillRing(bus, '/a');
        await bus.writable();
      })();
      started.open();
    });
    bus.publish('/a', null);
    await started.opened;
    await work;
  });
});

test('what a stream hands out is shown as what it is', async () => {
  await using bus = createBus();
  const stream = bus.subscribe('/a');
  bus.publish('/a', { id: 1 });
  const result = await stream.next();
  assert.doesNotMatch(inspect(result), /Getter/);
  assert.deepEqual(Object.keys(result), ['done', 'value']);
  const { done, value } = result;
  assert.equal(done, false);
  assert.equal(idOf(value!), 1);
});
