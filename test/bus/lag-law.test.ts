/** The law of `src/worker/dispatch/lag.ts`: whatever tells a subscription what it missed says the same, whoever shares its reader. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Bus, createBus, type Envelope, type From, type LagRange, type Subscription } from '../../src/index.js';
import { inlineModule, LARGE_TEXT, range, SMALL_RING_BYTES, thrownBy, turn, until } from '../support/bus-scene.js';
import { size } from '../support/full.js';

const FILTERS = ['/**', '/a', '/b'] as const;

type Form = 'handler' | 'slow handler' | 'isolated handler' | 'stream';

interface Subscribing {
  readonly do: 'subscribe';
  readonly filter: (typeof FILTERS)[number];
  readonly form: Form;
  readonly from: From;
}

type Operation =
  | { readonly do: 'publish'; readonly topic: '/a' | '/b'; readonly length: number; readonly times: number }
  | Subscribing
  /** An event whose getter publishes some, subscribes, and publishes some more; twice as often one deeper. */
  | {
      readonly do: 'getter';
      readonly made: Subscribing;
      readonly before: number;
      readonly after: number;
      readonly length: number;
      readonly deeper: boolean;
      readonly refused: boolean;
    }
  | { readonly do: 'stop' | 'drain'; readonly which: number }
  | { readonly do: 'turn' };

const publish = fc.record({
  do: fc.constant('publish' as const),
  topic: fc.constantFrom('/a' as const, '/b' as const),
  length: fc.oneof(fc.nat(50), fc.integer({ min: 3_000, max: 7_900 })),
  times: fc.integer({ min: 1, max: 30 }),
});
const subscribing = fc.record({
  do: fc.constant('subscribe' as const),
  filter: fc.constantFrom(...FILTERS),
  form: fc.constantFrom<Form>('handler', 'handler', 'slow handler', 'isolated handler', 'stream'),
  from: fc.oneof(
    { weight: 4, arbitrary: fc.constant<From>('now') },
    { weight: 1, arbitrary: fc.constant<From>('oldest') },
    { weight: 2, arbitrary: fc.nat(9).map((last): From => ({ last })) },
    { weight: 1, arbitrary: fc.nat(200).map((sequence): From => ({ sequence })) },
  ),
});
const inGetter = fc.record({
  do: fc.constant('getter' as const),
  made: subscribing.map((made) => ({ ...made, from: 'now' as const })),
  before: fc.nat(20),
  after: fc.nat(20),
  length: fc.oneof(fc.nat(50), fc.integer({ min: 3_000, max: 7_900 })),
  deeper: fc.boolean(),
  refused: fc.boolean(),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: publish },
  { weight: 4, arbitrary: subscribing },
  { weight: 2, arbitrary: inGetter },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'drain' as const), which: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.constant<Operation>({ do: 'turn' }) },
);

/** What one subscription got and was told, checked against each other at each step. */
class Account {
  readonly subscription: Subscription;
  readonly topic: string;
  /** The first sequence that it may count, and whether it is exactly that; else the ring may have lost what lies there. */
  readonly joined: number;
  readonly exact: boolean;
  /** Accepted before it was made, though written behind the event in whose getter it was. */
  readonly earlier = new Set<number>();
  readonly got: number[] = [];
  readonly missed: number[] = [];
  ended = Number.POSITIVE_INFINITY;
  readonly #wrong: LagRange[] = [];
  #told = 0;
  #toldSince = 0;

  constructor(bus: Bus, { filter, form, from }: Subscribing, topics: readonly string[]) {
    this.topic = filter;
    this.joined = startOf(from, (topic) => filter === '/**' || topic === filter, topics);
    this.exact = from === 'now' || (typeof from === 'object' && 'sequence' in from);
    const options = { delivery: 'lossy', from } as const;
    if (form === 'stream') {
      const stream = bus.subscribe(filter, options);
      this.subscription = stream;
      void (async () => {
        for await (const envelope of stream) this.#take(envelope);
      })();
    } else {
      const slow = form === 'slow handler';
      const handle = async (envelope: Envelope): Promise<void> => {
        this.#take(envelope);
        if (slow) await turn();
      };
      this.subscription = bus.subscribe(filter, handle, { ...options, isolate: form === 'isolated handler' });
    }
    this.subscription.on('lagged', ({ first, count, until = first + count }) => {
      this.#told += count;
      this.#toldSince += count;
      const missed = range(until - first).map((i) => first + i);
      this.missed.push(...missed.filter((sequence) => !this.earlier.has(sequence)));
      // Nothing that a listener throws fails the test: checked in the end.
      const isOwn = !this.earlier.has(first) && !this.earlier.has(until - 1);
      if (!isOwn || this.missed.length !== this.#told || this.subscription.stats().lagged !== this.#told)
        this.#wrong.push({ first, count, until });
    });
  }

  #take({ sequence, lagged }: Envelope): void {
    // The consumer of a stream comes to its event later than a gap behind that event may be told of.
    assert.equal(lagged, this.#toldSince, `event ${sequence}`);
    assert.equal(this.subscription.stats().lagged, this.#told);
    this.#toldSince = 0;
    this.got.push(sequence);
  }

  /** @param topics of all records, by their sequence */
  check(topics: readonly string[], drained: boolean): void {
    assert.deepEqual(this.#wrong, [], 'each range begins and ends with what was missed, and is counted');
    const { scanned, lagged, delivered } = this.subscription.stats();
    assert.equal(lagged, this.missed.length);
    assert.ok(delivered <= this.got.length);
    const all = [...this.got, ...this.missed];
    assert.equal(new Set(all).size, all.length, 'nothing twice, nothing both got and missed');
    const isOwn = (sequence: number): boolean =>
      sequence >= this.joined && sequence < this.ended && !this.earlier.has(sequence);
    for (const sequence of all) assert.ok(isOwn(sequence), `${sequence} is its own`);
    if (!drained) return;
    const sequences = range(this.ended);
    if (this.exact) assert.equal(scanned + lagged, sequences.filter(isOwn).length);
    const told = new Set(all);
    const first = this.exact ? this.joined : Math.min(...all, this.ended);
    for (let sequence = first; sequence < this.ended; sequence++) {
      const wanted = this.topic === '/**' || topics[sequence] === this.topic;
      assert.ok(!wanted || !isOwn(sequence) || told.has(sequence), `record ${sequence} was got or told of`);
    }
  }
}

function startOf(from: From, wants: (topic: string) => boolean, topics: readonly string[]): number {
  if (from === 'now') return topics.length;
  if (from === 'oldest') return 0;
  if ('sequence' in from) return from.sequence;
  if (from.last === 0) return topics.length;
  return [...topics.keys()].filter((sequence) => wants(topics[sequence]!)).at(-from.last) ?? 0;
}

/** Publishes events while another is being encoded, or two are, and subscribes in the middle. */
function subscribeInGetter(bus: Bus, op: Operation & { do: 'getter' }, topics: string[]): Account {
  const { made, before, after, length, deeper, refused } = op;
  const text = 'x'.repeat(length);
  const begin = topics.length;
  const publishSome = (count: number): void => {
    for (const _ of range(count)) bus.publish('/b', { text });
  };
  let account!: Account;
  const events = [
    acting(() => {
      publishSome(before);
      account = new Account(bus, made, topics);
      publishSome(after);
      if (refused) throw new Error('refused');
    }),
  ];
  if (deeper)
    events.unshift(
      acting(() => {
        publishSome(before);
        if (refused) thrownBy(() => bus.publish('/a', events[1]));
        else bus.publish('/a', events[1]);
        publishSome(after);
      }),
    );
  if (refused && !deeper) thrownBy(() => bus.publish('/a', events[0]));
  else bus.publish('/a', events[0]);
  const add = (topic: string, count: number, isEarlier = false): void => {
    if (isEarlier) for (const i of range(count)) account.earlier.add(topics.length + i);
    topics.push(...range(count).map(() => topic));
  };
  if (deeper) {
    add('/a', 1);
    add('/b', before, true);
  }
  if (!refused) add('/a', 1);
  add('/b', before, true);
  add('/b', after);
  if (deeper) add('/b', after);
  assert.equal(bus.stats().written, topics.length);
  assert.equal(account.joined, begin);
  return account;
}

/** An event whose getter acts, once. */
function acting(act: () => void): object {
  let done = false;
  return {
    get text() {
      if (!done) {
        done = true;
        act();
      }
      return '';
    },
  };
}

async function run(operations: readonly Operation[]): Promise<number> {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, keepUnwanted: true });
  const topics: string[] = [];
  const all: Account[] = [];
  const stopped = new Set<Account>();
  const wrong: Error[] = [];
  bus.on('error', (error) => wrong.push(error));
  for (const op of operations) {
    if (op.do === 'turn') await turn();
    else if (op.do === 'publish') {
      for (const _ of range(op.times)) {
        assert.equal(bus.publish(op.topic, { text: 'x'.repeat(op.length) }), true);
        topics.push(op.topic);
      }
    } else if (op.do === 'subscribe') {
      if (all.length < 10) all.push(new Account(bus, op, topics));
    } else if (op.do === 'getter') {
      if (all.length < 10) all.push(subscribeInGetter(bus, op, topics));
    } else {
      const one = all[op.which];
      if (one === undefined || one.ended < Number.POSITIVE_INFINITY) continue;
      one.ended = bus.stats().written;
      if (op.do === 'stop') stopped.add(one);
      void one.subscription.stop({ drain: op.do === 'drain' });
    }
  }
  for (const one of all) one.ended = Math.min(one.ended, topics.length);
  assert.deepEqual(await bus.close(), { undelivered: 0 });
  assert.deepEqual(wrong, []);
  for (const one of all) one.check(topics, !stopped.has(one));
  return all.reduce((sum, { missed }) => sum + missed.length, 0);
}

describe('each lossy subscription', { timeout: 600_000 }, () => {
  test('is told the same by its event, its envelopes and its counts, and exactly what it missed', async (t) => {
    let missed = 0;
    const property = fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 100 }), async (operations) => {
      missed += await run(operations);
    });
    await fc.assert(property, { numRuns: size(150, 500) });
    assert.ok(missed > size(300, 1_000), `${missed} records were missed`);
    t.diagnostic(`${missed} records were missed`);
  });

  test('in a thread that was begun in a getter counts nothing that was accepted before it, in its second life either', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const keep = bus.subscribe('/b', () => {}, { delivery: 'lossy' });
    // Whether it may begin, how much it has logged, and the log: id, lagged.
    const data = new Int32Array(new SharedArrayBuffer(4 * 1_000));
    const module = inlineModule(`
      export default {
        setup({ data }) { Atomics.wait(data, 0, 0); },
        handle({ event, lagged }, { data }) {
          const at = 2 + 2 * Atomics.add(data, 1, 1);
          data.set([event.id, lagged], at);
          if (at === 2) process.exit(7);
        },
      };`);
    let subscription!: Subscription;
    const told: LagRange[] = [];
    const inner = acting(() => {
      for (const id of range(3)) bus.publish('/b', { id, text: LARGE_TEXT });
      subscription = bus.subscribe('/*', module, { delivery: 'lossy', data, restart: { backoffMs: 0 } });
      subscription.on('lagged', (range) => told.push(range));
    });
    const outer = acting(() => {
      for (const id of range(2)) bus.publish('/b', { id, text: LARGE_TEXT });
      bus.publish('/b', inner);
    });
    // Sequences: 0 the outer event, 1 and 2 earlier, 3 the inner event, 4 to 6 earlier, the rest later.
    bus.publish('/b', outer);
    for (const id of range(40)) bus.publish('/b', { id: 7 + id, text: LARGE_TEXT });
    Atomics.store(data, 0, 1);
    Atomics.notify(data, 0);
    await subscription.ready;
    await subscription.stop({ drain: true });
    const { lagged, scanned, restarts } = subscription.stats();
    assert.equal(restarts, 1);
    assert.equal(scanned + lagged, 47 - 5);
    const [first] = range(data[1]!).map((i) => [...data.subarray(2 + 2 * i, 4 + 2 * i)]);
    assert.deepEqual(told, [{ first: 0, count: lagged, until: first![0] }]);
    assert.deepEqual(first, [lagged + 5, lagged]);
    await keep.stop();
  });

  for (const loop of ['cooperative', 'dedicated'] as const) {
    test(`in a ${loop} thread that dies of the event that tells of a gap is told of it again, and counts it once`, async () => {
      await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
      // Whether it may go on, how often it has died, how much it has logged, and the log: id, lagged, redelivered.
      const data = new Int32Array(new SharedArrayBuffer(4 * 1_000));
      const module = inlineModule(`
        export default ({ event, lagged, redelivered }, { data }) => {
          const at = 3 + 3 * Atomics.add(data, 2, 1);
          data.set([event.id, lagged, Number(redelivered)], at);
          Atomics.wait(data, 0, 0);
          if (lagged > 0 && Atomics.add(data, 1, 1) < 2) process.exit(7);
        };`);
      const options = { delivery: 'lossy', loop, data, restart: { backoffMs: 0 } } as const;
      const subscription = bus.subscribe('/a', module, options);
      const told: number[] = [];
      subscription.on('lagged', ({ count }) => told.push(count));
      await subscription.ready;
      bus.publish('/a', { id: 0 });
      await until(() => Atomics.load(data, 2) === 1);
      for (const id of range(40)) bus.publish('/a', { id: 1 + id, text: LARGE_TEXT });
      Atomics.store(data, 0, 1);
      Atomics.notify(data, 0);
      await subscription.stop({ drain: true });
      const log = range(data[2]!).map((i) => [...data.subarray(3 + 3 * i, 6 + 3 * i)]);
      const { lagged, scanned, restarts } = subscription.stats();
      const firsts = log.filter(([, missed]) => missed! > 0);
      assert.deepEqual([restarts, told.length, scanned + lagged], [2, 1, 41]);
      assert.deepEqual(
        firsts.map(([id]) => id),
        Array(3).fill(told[0]! + 1),
      );
      assert.deepEqual(
        firsts.map(([, missed]) => missed),
        Array(3).fill(lagged),
      );
      assert.deepEqual(
        firsts.map(([, , again]) => again),
        [0, 1, 1],
      );
      assert.equal(lagged, told[0]);
    });
  }
});
