/** Whoever sleeps through what it does not want has missed nothing, however long it sleeps and however often it is lapped. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Bus, createBus, type Envelope, type Subscription } from '../../src/index.js';
import {
  closeDelivered,
  idOf,
  inlineModule,
  LARGE_TEXT,
  range,
  SMALL_RING_BYTES,
  until,
} from '../support/bus-scene.js';
import { FULL } from '../support/full.js';

/** Longer than two safety checks, in which a reader looks for a wake-up that never came. */
const PAUSE_MS = 250;
const ROUNDS = 4;

type Subscribe = (bus: Bus, got: (id: number, lagged: number) => void) => Subscription;

const handle =
  (got: (id: number, lagged: number) => void) =>
  (envelope: Envelope): void =>
    got(idOf(envelope), envelope.lagged);

function inThread(loop: 'cooperative' | 'dedicated'): Subscribe {
  return (bus, got) => {
    const data = new Int32Array(new SharedArrayBuffer(400));
    const module = inlineModule(`
      export default ({ event, lagged }, { data }) => {
        const at = 1 + 2 * data[0];
        data.set([event.id, lagged], at);
        Atomics.add(data, 0, 1);
      };`);
    const subscription = bus.subscribe('/rare', module, { delivery: 'lossy', loop, data });
    void subscription.ended.then(() => {
      for (const i of range(data[0]!)) got(data[1 + 2 * i]!, data[2 + 2 * i]!);
    });
    return subscription;
  };
}

const FORMS: Readonly<Record<string, Subscribe>> = {
  handler: (bus, got) => bus.subscribe('/rare', handle(got), { delivery: 'lossy' }),
  'isolated handler': (bus, got) => bus.subscribe('/rare', handle(got), { delivery: 'lossy', isolate: true }),
  'handler with a condition': (bus, got) => bus.subscribe('topic=="/rare"', handle(got), { delivery: 'lossy' }),
  stream: (bus, got) => {
    const stream = bus.subscribe('/rare', { delivery: 'lossy' });
    void (async () => {
      for await (const envelope of stream) handle(got)(envelope);
    })();
    return stream;
  },
  thread: inThread('cooperative'),
  'dedicated thread': inThread('dedicated'),
};

describe('a lossy subscription to a rare topic', { timeout: 600_000 }, () => {
  for (const [form, subscribe] of Object.entries(FORMS)) {
    for (const flooded of ['read by others', 'read by nobody'] as const) {
      // A short run tries each kind of thread in one flood.
      if (!FULL && form === (flooded === 'read by others' ? 'thread' : 'dedicated thread')) continue;
      test(`(${form}) misses nothing in floods that are ${flooded}`, async () => {
        await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, keepUnwanted: true });
        const got: [id: number, lagged: number][] = [];
        const told: number[] = [];
        const subscription = subscribe(bus, (id, lagged) => got.push([id, lagged]));
        subscription.on('lagged', ({ count }) => told.push(count));
        if (flooded === 'read by others') bus.subscribe('/flood', () => {});
        await subscription.ready;
        for (const id of range(ROUNDS)) {
          // Not before it has the last one: a flood may take a wanted record from one that is awake.
          await until(() => subscription.stats().delivered === id && subscription.stats().asleep);
          // From a part of a lap to many, as large records and as small ones.
          for (const i of range(20 * 4 ** id)) {
            if (!bus.publish('/flood', i % 2 === 0 ? { i } : { i, text: LARGE_TEXT })) await bus.writable();
          }
          if (id % 2 === 0) await setTimeout(PAUSE_MS);
          bus.publish('/rare', { id });
        }
        await until(() => subscription.stats().delivered === ROUNDS);
        const { lagged, scanned } = subscription.stats();
        assert.deepEqual([told, lagged, scanned], [[], 0, bus.stats().written]);
        await closeDelivered(bus);
        await subscription.ended;
        assert.deepEqual(
          got,
          range(ROUNDS).map((id) => [id, 0]),
        );
      });
    }
  }

  test('that was lossless until it was evicted misses nothing that it sleeps through either', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: 100 });
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const told: number[] = [];
    const subscription = bus.subscribe('/rare', () => opened);
    subscription.on('lagged', ({ count }) => told.push(count));
    bus.subscribe('/flood', () => {}, { isolate: true });
    bus.publish('/rare', { id: 0 });
    const flood = async (): Promise<void> => {
      for (const i of range(40)) if (!bus.publish('/flood', { i, text: LARGE_TEXT })) await bus.writable();
    };
    await flood();
    assert.equal(bus.stats().evictions, 1);
    open();
    bus.publish('/rare', { id: 1 });
    await until(() => subscription.stats().delivered === 2 && subscription.stats().asleep);
    const { length } = told;
    await flood();
    await setTimeout(PAUSE_MS);
    bus.publish('/rare', { id: 2 });
    await until(() => subscription.stats().delivered === 3);
    assert.equal(told.length, length);
  });
});
