/** Modules with `views`: what a view says, and how long. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit } from '../../src/events.js';
import { type Bus, createBus, type HandlerError, type Subscription } from '../../src/index.js';
import { createTestBus } from '../../src/testing/index.js';
import { saidBy, type ViewerData } from '../fixtures/workers/viewer.js';
import { closeDelivered, until } from '../support/bus-scene.js';

const VIEWER = new URL('../fixtures/workers/viewer.js', import.meta.url);
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

interface Seen {
  readonly length: number;
  readonly found: unknown;
}

/** Subscribes the viewer, which reads nothing before all is published: so that is one batch. */
function subscribeViewer(bus: Bus, way: string, publish: (bus: Bus) => void): Subscription {
  const published = new Int32Array(new SharedArrayBuffer(4));
  const data: ViewerData = { way, published };
  const subscription = bus.subscribe(['/in/**'], VIEWER, { data });
  publish(bus);
  open(published, 0);
  return subscription;
}

/** Lets a thread go on that waits for this cell. */
function open(cells: Int32Array, index: number): void {
  Atomics.store(cells, index, 1);
  Atomics.notify(cells, index);
}

/** Publishes `events` events, and returns what the viewer found in the batches that came of them. */
async function see(
  way: string,
  events: number,
  publish: (bus: Bus) => void,
  before = (_: Bus): void => {},
): Promise<Seen[]> {
  await using bus = createBus({ namespace: 'n' });
  before(bus);
  const seen: Seen[] = [];
  bus.subscribe('/seen', ({ event }) => void seen.push(event as Seen));
  subscribeViewer(bus, way, publish);
  await until(() => seen.reduce((sum, { length }) => sum + length, 0) >= events);
  await closeDelivered(bus);
  return seen;
}

const five = (bus: Bus): void => {
  for (let id = 0; id < 5; id++) bus.publish('/in/five', { id });
};

describe('a view', { timeout: 600_000 }, () => {
  test('says of its event all that an envelope says', async () => {
    const expected: unknown[] = [];
    const seen = await see('says', 6, (bus) => {
      bus.subscribe('/in/**', (envelope) => void expected.push(saidBy(envelope)));
      bus.publish('/in/plain', { id: 1, text: 'hey', bytes: new Uint8Array([1, 2, 3]) });
      bus.publish('/in/typed', new TaskExit({ containerId: 'c1', exitStatus: 137 }), { namespace: 'other' });
      bus.publish('/in/traced', 2, { traceparent: TRACEPARENT, origin: 'elsewhere' });
      bus.publish('/in/plain', 3);
      bus.publish('/in/unknown', { typeUrl: 'acme.Unknown', value: Buffer.from([8, 1]) });
      bus.publish('/in/plain', { last: true });
    });
    assert.deepEqual(
      seen.flatMap(({ found }) => found),
      expected,
    );
    assert.equal(expected.length, 6);
  });

  test('throws whatever it is asked once the next one is taken, after the loop, and after a break', async () => {
    const [seen] = await see('keeps', 5, five);
    assert.deepEqual(seen, {
      length: 5,
      found: [
        'in turn: nothing',
        'over: BUS_VIEW_EXPIRED',
        'after the loop: BUS_VIEW_EXPIRED',
        'after a break: BUS_VIEW_EXPIRED',
        'Envelope (its turn is over)',
      ],
    });
  });

  test('is over when the handler has returned, and so are the views of its batch', async () => {
    // The second event has to find the first batch handled, to be in another.
    const seen = await see('outlives', 2, (bus) => {
      bus.publish('/in/a', 1);
      bus.subscribe('/seen', () => void bus.publish('/in/a', 2), { once: true });
    });
    assert.deepEqual(
      seen.map(({ found }) => found),
      [undefined, [['BUS_VIEW_EXPIRED'], 'BUS_VIEW_EXPIRED']],
    );
  });

  test('is not cloned as an empty object', async () => {
    const [seen] = await see('clones', 1, (bus) => bus.publish('/in/a', 1));
    assert.deepEqual(seen?.found, ['DataCloneError']);
  });

  test('gives no bytes away that other events lie in, too', async () => {
    const publish = (bus: Bus): void => void bus.publish('/in/a', 1);
    const [seen] = await see('transfers', 1, publish, (bus) => {
      // Twice: so the topic has an id, and not even the first event of the module takes an envelope.
      bus.subscribe('/in/a', () => {});
      publish(bus);
      publish(bus);
    });
    assert.deepEqual(seen?.found, [1]);
  });

  test('detaches as an envelope that is good for ever', async () => {
    const [seen] = await see('detaches', 5, five);
    assert.deepEqual(seen?.found, [0, 1, 2, 3, 4]);
  });

  test('is over when a second loop takes its first', async () => {
    const [seen] = await see('loops', 2, (bus) => {
      bus.publish('/in/a', 1);
      bus.publish('/in/b', 2);
    });
    // The second loop of each turn begins at the start, and the first goes on where it was.
    assert.deepEqual(
      seen?.found,
      [0, 1].flatMap((outer) => [0, 1].map((inner) => `${outer} ${inner} BUS_VIEW_EXPIRED`)),
    );
  });

  test('counts for as long as its turn lasts, whatever is awaited in it', async () => {
    const seen = await see('awaits', 5, five);
    assert.deepEqual(
      seen.flatMap(({ found }) => found),
      [0, 1, 2, 3, 4],
    );
  });
});

describe('a module with views', { timeout: 600_000 }, () => {
  test('that throws has failed with its batch, of which the report names the first event', async () => {
    await using bus = createBus();
    const subscription = subscribeViewer(bus, 'throws', five);
    const failures: HandlerError[] = [];
    subscription.on('error', (error) => failures.push(error as HandlerError));
    await closeDelivered(bus);
    const { failed, delivered, restarts } = subscription.stats();
    assert.deepEqual({ failed, delivered, restarts }, { failed: 5, delivered: 0, restarts: 0 });
    assert.deepEqual([failures[0]!.topic, failures[0]!.sequence], ['/in/five', 0]);
    assert.match((failures[0]!.cause as Error).message, /told/);
  });

  test('is given those events alone that its filter selects by their fields', async () => {
    await using bus = createBus();
    const seen: number[] = [];
    const text = `export default { views: true, handleBatch(views, { bus }) {
      for (const { event } of views) bus.publish('/seen', event.pid);
    } }`;
    bus.subscribe('/seen', ({ event }) => void seen.push(event as number));
    const module = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
    const subscription = bus.subscribe('topic=="/tasks/exit",event.exit_status!="0"', module);
    await subscription.ready;
    for (let pid = 0; pid < 6; pid++) bus.publish('/tasks/exit', new TaskExit({ pid, exitStatus: pid % 2 }));
    await until(() => seen.length >= 3);
    await closeDelivered(bus);
    assert.deepEqual(seen, [1, 3, 5]);
  });

  test('gets again what it had in hand when its thread died, marked as redelivered', async () => {
    await using bus = createBus();
    const seen: unknown[] = [];
    const text = `export default { views: true,
      setup({ data }) { Atomics.wait(data, 1, 0); },
      handleBatch(views, { bus, data }) {
        for (const { sequence, redelivered } of views) {
          if (sequence === 2 && Atomics.exchange(data, 0, 1) === 0) process.exit();
          bus.publish('/seen', [sequence, redelivered]);
        }
      } }`;
    bus.subscribe('/seen', ({ event }) => void seen.push(event));
    const data = new Int32Array(new SharedArrayBuffer(8));
    const module = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
    const subscription = bus.subscribe('/in/**', module, { data });
    five(bus);
    // All of them are in hand when it dies.
    open(data, 1);
    await until(() => (seen.at(-1) as number[] | undefined)?.[0] === 4);
    await closeDelivered(bus);
    assert.deepEqual(seen.slice(-3), [
      [2, true],
      [3, true],
      [4, true],
    ]);
    assert.equal(subscription.stats().restarts, 1);
  });

  test('is told what a lossy subscription missed', async () => {
    await using bus = createBus({ capacityBytes: 64 * 1024 });
    const data = new Int32Array(new SharedArrayBuffer(12));
    // It waits in its first batch until all is published.
    const text = `let waited = false;
      export default { views: true, handleBatch(views, { data }) {
        Atomics.store(data, 0, 1);
        if (!waited) Atomics.wait(data, 0, 1);
        waited = true;
        for (const { lagged } of views) { Atomics.add(data, 1, 1); Atomics.add(data, 2, lagged); }
      } }`;
    const module = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
    const subscription = bus.subscribe('/in', module, { data, delivery: 'lossy' });
    await subscription.ready;
    bus.publish('/in', 0);
    await until(() => Atomics.load(data, 0) === 1);
    for (let i = 1; i < 5000; i++) bus.publish('/in', { i, text: 'x'.repeat(100) });
    Atomics.store(data, 0, 2);
    Atomics.notify(data, 0);
    await closeDelivered(bus);
    assert.equal(data[1]! + data[2]!, 5000);
    assert.ok(data[2]! > 0);
    assert.equal(subscription.stats().lagged, data[2]);
  });

  for (const [name, module, message] of [
    ['views that are neither true nor false', { views: 'yes', handleBatch() {} }, /views .* must be true or false/],
    ['views and handle', { views: true, handle() {} }, /views need handleBatch/],
  ] as const) {
    test(`with ${name} is refused`, async () => {
      const bus = createTestBus();
      await assert.rejects(bus.subscribeInThread('/x', module as never), (error: Error & { code: string }) => {
        assert.equal(error.code, 'BUS_MODULE_SHAPE');
        return message.test(error.message);
      });
      await bus.close();
    });
  }

  test('is given views on the calling thread, too', async () => {
    const bus = createTestBus();
    const seen: unknown[] = [];
    await bus.subscribeInThread('/in', {
      views: true,
      handleBatch: (views) => {
        for (const view of views) seen.push(view.event, view);
      },
    });
    bus.publish('/in', 1);
    await bus.settled();
    await bus.close();
    assert.equal(seen[0], 1);
    assert.throws(() => (seen[1] as { topic: string }).topic, { code: 'BUS_VIEW_EXPIRED' });
  });
});
