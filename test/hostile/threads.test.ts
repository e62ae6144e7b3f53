import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { BusError, createBus } from '../../src/index.js';
import { allocateNames, NameDirectory } from '../../src/ring/name-registry.js';
import { NO_COUNTS } from '../../src/ring/reader-counters.js';
import { EVENT_RECORD, HEADER_BYTES, KIND_WORD, LENGTH_WORD } from '../../src/ring/record-descriptor.js';
import { allocateRing, attachRing } from '../../src/ring/ring-memory.js';
import { RingReader } from '../../src/ring/ring-reader.js';
import { RingWriter } from '../../src/ring/ring-writer.js';
import { compileFilter } from '../../src/topic/filter.js';
import { attachSubscriber } from '../../src/worker/attach-subscriber.js';
import { Dispatcher } from '../../src/worker/dispatch/dispatcher.js';
import { Router } from '../../src/worker/dispatch/router.js';
import { SingleTarget } from '../../src/worker/dispatch/single-target.js';
import { allocateSignals } from '../../src/worker/signals.js';
import { TypeDirectory } from '../../src/worker/type-directory.js';
import { WAKE_MESSAGE } from '../../src/worker/worker-protocol.js';
import { closeDelivered, inlineModule, range, record, SMALL_RING_BYTES, turn, until } from '../support/bus-scene.js';
import { Dice } from '../torture/payload.js';

const noFields = { namespace: () => '', compile: () => () => false };

describe('a hostile subscriber module', { timeout: 600_000 }, () => {
  const cases: readonly [name: string, body: string][] = [
    [
      'posts odd messages to its parent',
      'for (const m of [null, 1, {}, { kind: "stopped" }, [], "x"]) parentPort.postMessage(m);',
    ],
    ['overwrites the payloads it gets', 'envelope.payload.fill(0);'],
    ['transfers the buffers it gets', 'try { structuredClone(1, { transfer: [envelope.payload.buffer] }) } catch {}'],
    [
      'emits process warnings and odd rejections in handlers',
      'process.emitWarning("x"); Promise.reject(1).catch(() => {});',
    ],
    [
      'freezes and extends what it gets',
      'try { Object.freeze(envelope); Object.defineProperty(envelope, "topic", { value: 1 }) } catch {}',
    ],
  ];
  for (const [name, body] of cases) {
    test(`that ${name} changes nothing for its siblings`, async () => {
      const bus = createBus();
      const { ids } = record(bus, '/a');
      const module = inlineModule(
        `import { parentPort } from 'node:worker_threads'; export default (envelope) => { ${body} }`,
      );
      const hostile = bus.subscribe('/a', module, { restart: { backoffMs: 0 } });
      await hostile.ready;
      for (const id of range(20)) bus.publish('/a', { id });
      await closeDelivered(bus);
      assert.deepEqual(ids, range(20));
      const { delivered, failed } = hostile.stats();
      assert.equal(delivered + failed, 20);
    });
  }

  test('that closes its parent port and ends goes through the same restarts as any other', async () => {
    const bus = createBus();
    const { ids } = record(bus, '/a');
    const module = inlineModule(
      `import { parentPort } from 'node:worker_threads'; export default { setup() { parentPort.close() }, handle() {} }`,
    );
    const hostile = bus.subscribe('/a', module, { restart: { backoffMs: 0, maxRestarts: 2 } });
    hostile.on('error', () => {});
    for (const id of range(5)) bus.publish('/a', { id });
    await until(() => ids.length === 5);
    await bus.close();
    await hostile.ended;
  });
});

describe('garbled control messages', { timeout: 600_000 }, () => {
  test('of unknown kinds, repeated, or early leave a thread reading, in order, until it is told to stop', async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const dice = new Dice(seed);
    const ring = allocateRing(SMALL_RING_BYTES);
    const names = allocateNames(16);
    const writer = new RingWriter(attachRing(ring), () => port1.postMessage(WAKE_MESSAGE));
    const reader = writer.join(true);
    const { port1, port2 } = new MessageChannel();
    const said: { kind: string }[] = [];
    port1.on('message', (message) => said.push(message));
    const handled = new Int32Array(new SharedArrayBuffer(4));
    await attachSubscriber({
      name: 'garbled',
      moduleUrl: inlineModule('export default (_, { data }) => { Atomics.add(data, 0, 1) }').href,
      filter: '/**',
      data: handled,
      loop: 'cooperative',
      signals: allocateSignals(),
      hangTimeoutMs: undefined,
      earlier: [],
      exceptOrigins: new Set<number>(),
      types: [],
      ring,
      topicNames: names,
      typeNames: allocateNames(16),
      originNames: allocateNames(16),
      bus: {},
      reader,
      joinSequence: 0,
      life: { position: 0, nextSequence: 0, missed: false, redelivery: undefined, counts: NO_COUNTS, untold: 0 },
      port: port2,
    });
    const body = Buffer.from('0a02080112016e1a022f6122030a0178', 'hex');
    for (const _ of range(200)) {
      const odd = [{ kind: 'wake' }, {}, { kind: 'stopp' }, 5, 'stop', [], { kind: null }][dice.roll(7)];
      port1.postMessage(odd);
      const offset = writer.claim(HEADER_BYTES + body.length);
      writer.memory.bytes.set(body, offset + HEADER_BYTES);
      writer.commit(HEADER_BYTES + body.length, EVENT_RECORD, 0, 0, 0, 1, 0, 1 << reader, 0);
      if (dice.roll(3) === 0) writer.flush();
      if (dice.roll(5) === 0) await turn();
    }
    writer.flush();
    await until(() => handled[0] === 200);
    port1.postMessage({ kind: 'stop', endSequence: 200 });
    port1.postMessage({ kind: 'stop', endSequence: 200 });
    await until(() => said.some(({ kind }) => kind === 'stopped'));
    assert.deepEqual([...new Set(said.map(({ kind }) => kind))], ['ready', 'stopped']);
    port1.close();
  });
});

describe('damaged records', { timeout: 600_000 }, () => {
  test('in a ring are refused with an error of ours: dispatching neither hangs nor goes beyond them', (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const dice = new Dice(seed);
    const registry = new TypeRegistry();
    const names = new NameDirectory(allocateNames(16));
    const body = Buffer.from('0a02080112016e1a022f6122030a0178', 'hex');
    let refused = 0;
    for (const _ of range(500)) {
      const memory = attachRing(allocateRing(4 * SMALL_RING_BYTES));
      const writer = new RingWriter(memory, () => {});
      const reader = new RingReader(memory, writer.join(true), 0, () => {});
      const starts: number[] = [];
      for (const _ of range(60)) {
        const length = HEADER_BYTES + body.length + dice.roll(4_000);
        const offset = writer.claim(length);
        if (offset < 0) break;
        starts.push(offset / 4);
        memory.bytes.set(body, offset + HEADER_BYTES);
        writer.commit(length, EVENT_RECORD, 0, 0, 0, 1, 0, 1, 0);
      }
      // Ids come from tables beside the ring: only what frames a record is checked.
      const header = dice.roll(2) === 0 ? LENGTH_WORD : KIND_WORD;
      const value = [-1, 0, 1, 31, 2 ** 30, 2 ** 31 - 1, dice.roll(2 ** 32)][dice.roll(7)]! | 0;
      memory.words[starts[dice.roll(starts.length)]! + header] = value;
      const router = new Router(names, noFields);
      let handled = 0;
      const count = (): void => void handled++;
      router.set(new SingleTarget(0, count, () => {}), compileFilter('/**'));
      const events = { onSettled: () => {} };
      const dispatcher = new Dispatcher(reader, router, new TypeDirectory(registry, names, names), 0, events);
      try {
        assert.equal(dispatcher.step(Number.POSITIVE_INFINITY), 'idle');
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        refused++;
      }
      assert.ok(handled <= starts.length);
    }
    assert.ok(refused > 0);
  });
});
