/** The turns of the event loop: whatever the handlers, everything else of the thread has its turn between them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bus, createBus } from '../../src/index.js';
import { closeDelivered } from '../support/bus-scene.js';
import { size } from '../support/full.js';

const EVENTS = 60;
/** Longer than half a turn: at most two events fit into one. */
const WORK_MS = 2.5;

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread, without taking a core. */
function work(): void {
  Atomics.wait(NEVER, 0, 0, WORK_MS);
}

/** Most calls of handlers between two turns of the loop, while `subscribe`'s handlers work off what is published. */
async function mostCallsPerTurn(bus: Bus, subscribe: (work: () => void) => void): Promise<number> {
  let calls = 0;
  let most = 0;
  let over = false;
  const look = (): void => {
    most = Math.max(most, calls);
    calls = 0;
    if (!over) setImmediate(look);
  };
  subscribe(() => {
    calls++;
    work();
  });
  for (let i = 0; i < EVENTS; i++) bus.publish('/a', i);
  setImmediate(look);
  await closeDelivered(bus);
  over = true;
  return Math.max(most, calls);
}

const READERS = size(10, 30);
/** A handful, and not the 60 of a batch: the first few are slow all of a sudden. */
const FEW = 12;

describe('between the calls of handlers the loop turns', { timeout: 600_000 }, () => {
  const kinds: Readonly<Record<string, (bus: Bus, act: () => void) => void>> = {
    'that return nothing': (bus, act) => void bus.subscribe('/a', act),
    'that are async': (bus, act) => void bus.subscribe('/a', async () => act()),
    'that return a promise at times': (bus, act) => {
      let n = 0;
      const handler = (): Promise<void> | undefined => {
        act();
        return n++ % 20 === 0 ? Promise.resolve() : undefined;
      };
      bus.subscribe('/a', handler as () => void);
    },
    'that return thenables': (bus, act) => {
      const handler = (): unknown => {
        act();
        // biome-ignore lint/suspicious/noThenProperty: that is what is tried
        return { then: (resolve: () => void) => resolve() };
      };
      bus.subscribe('/a', handler as () => void);
    },
    'of an iterator': (bus, act) => {
      void (async () => {
        for await (const _ of bus.subscribe('/a')) act();
      })();
    },
  };
  for (const [kind, subscribe] of Object.entries(kinds)) {
    test(kind, async () => {
      await using bus = createBus();
      const most = await mostCallsPerTurn(bus, (act) => subscribe(bus, act));
      assert.ok(most <= FEW, `${most} calls without a turn of the loop`);
    });
  }

  test('that are isolated, however many', async () => {
    for (const isAsync of [false, true]) {
      await using bus = createBus();
      const counts = new Array<number>(READERS).fill(0);
      let least = 0;
      const most = await mostCallsPerTurn(bus, (act) => {
        for (const i of counts.keys()) {
          const handler = (): void => {
            // Nobody is far ahead of the others.
            least = Math.max(least, counts[i]! - Math.min(...counts));
            counts[i]!++;
            act();
          };
          bus.subscribe('/a', isAsync ? async () => handler() : handler, { isolate: true });
        }
      });
      assert.ok(most <= FEW, `${most} calls without a turn of the loop`);
      assert.deepEqual(counts, new Array(READERS).fill(EVENTS));
      assert.ok(least <= FEW, `one reader was ${least} events ahead of another`);
    }
  });
});

/** Shorter than all the events of the test below take. */
const HANG_TIMEOUT_MS = 2_000;

test('a thread whose async handler takes its time is not taken for hung', { timeout: 600_000 }, async () => {
  for (const kind of ['async handle', 'async handleBatch', 'handle']) {
    await using bus = createBus();
    // One clock for all threads.
    const text = `export default { ${kind}(given, { data: { cells, at } }) {
      at[0] = Number(process.hrtime.bigint() / 1_000_000n);
      Atomics.wait(cells, 1, 0, 20);
      Atomics.add(cells, 0, Array.isArray(given) ? given.length : 1);
    } }`;
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const at = new Float64Array(new SharedArrayBuffer(8));
    const subscription = bus.subscribe('/a', new URL(`data:text/javascript,${encodeURIComponent(text)}`), {
      data: { cells, at },
      hangTimeoutMs: HANG_TIMEOUT_MS,
    });
    const stillMs: number[] = [];
    subscription.on('restart', () => stillMs.push(Number(process.hrtime.bigint() / 1_000_000n) - at[0]!));
    await subscription.ready;
    for (let i = 0; i < 250; i++) bus.publish('/a', i);
    await closeDelivered(bus);
    // A thread that gets no core for so long is taken for hung, and stands still then. One that goes on is not.
    assert.deepEqual(
      stillMs.filter((ms) => ms < HANG_TIMEOUT_MS / 2),
      [],
    );
    const { restarts, delivered } = subscription.stats();
    assert.equal(delivered, 250);
    if (restarts === 0) assert.equal(cells[0], 250);
  }
});
