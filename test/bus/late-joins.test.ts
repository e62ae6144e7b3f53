/**
 * Subscriptions made while an event is on its way: in its getters, or in a listener while `publishSync` waits with it.
 * Each gets exactly what was accepted after `subscribe` returned.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus } from '../../src/index.js';
import {
  fillRing,
  idOf,
  inlineModule,
  LARGE_TEXT,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  until,
  workerModule,
} from '../support/bus-scene.js';
import { covering } from '../support/full.js';
import { SharedLog } from '../support/shared-log.js';

/** How somebody subscribes, and what he then got. */
type Subscribe = (bus: Bus) => { got(): Promise<number[]> };

const subscribers: Record<string, Subscribe> = {
  handler: (bus) => {
    const { ids } = record(bus, '/a');
    return { got: async () => ids };
  },
  'isolated handler': (bus) => {
    const { ids } = record(bus, '/a', { isolate: true });
    return { got: async () => ids };
  },
  'lossy handler': (bus) => {
    const { ids } = record(bus, '/a', { delivery: 'lossy' });
    return { got: async () => ids };
  },
  stream: (bus) => {
    const ids: number[] = [];
    const stream = bus.subscribe('/a');
    const reading = (async () => {
      for await (const envelope of stream) ids.push(idOf(envelope));
    })();
    return { got: () => reading.then(() => ids) };
  },
  module: (bus) => {
    const log = new SharedLog(1_000);
    bus.subscribe('/a', workerModule('recorder'), { data: log.buffer });
    return { got: async () => [...log.values] };
  },
};

/** An event whose getter acts, once. */
function acting(id: number, act: () => void, text = ''): object {
  let done = false;
  return {
    id,
    get text() {
      if (!done) {
        done = true;
        act();
      }
      return text;
    },
  };
}

const VERBS = ['publish', 'tryPublish', 'publishSync'] as const;

/** With anything queued, tryPublish encodes nothing; on this thread publishSync would wait for its own readers. */
const WAYS = [
  ...VERBS.map((verb) => ({ queue: 'empty', verb }) as const),
  { queue: 'full', verb: 'publish' } as const,
].flatMap((way) => [1, 2].flatMap((depth) => ['accepted', 'refused'].map((outcome) => ({ ...way, depth, outcome }))));
// Each module takes a thread: a short run tries each verb, depth and outcome with some.
const CASES = Object.keys(subscribers).flatMap((how) =>
  (how === 'module' ? covering(WAYS, 3) : WAYS).map((way) => ({ how, ...way })),
);

describe('a subscription made in a getter', { timeout: 600_000 }, () => {
  for (const { how, queue, verb, depth, outcome } of CASES) {
    const name = `${how}, ${depth} deep in ${verb} with the queue ${queue}, the event ${outcome}`;
    test(`gets exactly what is accepted afterwards: ${name}`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      const all = record(bus, '/a').ids;
      const before = queue === 'full' ? fillRing(bus, '/a', 1_000) : 0;
      let late: ReturnType<Subscribe> | undefined;
      const refuse = outcome === 'refused';
      const subscribing = acting(2, () => {
        bus.publish('/a', { id: 3 });
        late = subscribers[how]!(bus);
        bus.publish('/a', { id: 4 });
      });
      const outer = acting(0, () => {
        bus.publish('/a', { id: 1 });
        if (depth === 2) bus.publish('/a', subscribing);
        else (subscribing as { text: string }).text;
        bus.publish('/a', { id: 5 });
        if (refuse) throw new Error('mine');
      });
      if (refuse) thrownBy(() => bus[verb]('/a', outer));
      else bus[verb]('/a', outer);
      bus.publish('/a', { id: 6 });
      await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
      const accepted = [...(refuse ? [] : [0]), ...(depth === 2 ? [2] : []), 4, 5, 6];
      assert.deepEqual((await late!.got()).toSorted(), accepted);
      // And the others get all of it, the event before what its getters published.
      assert.equal(all.length, before + accepted.length + 2);
      if (!refuse) assert.equal(all[before], 0);
      assert.equal(bus.stats().rescued, 0);
    });
  }
});

describe('a subscription made in a getter of a bus that is given up', { timeout: 600_000 }, () => {
  /** Subscribes in a getter, with something published before and after; of four events two are its own. */
  const subscribeLate = (bus: Bus, subscribe: () => void): void => {
    const event = acting(0, () => {
      bus.publish('/a', { id: 1 });
      bus.publish('/a', { id: 2 });
      subscribe();
      bus.publish('/a', { id: 3 });
    });
    bus.publish('/a', event);
  };

  test('is owed what was accepted afterwards: in the ring', async () => {
    const bus = createBus();
    const keep = bus.subscribe('/a', () => {}, { delivery: 'lossy' });
    subscribeLate(bus, () => bus.subscribe('/a', inlineModule('await new Promise(() => {}); export default () => {}')));
    await keep.stop({ drain: true });
    assert.deepEqual(await bus.close({ drainTimeoutMs: 0 }), { undelivered: 2 });
  });

  test('is owed what was accepted afterwards: in the queue', async () => {
    const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const latch = new Latch();
    bus.subscribe('/a', () => latch.opened);
    const before = fillRing(bus, '/a');
    subscribeLate(bus, () => record(bus, '/a', { isolate: true }));
    assert.deepEqual(await bus.close({ drainTimeoutMs: 0 }), { undelivered: before + 4 + 2 });
    latch.open();
  });
});

describe('a getter', { timeout: 600_000 }, () => {
  test('that stops a subscription with drain lets it get what was accepted and being encoded by then, and no more, two deep', async () => {
    for (const refuse of [false, true]) {
      await using bus = createBus();
      const { ids, subscription } = record(bus, '/a');
      record(bus, '/a', { isolate: true });
      const inner = acting(2, () => {
        bus.publish('/a', { id: 3 });
        void subscription.stop({ drain: true });
        assert.equal(subscription.active, false);
        bus.publish('/a', { id: 4 });
      });
      const outer = acting(0, () => {
        bus.publish('/a', { id: 1 });
        bus.publish('/a', inner);
        bus.publish('/a', { id: 5 });
        if (refuse) throw new Error('mine');
      });
      if (refuse) thrownBy(() => bus.publish('/a', outer));
      else bus.publish('/a', outer);
      bus.publish('/a', { id: 9 });
      await bus.close();
      // Those that were being encoded stand before what was accepted by then, and come with it.
      assert.deepEqual(ids, refuse ? [1, 2, 3] : [0, 1, 2, 3]);
    }
  });

  test('on the way of an Any, or a clock, publishes behind the event as any other', async () => {
    let tick: (() => void) | undefined;
    await using bus = createBus({
      clock: () => {
        const act = tick;
        tick = undefined;
        act?.();
        return Date.now();
      },
    });
    const got: string[] = [];
    bus.subscribe('/*', ({ topic }) => void got.push(topic));
    let late: string[] | undefined;
    const act = (): void => {
      bus.publish('/nested', null);
      late = [];
      const ids = late;
      bus.subscribe('/*', ({ topic }) => void ids.push(topic), { isolate: true });
    };
    const any = {
      get typeUrl() {
        const once = tick;
        tick = undefined;
        once?.();
        return 'some.Type';
      },
      value: new Uint8Array(),
    };
    tick = act;
    bus.publish('/any', any);
    const first = late!;
    tick = act;
    bus.publish('/clock', null);
    await bus.close();
    assert.deepEqual(got, ['/any', '/nested', '/clock', '/nested']);
    assert.deepEqual(first, ['/any', '/clock', '/nested']);
    assert.deepEqual(late, ['/clock']);
  });
});

describe('a listener that is told of an eviction while publishSync waits', { timeout: 600_000 }, () => {
  /** A ring that a stuck thread holds, with something queued behind it. */
  async function stuck(bus: Bus): Promise<{ open(): void }> {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const module = inlineModule('export default (envelope, { data }) => { Atomics.wait(data, 0, 0); }');
    await bus.subscribe('/a', module, { data: gate }).ready;
    fillRing(bus, '/a', 1_000);
    return {
      open() {
        Atomics.store(gate, 0, 1);
        Atomics.notify(gate, 0);
      },
    };
  }

  test('may publish, publishSync and subscribe: everything goes in the order of acceptance', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 200 });
    const { ids } = record(bus, '/b');
    await until(() => bus.stats().subscriptions[0]!.asleep);
    const { open } = await stuck(bus);
    let late: number[] = [];
    bus.once('evicted', () => {
      late = record(bus, '/b', { isolate: true }).ids;
      bus.publish('/b', { id: 2 });
      bus.publishSync('/b', { id: 3 });
      bus.publish('/b', { id: 4 });
    });
    const event = acting(0, () => bus.publish('/b', { id: 1 }), LARGE_TEXT);
    bus.publishSync('/b', event, { timeoutMs: 30_000 });
    bus.publish('/b', { id: 5 });
    await until(() => ids.length === 6 && late.length === 5);
    assert.deepEqual(ids, range(6));
    assert.deepEqual(late, [0, 2, 3, 4, 5]);
    open();
  });
});
