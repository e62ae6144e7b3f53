/** A bus that closes before it has heard of a thread: what that thread has accepted counts as what others have. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { type Bus, createBus } from '../../src/index.js';
import { fillRing, inlineModule, range, SMALL_RING_BYTES, turn, until, workerModule } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';
import { SharedLog } from '../support/shared-log.js';

/** Connects and publishes events 1 to 3 while this thread is blocked: when this returns, the bus has not heard of it. */
async function publishUnheard(bus: Bus, before = ''): Promise<ScriptedThread> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const thread = new ScriptedThread(
    `
    say('loaded');
    Atomics.wait(data.gate, 0, 0);
    const bus = ringcast.connectBus(data.bus);
    const got = [];
    ${before}
    for (let id = 1; id <= 3; id++) bus.publish('/x', { id });
    Atomics.store(data.gate, 0, 2);
    Atomics.notify(data.gate, 0);
    say(await bus.close());
    say(got);
  `,
    { bus: bus.handle, gate },
  );
  assert.equal(await thread.said(), 'loaded');
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  while (Atomics.load(gate, 0) === 1) Atomics.wait(gate, 0, 1);
  assert.equal(bus.stats().connections.length, 0);
  return thread;
}

const idOf = ({ event }: { readonly event: unknown }): number => (event as { readonly id: number }).id;

describe('what a thread had accepted when the bus was closed, before they met,', () => {
  test('is delivered to every subscription', async () => {
    const bus = createBus();
    const log = new SharedLog(100);
    const module = bus.subscribe('/**', workerModule('recorder'), { data: log.buffer });
    await module.ready;
    const shared: number[] = [];
    const isolated: number[] = [];
    bus.subscribe('/**', (envelope) => void shared.push(idOf(envelope)));
    bus.subscribe('/x', (envelope) => void isolated.push(idOf(envelope)), { isolate: true });
    const thread = await publishUnheard(bus);
    assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
    assert.deepEqual([shared, isolated, log.values], Array(3).fill([1, 2, 3]));
    assert.deepEqual(await thread.said(), { undelivered: 0 });
    assert.equal(module.stats().lagged, 0);
  });

  test('is delivered to what that thread had subscribed', async () => {
    const bus = createBus();
    const thread = await publishUnheard(bus, `bus.subscribe('/x', ({ event }) => void got.push(event.id));`);
    assert.deepEqual(await bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY }), { undelivered: 0 });
    assert.deepEqual(await thread.said(), { undelivered: 0 });
    assert.deepEqual(await thread.said(), [1, 2, 3]);
  });

  test('is counted where there is no time to deliver it', async () => {
    const bus = createBus();
    bus.subscribe('/x', () => assert.fail('nothing is delivered'));
    const thread = await publishUnheard(bus);
    bus.destroy();
    assert.deepEqual(await bus.close(), { undelivered: 3 });
    assert.deepEqual(await thread.said(), { undelivered: 3 });
  });
});

test('a thread that the bus meets while it closes publishes nothing', async () => {
  const bus = createBus({ capacityBytes: SMALL_RING_BYTES, stallTimeoutMs: Number.POSITIVE_INFINITY });
  const got: number[] = [];
  const gate = new Int32Array(new SharedArrayBuffer(4));
  // Holds the ring: nothing is taken over of uplinks, and none is sealed.
  bus.subscribe('/**', inlineModule('export default (_, { data }) => void Atomics.wait(data, 0, 0);'), { data: gate });
  bus.subscribe('/**', (envelope) => void got.push(idOf(envelope)));
  const met = new Int32Array(new SharedArrayBuffer(4));
  const filled = fillRing(bus, '/x');
  const thread = new ScriptedThread(
    `
    import { once } from 'node:events';
    import { setImmediate as turn } from 'node:timers/promises';
    await once(parentPort, 'message');
    const bus = ringcast.connectBus(data.bus);
    Atomics.wait(data.met, 0, 0);
    // Until the timer that looks for the owner is due: that one, and no message event, hears what the owner has said.
    Atomics.wait(data.never, 0, 0, 300);
    await turn();
    await turn();
    try {
      bus.publish('/x', { id: 1 });
    } catch ({ code }) {
      say(code);
    }
    say('went on');
    bus.destroy();
  `,
    { bus: bus.handle, met, never: new Int32Array(new SharedArrayBuffer(4)) },
  );
  const closed = bus.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
  thread.worker.postMessage('connect');
  // Met by its greeting; its port, on which it is told what is wanted, comes soon.
  await until(() => bus.stats().connections[0]?.threadId === thread.worker.threadId);
  for (let turns = 0; turns < 50; turns++) await turn();
  Atomics.store(met, 0, 1);
  Atomics.notify(met, 0);
  const said = await thread.said();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await closed;
  assert.deepEqual([said, got], ['BUS_CLOSED', range(filled)]);
  await thread.ended;
});

describe('the port of a thread that has met nobody when the bus is destroyed', { timeout: 600_000 }, () => {
  for (const [does, before] of [
    ['has left', ''],
    ['has ended a subscription', `bus.subscribe('/x', () => {}).stop();`],
    ['has subscribed a module', `bus.subscribe('/x', new URL('file:///none.js')).on('error', () => {});`],
  ] as const) {
    // Node closes a port that nobody reads only while nothing is in it.
    test(`closes unread where the thread ${does}`, async () => {
      const bus = createBus();
      // Without the thread this process would end before it hears of either: Node drops what an ended thread said.
      const thread = await publishUnheard(bus, `parentPort.once('message', () => {}); ${before}`);
      bus.destroy();
      const [{ port }] = (await once(process, 'workerMessage')) as [{ readonly port: MessagePort }];
      await once(port, 'close');
      thread.worker.postMessage('end');
      await thread.ended;
    });
  }
});
