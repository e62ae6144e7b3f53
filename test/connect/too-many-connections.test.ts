/** What becomes of the connections for which a bus has no number left: what they had accepted is delivered, then they are refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { MessageChannel, type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import type { Hello, ToConnection } from '../../src/connect/connection-messages.js';
import { broadcast, greeterHere } from '../../src/connect/reception.js';
import { type Bus, createBus, type DisconnectReport, type Envelope } from '../../src/index.js';
import { AtomicCells } from '../../src/memory/cells.js';
import { allocateOrigins } from '../../src/publish/origins.js';
import { allocateCounters } from '../../src/publish/owner-counters.js';
import * as uplink from '../../src/ring/uplink-descriptor.js';
import { allocateUplink, MIN_UPLINK_BYTES } from '../../src/ring/uplink-memory.js';
import { until } from '../support/bus-scene.js';
import { ScriptedThread } from '../support/scripted-thread.js';

const NUMBERS = 255;
/** Takes 255 threads to fill, or what these would say. */
class FullBus implements AsyncDisposable {
  readonly bus: Bus = createBus({ capacityBytes: 64 * 1024 });
  readonly #hellos: Hello[] = [];

  async fill(): Promise<void> {
    for (let i = 0; i < NUMBERS; i++) this.sayHello();
    await until(() => this.bus.stats().connections.length === NUMBERS);
  }

  get busId(): string {
    return this.bus.handle.busId;
  }

  sayHello(): Hello {
    const hello: Hello = {
      connection: `${this.#hellos.length}`,
      name: `thread ${this.#hellos.length}`,
      // Of the owner: it is never taken for gone.
      threadId,
      uplink: allocateUplink(MIN_UPLINK_BYTES),
      originNames: allocateOrigins(),
      counters: allocateCounters().buffer,
    };
    this.#hellos.push(hello);
    broadcast(this.busId, { hello });
    return hello;
  }

  /** One of those that have a number leaves. */
  async leave(index: number): Promise<void> {
    const { uplink: buffers, connection } = this.#hellos[index]!;
    const ended = once(this.bus, 'disconnect');
    new AtomicCells(buffers.control).store(uplink.LEAVING, 1);
    broadcast(this.busId, { ring: connection });
    await ended;
  }

  meet(hello: Hello): MessagePort {
    const { port1, port2 } = new MessageChannel();
    greeterHere(this.busId)!.onMeeting(hello, port2);
    return port1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.close();
  }
}

describe('a connection for which there is no number', { timeout: 600_000 }, () => {
  test('has all that it accepted delivered once and in order, and is refused from then on', async () => {
    await using full = new FullBus();
    const { bus } = full;
    await full.fill();
    const got: number[] = [];
    bus.subscribe('/a', ({ event }: Envelope) => void got.push((event as { id: number }).id));
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const thread = new ScriptedThread(
      `
      say('loaded');
      // Until the owner has no turn any more.
      Atomics.wait(data.gate, 0, 0);
      const bus = ringcast.connectBus(data.bus);
      let id = 0;
      // It fills its uplink, and queues on its heap.
      const text = 'x'.repeat(6_000);
      while (bus.stats().pending.events < 5) bus.publish('/a', { id: id++, text });
      const codes = [];
      const subscription = bus.subscribe('/a', () => codes.push('handled'));
      const module = bus.subscribe('/a', new URL('data:text/javascript,export default () => {}'));
      for (const each of [subscription, module]) each.on('error', ({ code }) => codes.push(code));
      Atomics.store(data.gate, 0, 2);
      Atomics.notify(data.gate, 0);
      for (const { ready } of [subscription, module]) await ready.catch(({ code }) => codes.push(code));
      for (const verb of ['publish', 'tryPublish', 'publishSync']) {
        try {
          bus[verb]('/a', { id: -1 });
        } catch ({ code, maxConnections }) {
          codes.push(code, maxConnections);
        }
      }
      await bus.writable().catch(({ code, maxConnections }) => codes.push(code, maxConnections));
      say({ codes, accepted: id, closed: await bus.close(), stats: bus.stats() });
      await new Promise((resolve) => parentPort.once('message', resolve));
      const again = ringcast.connectBus(data.bus);
      again.publish('/a', { id });
      say(await again.close());
    `,
      { bus: bus.handle, gate },
    );
    assert.equal(await thread.said(), 'loaded');
    const gone = once(bus, 'disconnect') as Promise<[DisconnectReport]>;
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.notEqual(Atomics.wait(gate, 0, 1, 30_000), 'timed-out');
    const { codes, accepted, closed, stats } = (await thread.said()) as {
      codes: unknown[];
      accepted: number;
      closed: unknown;
      stats: { published: number; pending: { events: number }; subscriptions: unknown[] };
    };
    const refused = 'BUS_TOO_MANY_CONNECTIONS';
    assert.deepEqual(
      codes.slice(-8),
      [...Array(4)].flatMap(() => [refused, NUMBERS]),
      'of each verb, and of writable',
    );
    assert.deepEqual(codes.slice(0, -8), Array(4).fill(refused), 'of each subscription, ready and an error');
    assert.deepEqual(closed, { undelivered: 0 });
    assert.deepEqual([stats.published, stats.pending.events, stats.subscriptions], [accepted, 0, []]);
    await until(() => got.length >= accepted);
    assert.deepEqual(got, [...Array(accepted).keys()]);
    const [{ reason, lost }] = await gone;
    assert.deepEqual({ reason, lost }, { reason: 'refused', lost: 0 });
    assert.equal(bus.stats().connections.length, NUMBERS);

    await full.leave(7);
    thread.worker.postMessage('connect again');
    assert.deepEqual(await thread.said(), { undelivered: 0 });
    await until(() => got.length > accepted);
    assert.equal(got.at(-1), accepted);
    await thread.ended;
  });

  test('gets one that has become free when its port comes', async () => {
    await using full = new FullBus();
    await full.fill();
    const late = full.sayHello();
    await until(() => full.bus.stats().connections.length === NUMBERS + 1);
    const numberOf = (): number => full.bus.stats().connections.at(-1)!.producer;
    assert.equal(numberOf(), 0);
    await full.leave(99);
    const port = full.meet(late);
    assert.equal(numberOf(), 100);
    const told: string[] = [];
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      told.push((next.message as Exclude<ToConnection, number>).kind);
    }
    assert.deepEqual(told, ['interest']);
    const refused = full.sayHello();
    const heard = once(full.meet(refused), 'message');
    assert.equal(((await heard)[0] as Exclude<ToConnection, number>).kind, 'interest');
    assert.equal(numberOf(), 0);
    port.close();
  });
});
