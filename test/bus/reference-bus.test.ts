import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Bus, createBus, type Subscription } from '../../src/index.js';
import { idOf, SMALL_RING_BYTES, turn } from '../support/bus-scene.js';
import { size } from '../support/full.js';

const TOPICS = ['/a', '/b', '/a/c', '/b/c/d'];
/** Filters, and which of the topics above each of them selects, written down and not computed. */
const FILTERS: readonly [filter: string, topics: readonly number[]][] = [
  ['/a', [0]],
  ['/*', [0, 1]],
  ['/**', [0, 1, 2, 3]],
  ['/a/**', [0, 2]],
  ['/{a,b}/c', [2]],
  ['/b/**', [1, 3]],
];

type Form = 'handler' | 'slow handler' | 'isolated handler' | 'stream';

type Operation =
  | { readonly do: 'publish' | 'tryPublish' | 'nested'; readonly topic: number; readonly length: number }
  | { readonly do: 'subscribe'; readonly filter: number; readonly form: Form }
  | { readonly do: 'stop' | 'drain'; readonly which: number }
  | { readonly do: 'turn' | 'flush' | 'writable' };

const topic = fc.nat(TOPICS.length - 1);
const length = fc.oneof(fc.nat(50), fc.nat(7_900));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('publish' as const), topic, length }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tryPublish' as const), topic, length }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nested' as const), topic, length }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      filter: fc.nat(FILTERS.length - 1),
      form: fc.constantFrom<Form>('handler', 'slow handler', 'isolated handler', 'stream'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'drain' as const), which: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'flush' as const, 'writable' as const) }) },
);

/** What the reference knows of a subscription: what it has to get, and whether that is all or as far as it came. */
interface Expected {
  readonly topics: readonly number[];
  readonly owed: number[];
  readonly got: number[];
  readonly subscription: Subscription;
  readonly over: Promise<unknown>;
  state: 'active' | 'draining' | 'stopped';
}

function subscribe(bus: Bus, filter: number, form: Form): Expected {
  const [glob, topics] = FILTERS[filter]!;
  const got: number[] = [];
  if (form === 'stream') {
    const stream = bus.subscribe(glob);
    const over = (async () => {
      for await (const envelope of stream) got.push(idOf(envelope));
    })();
    return { topics, owed: [], got, subscription: stream, over, state: 'active' };
  }
  const slow = form === 'slow handler';
  const subscription = bus.subscribe(
    glob,
    async (envelope) => {
      got.push(idOf(envelope));
      if (slow && idOf(envelope) % 3 === 0) await turn();
    },
    { isolate: form === 'isolated handler' },
  );
  return { topics, owed: [], got, subscription, over: subscription.ended, state: 'active' };
}

/** Runs the operations on a bus and on the reference, which is nothing but lists, and compares what came. */
async function run(operations: readonly Operation[]): Promise<void> {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES });
  const all: Expected[] = [];
  let nextId = 0;
  let accepted = 0;
  let refused = 0;
  const accept = (to: number, id: number): void => {
    accepted++;
    for (const one of all) if (one.state === 'active' && one.topics.includes(to)) one.owed.push(id);
  };
  for (const op of operations) {
    switch (op.do) {
      case 'publish': {
        const id = nextId++;
        bus.publish(TOPICS[op.topic]!, { id, text: 'x'.repeat(op.length) });
        accept(op.topic, id);
        break;
      }
      case 'tryPublish': {
        const id = nextId++;
        if (bus.tryPublish(TOPICS[op.topic]!, { id, text: 'x'.repeat(op.length) })) accept(op.topic, id);
        else refused++;
        break;
      }
      case 'nested': {
        const outer = nextId++;
        let inner: number | undefined;
        bus.publish(TOPICS[op.topic]!, {
          id: outer,
          text: 'x'.repeat(op.length),
          get again() {
            if (inner === undefined) {
              inner = nextId++;
              bus.publish('/b', { id: inner });
            }
            return null;
          },
        });
        accept(op.topic, outer);
        if (inner !== undefined) accept(1, inner);
        break;
      }
      case 'subscribe':
        if (all.length < 10) all.push(subscribe(bus, op.filter, op.form));
        break;
      case 'stop':
      case 'drain': {
        const one = all[op.which];
        if (one === undefined || one.state === 'stopped') break;
        void one.subscription.stop({ drain: op.do === 'drain' });
        one.state = op.do === 'drain' ? 'draining' : 'stopped';
        break;
      }
      case 'turn':
        await turn();
        break;
      case 'flush':
        bus.flush();
        break;
      case 'writable':
        await bus.writable();
        break;
    }
  }
  assert.deepEqual(await bus.close(), { undelivered: 0 });
  await Promise.all(all.map(({ over }) => over));
  for (const { state, owed, got } of all) {
    // What was stopped got a first part of what it was owed.
    assert.deepEqual(got, state === 'stopped' ? owed.slice(0, got.length) : owed);
  }
  const stats = bus.stats();
  assert.deepEqual(
    [stats.published, stats.refused, stats.written + stats.unwanted, stats.rescued, stats.ring.usedBytes],
    [accepted, refused, accepted, 0, 0],
  );
}

describe('a bus', { timeout: 600_000 }, () => {
  test('does what a list per subscription would do, whatever is done to it', async () => {
    // A failure prints the seed and the path that repeat it.
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 120 }), run), {
      numRuns: size(100, 400),
      interruptAfterTimeLimit: 20_000,
    });
  });

  test('does so for long runs as well', async () => {
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 1_000, maxLength: 1_500 }), run), {
      numRuns: size(5, 15),
      interruptAfterTimeLimit: 20_000,
    });
  });
});
