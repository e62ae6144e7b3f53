import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { type Bus, createBus, InvalidEventError, type Subscription } from '../../src/index.js';
import {
  fillRing,
  idOf,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  until,
} from '../support/bus-scene.js';

const SMALL = { capacityBytes: SMALL_RING_BYTES };

/** An event whose `text` runs code each time it is encoded. */
function eager(id: number, act: () => unknown, text = ''): object {
  return {
    id,
    get text() {
      act();
      return text;
    },
  };
}

/** A function that acts on its first call only. */
function firstTime(act: () => unknown): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}

describe('a getter of an event that is being published', { timeout: 600_000 }, () => {
  test('publishes behind the event, two deep, in the order of the calls', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const inner = eager(2, () => assert.equal(bus.publish('/a', { id: 3 }), false));
    const outer = eager(0, () => {
      assert.equal(bus.publish('/a', { id: 1 }), false);
      assert.equal(bus.publish('/a', inner), false);
    });
    assert.equal(bus.publish('/a', outer), true);
    assert.equal(bus.publish('/a', { id: 4 }), true);
    await bus.close();
    assert.equal(ids[0], 0);
    assert.deepEqual([...ids].sort(), range(5));
    assert.equal(ids.at(-1), 4);
    assert.ok(ids.indexOf(1) < ids.indexOf(2));
  });

  test('damages neither event when both are of one topic and class, whatever their sizes', async () => {
    await using bus = createBus();
    const got: string[] = [];
    bus.subscribe('/a', ({ event }) => {
      const { containerId } = event as TaskExit;
      assert.equal(containerId, (containerId[0] ?? '').repeat(containerId.length));
      got.push(`${containerId[0] ?? ''}${containerId.length}`);
    });
    const sizes = [0, 1, 90, 127, 128, 300, 20_000];
    const expected: string[] = [];
    for (const outerSize of sizes) {
      for (const innerSize of sizes) {
        const outer = new TaskExit({ pid: 1 });
        const inner = firstTime(() => bus.publish('/a', new TaskExit({ containerId: 'i'.repeat(innerSize) })));
        Object.defineProperty(outer, 'containerId', {
          enumerable: true,
          get: () => {
            inner();
            return 'o'.repeat(outerSize);
          },
        });
        assert.equal(bus.publish('/a', outer), true);
        expected.push(`${outerSize > 0 ? 'o' : ''}${outerSize}`, `${innerSize > 0 ? 'i' : ''}${innerSize}`);
      }
    }
    await bus.close();
    assert.deepEqual(got, expected);
  });

  test('loses nothing that it published when the event is encoded again', async () => {
    // At every distance from the end of a small ring the first attempt, in place, may not fit.
    await using bus = createBus(SMALL);
    const got: { id: number; length: number }[] = [];
    bus.subscribe('/a', (envelope) => {
      const { text } = envelope.event as { text: string };
      got.push({ id: idOf(envelope), length: text.length });
    });
    const expected: { id: number; length: number }[] = [];
    for (const round of range(300)) {
      const length = (round * 797) % 7_000;
      const nested = firstTime(() => bus.publish('/a', { id: round * 2 + 1, text: 'n' }));
      bus.publish('/a', eager(round * 2, nested, 'x'.repeat(length)));
      expected.push({ id: round * 2, length }, { id: round * 2 + 1, length: 1 });
      await bus.writable();
    }
    const { published } = bus.stats();
    await bus.close();
    assert.deepEqual(got, expected);
    assert.equal(published, expected.length);
  });

  test('publishes behind the event when the ring is full', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    const filled = fillRing(bus, '/a');
    const nested = firstTime(() => bus.publish('/a', { id: filled + 1 }));
    assert.equal(bus.publish('/a', eager(filled, nested, LARGE_TEXT)), false);
    assert.equal(bus.publish('/a', { id: filled + 2 }), false);
    await bus.close();
    assert.deepEqual(ids, range(filled + 3));
  });

  test('is refused by tryPublish, which counts it', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    bus.publish(
      '/a',
      eager(0, () => assert.equal(bus.tryPublish('/a', { id: 1 }), false)),
    );
    assert.ok(bus.stats().refused > 0);
    await bus.close();
    assert.deepEqual(ids, [0]);
  });

  test('cannot publishSync: an error says so, and nothing is lost', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const event = eager(0, () => {
      assert.equal(thrownBy(() => bus.publishSync('/a', { id: 1 })).code, 'BUS_REENTRANT_PUBLISH');
    });
    bus.publishSync('/a', event);
    bus.publishSync('/a', { id: 2 });
    await bus.close();
    assert.deepEqual(ids, [0, 2]);
  });

  test('forwards behind the event', async () => {
    await using source = createBus();
    const foreign: Uint8Array[] = [];
    source.subscribe('/a', (envelope) => void foreign.push(envelope.toBinary()));
    source.publish('/a', { id: 1 });
    await source.close();
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const forward = firstTime(() => assert.equal(bus.forward(foreign[0]!), false));
    bus.publish('/a', eager(0, forward));
    await bus.close();
    assert.deepEqual(ids, [0, 1]);
  });

  test('may wait for writable, flush and look at the stats without damage', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const waits: Promise<void>[] = [];
    const act = firstTime(() => {
      bus.publish('/a', { id: 1 });
      waits.push(bus.writable());
      bus.flush();
      bus.stats();
      bus.publish('/a', { id: 2 });
    });
    assert.equal(bus.publish('/a', eager(0, act, 'text')), true);
    await Promise.all(waits);
    await bus.close();
    assert.deepEqual(ids, [0, 1, 2]);
  });

  test('that throws takes back the event and nothing else: sequence, queue and later events are as if it had not been', async () => {
    await using bus = createBus();
    const sequences: number[] = [];
    const { ids } = record(bus, '/a');
    bus.subscribe('/a', (envelope) => void sequences.push(envelope.sequence));
    const cause = new Error('mine');
    bus.publish('/a', { id: 0 });
    for (const publish of ['publish', 'tryPublish', 'publishSync'] as const) {
      const error = thrownBy(() =>
        bus[publish](
          '/a',
          eager(-1, () => {
            throw cause;
          }),
        ),
      );
      assert.ok(error instanceof InvalidEventError);
      assert.equal(error.code, 'BUS_INVALID_EVENT');
      assert.equal(error.cause, cause);
    }
    const publishThenThrow = eager(-1, () => {
      bus.publish('/a', { id: 1 });
      throw cause;
    });
    assert.throws(() => bus.publish('/a', publishThenThrow), InvalidEventError);
    assert.equal(bus.stats().published, 2);
    assert.equal(bus.publish('/a', { id: 2 }), true);
    await bus.close();
    assert.deepEqual(ids, [0, 1, 2]);
    assert.deepEqual(sequences, [0, 1, 2]);
  });

  test('that throws after it published does not leave that behind a publishSync that waited in vain', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    const filled = fillRing(bus, '/a');
    const nested = firstTime(() => bus.publish('/a', { id: filled }));
    assert.equal(thrownBy(() => bus.publishSync('/a', eager(-1, nested, LARGE_TEXT))).code, 'BUS_WOULD_DEADLOCK');
    await bus.close();
    assert.deepEqual(ids, range(filled + 1));
  });

  test('publishes behind an event that tryPublish then refuses: it goes on its way without that', async () => {
    await using bus = createBus(SMALL);
    const { ids } = record(bus, '/a');
    let id = 0;
    while (bus.tryPublish('/a', { id, text: LARGE_TEXT })) id++;
    const nested = firstTime(() => bus.publish('/a', { id: 'nested' }));
    assert.equal(bus.tryPublish('/a', eager(-1, nested, LARGE_TEXT)), false);
    await until(() => ids.length === id + 1);
    assert.deepEqual(ids, [...range(id), 'nested']);
    assert.equal(bus.stats().pending.events, 0);
  });

  test('subscribes: what is accepted afterwards arrives, full ring or not', async () => {
    for (const full of [false, true]) {
      await using bus = createBus(SMALL);
      record(bus, '/a');
      let id = full ? fillRing(bus, '/a') : 0;
      let late: ReturnType<typeof record> | undefined;
      const subscribe = firstTime(() => {
        late = record(bus, '/a', { isolate: true });
      });
      bus.publish('/a', eager(id++, subscribe, 'text'));
      const after = id;
      for (const _ of range(3)) bus.publish('/a', { id: id++ });
      await bus.close();
      // Whether the event that is being encoded counts as accepted before is left open.
      assert.deepEqual(
        late!.ids.filter((got) => got >= after),
        range(3).map((i) => after + i),
      );
      assert.ok(late!.ids.length <= 4);
      assert.equal(late!.subscription.stats().rescued, 0);
    }
  });

  test('subscribes: the event arrives although the reader slept through its topic so far', async () => {
    await using bus = createBus({ keepUnwanted: true });
    record(bus, '/other');
    await until(() => bus.stats().subscriptions[0]!.asleep);
    let late: number[] = [];
    const event = eager(
      0,
      firstTime(() => {
        late = record(bus, '/a').ids;
      }),
    );
    bus.publish('/a', event);
    bus.publish('/a', { id: 1 });
    await bus.close();
    assert.deepEqual(late, [0, 1]);
    assert.equal(bus.stats().rescued, 0);
  });

  test('unsubscribes: no handler of that subscription starts, the others get everything', async () => {
    await using bus = createBus();
    const stopped = record(bus, '/a');
    const other = record(bus, '/a');
    bus.publish('/a', { id: 0 });
    bus.publish(
      '/a',
      eager(1, () => void stopped.subscription.stop()),
    );
    bus.publish('/a', { id: 2 });
    await bus.close();
    assert.deepEqual(stopped.ids, []);
    assert.deepEqual(other.ids, [0, 1, 2]);
  });

  test('unsubscribes the only subscription', async () => {
    await using bus = createBus();
    const { subscription, ids } = record(bus, '/a');
    bus.publish(
      '/a',
      eager(0, () => void subscription.stop()),
    );
    await subscription.ended;
    const next = record(bus, '/a');
    bus.publish('/a', { id: 1 });
    await bus.close();
    assert.deepEqual(ids, []);
    assert.deepEqual(next.ids, [1]);
  });

  test('closes the bus: the event was on its way and arrives', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    bus.publish(
      '/a',
      eager(0, () => void bus.close()),
    );
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    assert.deepEqual(ids, [0]);
  });
});

describe('a handler that publishes', { timeout: 600_000 }, () => {
  test('gets its own events, later', async () => {
    await using bus = createBus();
    const ids: number[] = [];
    bus.subscribe('/a', (envelope) => {
      const id = idOf(envelope);
      ids.push(id);
      if (id < 100) bus.publish('/a', { id: id + 1 });
    });
    bus.publish('/a', { id: 0 });
    while (ids.length < 101) await bus.writable().then(() => new Promise(setImmediate));
    assert.deepEqual(ids, range(101));
  });

  /** Publishes from a handler until the ring is full, then waits for room as `wait` does. */
  async function waitInHandler(
    wait: (bus: Bus) => Promise<unknown>,
    subscribe: (bus: Bus, handler: () => Promise<void>) => Subscription,
  ): Promise<unknown> {
    await using bus = createBus(SMALL);
    const outcome: { error?: unknown } = {};
    const latch = new Latch();
    let called = false;
    subscribe(bus, async () => {
      if (called) return;
      called = true;
      fillRing(bus, '/a');
      try {
        await wait(bus);
      } catch (error) {
        outcome.error = error;
      }
      latch.open();
    });
    bus.publish('/a', { id: 0 });
    await latch.opened;
    assert.deepEqual(await bus.close(), { undelivered: 0 });
    return outcome.error;
  }

  const codeOf = (error: unknown): unknown => (error as { code?: string } | undefined)?.code;

  test('and awaits writable behind its own reader is told BUS_WOULD_DEADLOCK', async () => {
    const error = await waitInHandler(
      (bus) => bus.writable(),
      (bus, handler) => bus.subscribe('/a', handler),
    );
    assert.equal(codeOf(error), 'BUS_WOULD_DEADLOCK');
  });

  test('is told so after an await and in a timer as well, and in an isolated subscription', async () => {
    const error = await waitInHandler(
      async (bus) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        await bus.writable();
      },
      (bus, handler) => bus.subscribe('/a', handler, { isolate: true }),
    );
    assert.equal(codeOf(error), 'BUS_WOULD_DEADLOCK');
  });

  test('is told so when another reader held the ring as it began to wait', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const told = new Latch();
    let error: unknown;
    let called = false;
    bus.subscribe('/**', () => latch.opened, { isolate: true });
    bus.publish('/other', null);
    bus.subscribe('/a', async () => {
      if (called) return;
      called = true;
      fillRing(bus, '/a');
      setImmediate(latch.open);
      try {
        await bus.writable();
      } catch (thrown) {
        error = thrown;
      }
      told.open();
    });
    bus.publish('/a', { id: 0 });
    await told.opened;
    assert.equal(codeOf(error), 'BUS_WOULD_DEADLOCK');
  });

  test('and calls publishSync behind a full ring gets BUS_WOULD_DEADLOCK at once', async () => {
    const error = await waitInHandler(
      async (bus) => bus.publishSync('/a', { id: -1, text: LARGE_TEXT }),
      (bus, handler) => bus.subscribe('/a', handler),
    );
    assert.equal(codeOf(error), 'BUS_WOULD_DEADLOCK');
  });

  test('and awaits writable behind somebody else’s reader waits and goes on', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const passed = new Latch();
    bus.subscribe('/a', () => latch.opened, { isolate: true });
    bus.subscribe('/b', async () => {
      fillRing(bus, '/a');
      setImmediate(latch.open);
      await bus.writable();
      passed.open();
    });
    // The event in hand holds the ring as well, but only what comes a lap behind it.
    for (const id of range(6)) bus.publish('/a', { id, text: LARGE_TEXT });
    bus.publish('/b', { id: 0 });
    await passed.opened;
    assert.deepEqual(await bus.close(), { undelivered: 0 });
  });
});

describe('a bus that is destroyed by what it publishes', () => {
  for (const verb of ['publish', 'tryPublish', 'publishSync'] as const) {
    test(`refuses the event whose getter destroys it: ${verb}`, async () => {
      const bus = createBus();
      const got: unknown[] = [];
      bus.subscribe('/a', ({ event }) => void got.push(event));
      const event = {
        get id() {
          bus.destroy();
          return 1;
        },
      };
      assert.throws(() => bus[verb]('/a', event), { code: 'BUS_CLOSED' });
      assert.deepEqual(await bus.close(), { undelivered: 0 });
      assert.equal(bus.stats().published, 0);
      assert.deepEqual(got, []);
    });

    test(`refuses the event whose clock destroys it: ${verb}`, async () => {
      const bus = createBus({
        clock: () => {
          bus.destroy();
          return 0;
        },
      });
      bus.subscribe('/a', () => {});
      assert.throws(() => bus[verb]('/a', 1), { code: 'BUS_CLOSED' });
      assert.deepEqual(await bus.close(), { undelivered: 0 });
      assert.equal(bus.stats().published, 0);
    });
  }
});
