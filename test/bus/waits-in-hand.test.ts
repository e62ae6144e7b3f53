/** Every wait of somebody who has an event in hand ends: by progress, or by an error with a code. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus, type Subscription } from '../../src/index.js';
import { fillRing, Latch, type Recording, range, record, SMALL_RING_BYTES } from '../support/bus-scene.js';

/** Long enough for a test to fail by its time limit where a wait ends in an eviction. */
const PATIENT = { capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 600_000 };

/** Has `act` done by whoever deals with the first event on `/in`. */
type Caller = (bus: Bus, act: (own: Subscription) => Promise<void>) => void;

const callers: Record<string, Caller> = {
  'a handler on the same reader': (bus, act) => {
    let calls = 0;
    const own: Subscription = bus.subscribe('/in', (): Promise<void> | undefined =>
      calls++ === 0 ? act(own) : undefined,
    );
  },
  'a handler on a reader of its own': (bus, act) => {
    let calls = 0;
    const own: Subscription = bus.subscribe(
      '/in',
      (): Promise<void> | undefined => (calls++ === 0 ? act(own) : undefined),
      {
        isolate: true,
      },
    );
  },
  'the body of a for await': (bus, act) => {
    const own = bus.subscribe('/in');
    void (async () => {
      let calls = 0;
      for await (const _ of own) if (calls++ === 0) await act(own);
    })();
  },
};

interface Scene {
  readonly bus: Bus;
  /** The caller's. */
  readonly own: Subscription;
  /** Reads all of `/out` on the reader that handlers share. */
  readonly other: Recording;
}

/** What is awaited while the ring is full behind the event in hand, and events are queued. */
const waits: Record<string, { readonly wait: (scene: Scene) => Promise<unknown>; readonly code?: string }> = {
  'stop with drain of another subscription': { wait: ({ other }) => other.subscription.stop({ drain: true }) },
  'stop without drain of another one': { wait: ({ other }) => other.subscription.stop() },
  'the end of another one that it has told to stop': {
    wait: ({ other }) => {
      void other.subscription.stop({ drain: true });
      return other.subscription.ended;
    },
  },
  'the end of another one that somebody else tells to stop': {
    wait: ({ other }) => {
      const { ended } = other.subscription;
      outside(() => other.subscription.stop({ drain: true }));
      return ended;
    },
  },
  'the end of another one while somebody else closes the bus': {
    wait: ({ bus, other }) => {
      const { ended } = other.subscription;
      outside(() => bus.close({ drainTimeoutMs: 2 ** 31 - 1 }));
      return ended;
    },
  },
  'its own stop with drain': { wait: ({ own }) => own.stop({ drain: true }) },
  'its own end, stopped before': {
    wait: ({ own }) => {
      void own.stop({ drain: true });
      return own.ended;
    },
  },
  'its own end, stopped by somebody else': {
    wait: ({ own }) => {
      const { ended } = own;
      outside(() => own.stop({ drain: true }));
      return ended;
    },
  },
  'another one to be ready': { wait: ({ other }) => other.subscription.ready },
  close: { wait: ({ bus }) => bus.close({ drainTimeoutMs: 2 ** 31 - 1 }) },
  writable: { wait: ({ bus }) => bus.writable(), code: 'BUS_WOULD_DEADLOCK' },
  publishSync: { wait: async ({ bus }) => bus.publishSync('/out', null), code: 'BUS_WOULD_DEADLOCK' },
};

/** Runs `act` in the async context that this file was loaded in: on behalf of nobody. */
let outside: (act: () => unknown) => void;

for (const [callerName, caller] of Object.entries(callers)) {
  describe(`${callerName} that has an event in hand behind which the ring is full`, () => {
    for (const [name, { wait, code }] of Object.entries(waits)) {
      test(`awaits ${name}: ${code ?? 'goes on'}`, { timeout: 600_000 }, async () => {
        await using bus = createBus(PATIENT);
        const ended = new Latch();
        const errors: unknown[] = [];
        let filled = 0;
        const todo: (() => unknown)[] = [];
        outside = (act) => void todo.push(act);
        const other = record(bus, '/out');
        caller(bus, async (own) => {
          filled = fillRing(bus, '/out');
          await wait({ bus, own, other }).catch((error) => errors.push(error.code));
          ended.open();
        });
        bus.publish('/in', null);
        const elsewhere = setInterval(() => todo.shift()?.(), 1);
        await ended.opened;
        clearInterval(elsewhere);
        assert.deepEqual(errors, code === undefined ? [] : [code]);
        assert.equal(bus.stats().evictions, 0);
        assert.deepEqual(await bus.close(), { undelivered: 0 });
        const isCutShort = name.startsWith('stop without');
        if (!isCutShort) assert.deepEqual(other.ids, range(filled));
      });
    }
  });
}

describe('handlers that wait for each other', () => {
  for (const [count, drain] of [
    [2, true],
    [3, true],
    [2, false],
    [3, false],
  ] as const) {
    test(`${count} in a ring, by stop ${drain ? 'with' : 'without'} drain: all end, and have had what they were owed`, {
      timeout: 600_000,
    }, async () => {
      await using bus = createBus(PATIENT);
      const got: number[] = range(count).map(() => 0);
      const all = new Latch();
      let pending = 0;
      const subscriptions: Subscription[] = range(count).map((i) =>
        bus.subscribe(
          '/in',
          async () => {
            got[i]!++;
            if (got[i]! > 1) return;
            if (++pending === count) all.open();
            await all.opened;
            await subscriptions[(i + 1) % count]!.stop({ drain });
          },
          { isolate: true },
        ),
      );
      for (let i = 0; i < 3; i++) bus.publish('/in', null);
      await Promise.all(subscriptions.map(({ ended }) => ended));
      assert.deepEqual(
        got,
        range(count).map(() => (drain ? 3 : 1)),
      );
    });
  }

  test('do not take one that asked for its end in an earlier event for one that waits', {
    timeout: 600_000,
  }, async () => {
    await using bus = createBus(PATIENT);
    const done = new Latch();
    const order: string[] = [];
    let calls = 0;
    const first = bus.subscribe(
      '/in',
      async ({ event }) => {
        if (calls++ === 0) void second.ended;
        else await done.opened;
        order.push(`first ${event}`);
      },
      { isolate: true },
    );
    const second = bus.subscribe(
      '/second',
      async () => {
        const ended = first.stop({ drain: true });
        setTimeout(() => done.open(), 20);
        await ended;
        order.push('second');
      },
      { isolate: true },
    );
    bus.publish('/in', 0);
    bus.publish('/in', 1);
    bus.publish('/second', null);
    await second.stop({ drain: true });
    assert.deepEqual(order, ['first 0', 'first 1', 'second']);
  });
});
