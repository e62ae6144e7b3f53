import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TaskExit, TaskStart } from '../../src/events.js';
import { createBus, type Envelope } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  idOf,
  inlineModule,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  until,
} from '../support/bus-scene.js';

describe('publish', { timeout: 600_000 }, () => {
  test('delivers to every subscription whose filter matches, in the order of acceptance', async () => {
    await using bus = createBus();
    const all = record(bus, '/**');
    const tasks = record(bus, '/tasks/*');
    const either = record(bus, ['/images/*', '/tasks/start']);
    for (const [id, topic] of ['/tasks/start', '/images/pull', '/tasks/exit', '/other/deep/topic'].entries()) {
      assert.equal(bus.publish(topic, { id }), true);
    }
    await bus.close();
    assert.deepEqual(all.ids, [0, 1, 2, 3]);
    assert.deepEqual(tasks.ids, [0, 2]);
    assert.deepEqual(either.ids, [0, 1]);
  });

  test('runs no handler inside the call', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/**');
    bus.publish('/a', { id: 0 });
    bus.flush();
    assert.deepEqual(ids, []);
    await bus.close();
    assert.deepEqual(ids, [0]);
  });

  test('reaches subscriptions made before it, and none made after it', async () => {
    await using bus = createBus();
    const early = record(bus, '/a');
    bus.publish('/a', { id: 0 });
    const late = record(bus, '/a');
    const isolated = record(bus, '/a', { isolate: true });
    bus.publish('/a', { id: 1 });
    await bus.close();
    assert.deepEqual(early.ids, [0, 1]);
    assert.deepEqual(late.ids, [1]);
    assert.deepEqual(isolated.ids, [1]);
  });

  test('what is queued when a subscription is made does not reach it', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const latch = new Latch();
    const slow = bus.subscribe('/a', () => latch.opened);
    const published = fillRing(bus, '/a');
    const late = record(bus, '/a');
    bus.publish('/a', { id: published });
    latch.open();
    await bus.close();
    assert.deepEqual(late.ids, [published]);
    assert.equal(slow.stats().delivered, published + 1);
  });

  test('encodes the event before it returns', async () => {
    await using bus = createBus();
    const { ids } = record(bus, '/a');
    const event = { id: 1 };
    bus.publish('/a', event);
    event.id = 2;
    await bus.close();
    assert.deepEqual(ids, [1]);
  });

  test('numbers what is written from 0 and skips no number', async () => {
    await using bus = createBus();
    const sequences: number[] = [];
    bus.publish('/a', 'nobody wants it');
    bus.subscribe('/a', (envelope) => void sequences.push(envelope.sequence));
    for (const id of range(3)) bus.publish('/a', { id });
    bus.publish('/b', 'nobody wants it');
    bus.publish('/a', { id: 3 });
    await bus.close();
    assert.deepEqual(sequences, [0, 1, 2, 3]);
  });

  test('stamps the time of the clock option, in nanoseconds', async () => {
    await using bus = createBus({ clock: () => 1_700_000_000_123.5 });
    let timestamp = 0n;
    bus.subscribe('/a', (envelope) => {
      timestamp = envelope.timestamp;
    });
    bus.publish('/a', null);
    await bus.close();
    assert.equal(timestamp, 1_700_000_000_123_500_000n);
  });

  test('carries the namespace of the call, or the one of the bus', async () => {
    for (const [option, expected] of [
      [undefined, 'default'],
      ['k8s.io', 'k8s.io'],
    ] as const) {
      await using bus = createBus(option === undefined ? {} : { namespace: option });
      const namespaces: string[] = [];
      bus.subscribe('/a', (envelope) => void namespaces.push(envelope.namespace));
      bus.publish('/a', 1);
      bus.publish('/a', 2, { namespace: 'other' });
      bus.publish('/a', 3, { namespace: 'third' });
      bus.publish('/a', 4);
      await bus.close();
      assert.deepEqual(namespaces, [expected, 'other', 'third', expected]);
    }
  });

  test('reaches a thread that was still starting', async () => {
    await using bus = createBus();
    const cells = new Int32Array(new SharedArrayBuffer(8));
    bus.subscribe(
      '/a',
      inlineModule(`export default ({ event }, { data }) => {
        Atomics.add(data, 0, event.id);
        Atomics.add(data, 1, 1);
      };`),
      { data: cells },
    );
    for (const id of range(100)) bus.publish('/a', { id });
    await closeDelivered(bus);
    assert.deepEqual([...cells], [4950, 100]);
  });
});

describe('what is published', { timeout: 600_000 }, () => {
  async function roundTrip(events: readonly unknown[], options = {}): Promise<Envelope[]> {
    await using bus = createBus(options);
    const got: Envelope[] = [];
    bus.subscribe('/a', (envelope) => void got.push(envelope));
    for (const event of events) bus.publish('/a', event);
    await bus.close();
    assert.equal(got.length, events.length);
    return got;
  }

  test('plain values come back equal, as MessagePack', async () => {
    const values = [
      null,
      false,
      0,
      -1.5,
      'text',
      'ü€😀',
      [1, [2]],
      { a: { b: [null] } },
      2n ** 63n - 1n,
      new Map([[1, 2]]),
    ];
    const got = await roundTrip(values);
    for (const [i, envelope] of got.entries()) {
      assert.equal(envelope.typeUrl, 'ringcast.MessagePack');
      assert.deepEqual(envelope.event, values[i]);
    }
  });

  test('an instance of an event class comes back as that class', async () => {
    const [envelope] = await roundTrip([new TaskExit({ containerId: 'c1', pid: 7, exitStatus: 137 })]);
    assert.equal(envelope!.typeUrl, 'containerd.events.TaskExit');
    assert.ok(envelope!.event instanceof TaskExit);
    assert.equal((envelope!.event as TaskExit).exitStatus, 137);
  });

  test('a plain object on a topic with a declared type is that type', async () => {
    const options = { topicTypes: { '/a': 'containerd.events.TaskStart' } };
    const [plain, classed] = await roundTrip([{ containerId: 'c1', pid: 3 }, new TaskExit({ pid: 4 })], options);
    assert.ok(plain!.event instanceof TaskStart);
    assert.equal((plain!.event as TaskStart).pid, 3);
    // The event's own class comes before the declaration.
    assert.ok(classed!.event instanceof TaskExit);
  });

  test('an Any passes through untouched, known type or not', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 255);
    const [unknown, known] = await roundTrip([
      { typeUrl: 'acme.Unknown', value: bytes },
      { typeUrl: 'types.googleapis.com/containerd.events.TaskExit', value: Uint8Array.of(0x18, 5) },
    ]);
    assert.equal(unknown!.typeUrl, 'acme.Unknown');
    assert.deepEqual([...unknown!.payload], [...bytes]);
    const { typeUrl, value } = unknown!.event as { typeUrl: string; value: Uint8Array };
    assert.equal(typeUrl, 'acme.Unknown');
    assert.deepEqual([...value], [...bytes]);
    assert.deepEqual([...known!.payload], [0x18, 5]);
    assert.equal((known!.event as TaskExit).pid, 5);
  });

  test('is shared, decoded once, by the subscriptions of one thread', async () => {
    await using bus = createBus();
    const got: Envelope[] = [];
    bus.subscribe('/a', (envelope) => void got.push(envelope));
    bus.subscribe('/**', (envelope) => void got.push(envelope));
    bus.publish('/a', { deep: { value: 1 } });
    await bus.close();
    assert.equal(got.length, 2);
    assert.equal(got[0], got[1]);
    assert.equal(got[0]!.event, got[1]!.event);
  });

  test('stays valid for a handler that keeps it while the ring goes round many times', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const kept: Envelope[] = [];
    bus.subscribe('/a', (envelope) => void kept.push(envelope));
    for (const id of range(3_000)) {
      if (!bus.publish('/a', { id, text: `event ${id} `.repeat(20) })) await bus.writable();
    }
    await bus.close();
    assert.deepEqual(kept.map(idOf), range(3_000));
    for (const [id, envelope] of kept.entries()) {
      assert.equal(envelope.sequence, id);
      assert.equal((envelope.event as { text: string }).text, `event ${id} `.repeat(20));
    }
  });

  test('is never a view of shared memory', async () => {
    const [envelope] = await roundTrip([{ typeUrl: 'acme.Bytes', value: new Uint8Array(100).fill(7) }]);
    const { value } = envelope!.event as { value: Uint8Array };
    for (const bytes of [envelope!.payload, envelope!.toBinary(), envelope!.detach().payload, value]) {
      assert.ok(bytes.buffer instanceof ArrayBuffer);
    }
  });

  test('cannot be taken from the other subscriptions by transferring its memory', async () => {
    await using bus = createBus();
    const sums: number[] = [];
    bus.subscribe('/a', ({ payload }) => {
      try {
        structuredClone(payload.buffer, { transfer: [payload.buffer as ArrayBuffer] });
      } catch {}
    });
    bus.subscribe('/a', ({ payload }) => void sums.push(payload.reduce((sum, byte) => sum + byte, 0)));
    for (const _ of range(3)) bus.publish('/a', { typeUrl: 'acme.Bytes', value: new Uint8Array(10).fill(1) });
    await bus.close();
    assert.deepEqual(sums, [10, 10, 10]);
  });

  test('detach gives the same envelope over bytes of its own', async () => {
    const got = await roundTrip([{ id: 1 }, { id: 2 }, { id: 3 }]);
    const detached = got[1]!.detach();
    assert.equal(detached.payload.buffer.byteLength, got[1]!.toBinary().length);
    assert.deepEqual(
      { ...detached.toBinary(), topic: detached.topic, sequence: detached.sequence, time: detached.timestamp },
      { ...got[1]!.toBinary(), topic: '/a', sequence: 1, time: got[1]!.timestamp },
    );
    assert.deepEqual(detached.event, { id: 2 });
  });
});

describe('tryPublish', { timeout: 600_000 }, () => {
  test('writes while there is room, then refuses and counts, and goes on when there is room again', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { ids } = record(bus, '/a');
    const text = 'x'.repeat(1000);
    let accepted = 0;
    while (bus.tryPublish('/a', { id: accepted, text })) accepted++;
    assert.ok(accepted > 10);
    assert.equal(bus.tryPublish('/a', { id: -1, text }), false);
    assert.equal(bus.stats().refused, 2);
    assert.equal(bus.stats().pending.events, 0);
    await until(() => ids.length === accepted);
    assert.equal(bus.tryPublish('/a', { id: accepted, text }), true);
    await bus.close();
    assert.deepEqual(ids, range(accepted + 1));
  });

  test('accepts what nobody wants, full ring or not', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    record(bus, '/a');
    fillRing(bus, '/a');
    assert.equal(bus.tryPublish('/b', { id: 0 }), true);
    assert.equal(bus.stats().unwanted, 1);
  });
});

describe('forward', { timeout: 600_000 }, () => {
  test('puts a received envelope on another bus with its own time and namespace, byte for byte', async () => {
    await using from = createBus({ namespace: 'origin', clock: () => 1_600_000_000_000 });
    await using to = createBus({ namespace: 'elsewhere' });
    const got: Envelope[] = [];
    to.subscribe('/**', (envelope) => void got.push(envelope));
    const sent: Envelope[] = [];
    from.subscribe('/**', (envelope) => {
      sent.push(envelope);
      assert.equal(to.forward(envelope), true);
      assert.equal(to.forward(envelope.toBinary()), true);
    });
    from.publish('/tasks/exit', new TaskExit({ pid: 9 }));
    from.publish('/plain', { id: 1 });
    await from.close();
    await to.close();
    assert.equal(got.length, 4);
    for (const [i, envelope] of got.entries()) {
      assert.deepEqual(envelope.toBinary(), sent[i >> 1]!.toBinary());
      assert.equal(envelope.namespace, 'origin');
      assert.equal(envelope.timestamp, 1_600_000_000_000_000_000n);
    }
  });

  test('takes the bytes that are there, at any place of the ring, whatever length their object claims', async () => {
    class Liar extends Uint8Array {
      override get length(): number {
        return 1;
      }
    }
    await using from = createBus();
    const sources: Uint8Array[] = [];
    from.subscribe('/a', (envelope) => void sources.push(new Liar(envelope.toBinary())));
    const texts = range(64).map((index) => 'x'.repeat(index * 37));
    for (const text of texts) from.publish('/a', { text });
    await from.close();
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const got: string[] = [];
    bus.subscribe('/a', ({ event }) => void got.push((event as { text: string }).text));
    const laps = 10;
    for (const _ of range(laps)) for (const source of sources) if (!bus.forward(source)) await bus.writable();
    await bus.close();
    assert.deepEqual(
      got,
      range(laps).flatMap(() => texts),
    );
  });

  test('of what is too large costs a lossy subscription nothing', async () => {
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const ids: number[] = [];
    const lossy = bus.subscribe('/a', ({ event }) => void ids.push((event as { id: number }).id), {
      delivery: 'lossy',
    });
    for (const id of range(10)) bus.publish('/a', { id });
    assert.throws(() => bus.forward(new Uint8Array(2 ** 20)));
    await bus.close();
    assert.deepEqual(ids, range(10));
    assert.equal(lossy.stats().lagged, 0);
  });

  test('queues behind a full ring, and the caller may reuse its bytes', async () => {
    await using from = createBus();
    const sources: Uint8Array[] = [];
    from.subscribe('/a', (envelope) => void sources.push(envelope.toBinary()));
    from.publish('/a', { id: 1000 });
    await from.close();
    await using bus = createBus({ capacityBytes: SMALL_RING_BYTES });
    const { ids } = record(bus, '/a');
    const filled = fillRing(bus, '/a');
    assert.equal(bus.forward(sources[0]!), false);
    sources[0]!.fill(0);
    assert.equal(bus.publish('/a', { id: 1001 }), false);
    await bus.close();
    assert.deepEqual(ids, [...range(filled), 1000, 1001]);
  });
});
