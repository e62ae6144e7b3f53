import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BusError, createBus, type Envelope, type ForwardOptions } from '../../src/index.js';
import {
  closeDelivered,
  fillRing,
  Latch,
  range,
  record,
  SMALL_RING_BYTES,
  thrownBy,
  turn,
  until,
} from '../support/bus-scene.js';
import { oracleEnvelope } from '../support/envelope-oracle.js';

const SMALL = { capacityBytes: SMALL_RING_BYTES };
const RECORDED = new URL('../../../test/fixtures/containerd-1.6.20/envelopes.binpb', import.meta.url);

/** An envelope whose payload has a size of its own. */
function envelope(id: number, payloadBytes = 40, topic = '/a'): Buffer {
  return oracleEnvelope({
    timestamp: { seconds: 1_700_000_000 + id, nanos: 5 },
    namespace: 'n',
    topic,
    event: { typeUrl: 'my.Type', value: Buffer.alloc(payloadBytes, id) },
  });
}

/** The same fields, the event first: a valid envelope that is not canonical. */
function disordered(bytes: Buffer): Buffer {
  const timestampEnd = 2 + bytes[1]!;
  return Buffer.concat([bytes.subarray(timestampEnd), bytes.subarray(0, timestampEnd)]);
}

/** Each message after its length as a varint. */
function delimited(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [varint(message.length), message]));
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.of(value) : Buffer.concat([Buffer.of((value & 127) | 128), varint(value >>> 7)]);
}

function bytesOf(to: Buffer[]): (envelope: Envelope) => void {
  return (envelope) => void to.push(Buffer.from(envelope.toBinary()));
}

describe('forwardAll', { timeout: 600_000 }, () => {
  test('forwards a run as forward does one by one, to the byte', async () => {
    const run = readFileSync(RECORDED);
    await using bus = createBus();
    await using reference = createBus();
    const got: Buffer[] = [];
    const expected: Buffer[] = [];
    bus.subscribe('/**', bytesOf(got));
    reference.subscribe('/**', bytesOf(expected));
    for (let rest = run; rest.length > 0; rest = rest.subarray(bus.forwardAll(rest))) await bus.writable();
    for (let at = 0; at < run.length; ) {
      let size = 0;
      let byte: number;
      for (let shift = 0; ; shift += 7) {
        byte = run[at++]!;
        size |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      if (!reference.forward(run.subarray(at, at + size))) await reference.writable();
      at += size;
    }
    await Promise.all([closeDelivered(bus), closeDelivered(reference)]);
    assert.equal(got.length, 2_550);
    assert.deepEqual(got, expected);
  });

  test('leaves a last envelope of which a part is missing, wherever it is cut', async () => {
    await using bus = createBus();
    const ids: bigint[] = [];
    bus.subscribe('/a', ({ timestamp }) => void ids.push(timestamp / 1_000_000_000n - 1_700_000_000n));
    const [first, second] = [delimited([envelope(0), envelope(1)]), delimited([envelope(2, 200)])];
    const run = Buffer.concat([first, second]);
    for (let cut = 0; cut < second.length; cut++) {
      assert.equal(bus.forwardAll(run.subarray(0, first.length + cut)), first.length);
      if (cut % 50 === 0) await turn();
    }
    assert.equal(bus.forwardAll(run.subarray(first.length)), second.length);
    assert.equal(bus.forwardAll(Buffer.alloc(0)), 0);
    await closeDelivered(bus);
    assert.deepEqual(ids, [...range(second.length).flatMap(() => [0n, 1n]), 2n]);
  });

  test('stops where the ring is full, queues nothing, and goes on when there is room', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const got: Buffer[] = [];
    bus.subscribe('/a', (envelope) => {
      bytesOf(got)(envelope);
      return latch.opened;
    });
    const sent = range(100).map((id) => envelope(id, 2_000 + id));
    const run = delimited(sent);
    const consumed = bus.forwardAll(run);
    assert.ok(consumed > SMALL_RING_BYTES / 2 && consumed < SMALL_RING_BYTES, `${consumed}`);
    assert.equal(bus.forwardAll(run.subarray(consumed)), 0);
    assert.equal(bus.stats().pending.events, 0);
    assert.equal(bus.stats().refused, 0);
    latch.open();
    for (let rest = run.subarray(consumed); rest.length > 0; rest = rest.subarray(bus.forwardAll(rest))) {
      await bus.writable();
    }
    await closeDelivered(bus);
    assert.deepEqual(got, sent);
  });

  test('forwards nothing past what waits on the heap, or what is being encoded', async () => {
    await using bus = createBus(SMALL);
    const latch = new Latch();
    const { subscription } = record(bus, '/none');
    bus.subscribe('/a', () => latch.opened);
    const run = delimited([envelope(1, 10)]);
    fillRing(bus, '/a');
    assert.equal(bus.forwardAll(run), 0);
    latch.open();
    await until(() => bus.stats().pending.events === 0);
    const found: number[] = [];
    const event = {
      get id() {
        found.push(bus.forwardAll(run));
        return 1;
      },
    };
    bus.publish('/a', event);
    assert.ok(found.length > 0 && found.every((consumed) => consumed === 0));
    assert.equal(bus.forwardAll(run), run.length);
    await subscription.stop();
  });

  for (const [name, bad, code] of [
    ['is no envelope', Buffer.from([0xff, 0xff]), 'BUS_MALFORMED_ENVELOPE'],
    ['is empty', Buffer.alloc(0), 'BUS_INCOMPLETE_ENVELOPE'],
    ['has a topic that breaks the grammar', envelope(9, 10, 'a'), 'BUS_INVALID_TOPIC'],
    ['has a topic of the bus', envelope(9, 10, '/ringcast/x'), 'BUS_INVALID_TOPIC'],
    ['is larger than a record', envelope(9, SMALL_RING_BYTES / 4), 'BUS_EVENT_TOO_LARGE'],
  ] as const) {
    test(`throws at an envelope that ${name}, and says what it forwarded before`, async () => {
      await using bus = createBus(SMALL);
      const got: Buffer[] = [];
      bus.subscribe('/**', bytesOf(got));
      const before = [envelope(1), disordered(envelope(2)), envelope(3, 1_500)];
      const run = delimited([...before, bad, envelope(4)]);
      const error = thrownBy(() => bus.forwardAll(run)) as BusError;
      assert.ok(error instanceof BusError, `${error}`);
      assert.equal(error.code, code);
      assert.equal(error.consumedBytes, delimited(before).length);
      // Behind the bad one.
      const rest = run.subarray(delimited([...before, bad]).length);
      assert.equal(bus.forwardAll(rest), rest.length);
      await closeDelivered(bus);
      assert.deepEqual(got, [envelope(1), envelope(2), envelope(3, 1_500), envelope(4)]);
    });
  }

  test('throws at a length that can be none', async () => {
    await using bus = createBus();
    bus.subscribe('/**', () => {});
    const good = delimited([envelope(1)]);
    for (const length of [
      [0xff, 0xff, 0xff, 0xff, 0xff, 1],
      [0xff, 0xff, 0xff, 0x7f],
    ]) {
      const error = thrownBy(() => bus.forwardAll(Buffer.concat([good, Buffer.from(length)]))) as BusError;
      assert.equal(error.code, 'BUS_MALFORMED_ENVELOPE');
      assert.equal(error.consumedBytes, good.length);
    }
    assert.equal(bus.stats().published, 2);
    assert.equal((thrownBy(() => bus.forward(Buffer.from([0xff]))) as BusError).consumedBytes, undefined);
  });

  test('refuses what is no run and options that do not exist, and forwards nothing', async () => {
    await using bus = createBus();
    bus.subscribe('/**', () => {});
    const run = delimited([envelope(1)]);
    for (const bad of [undefined, null, 'text', [1], new Proxy(run, {}), { toBinary: () => run }]) {
      assert.equal(thrownBy(() => bus.forwardAll(bad as Buffer)).code, 'BUS_INVALID_OPTION');
    }
    for (const options of [null, { namespace: 'n' }, { traceparent: 'x' }, { origin: '' }]) {
      assert.match(thrownBy(() => bus.forwardAll(run, options as ForwardOptions)).code!, /^BUS_(INVALID|UNKNOWN)_/);
    }
    assert.equal(bus.stats().published, 0);
    await bus.close();
    assert.equal(thrownBy(() => bus.forwardAll(run)).code, 'BUS_CLOSED');
  });

  test('counts what nobody wants, and needs no room for it', async () => {
    await using bus = createBus(SMALL);
    const run = delimited(range(1_000).map((id) => envelope(id, 100)));
    assert.equal(bus.forwardAll(run), run.length);
    const { published, unwanted, written } = bus.stats();
    assert.deepEqual([published, unwanted, written], [1_000, 1_000, 0]);
  });

  test('forwards bytes at any offset, of shared memory too', async () => {
    await using bus = createBus();
    const got: Buffer[] = [];
    bus.subscribe('/a', bytesOf(got));
    const sent = range(3).map((id) => envelope(id, 30 + id));
    const run = delimited(sent);
    for (const memory of [new ArrayBuffer(run.length + 8), new SharedArrayBuffer(run.length + 8)]) {
      for (const offset of range(5)) {
        const bytes = new Uint8Array(memory, offset, run.length);
        bytes.set(run);
        assert.equal(bus.forwardAll(bytes), run.length);
      }
    }
    await closeDelivered(bus);
    assert.deepEqual(
      got,
      range(10).flatMap(() => sent),
    );
  });

  test('carries the trace context and the origin of the run, round the ring, whatever the envelopes', async () => {
    const item = fc.record({
      bytes: fc.oneof({ weight: 4, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(7_000) }),
      topic: fc.constantFrom('/a', '/b/c'),
      inOrder: fc.boolean(),
    });
    const options = fc.record({
      traceparent: fc.constantFrom(undefined, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'),
      origin: fc.constantFrom(undefined, 'a', 'b'),
    });
    const runs = fc.array(fc.tuple(fc.array(item, { maxLength: 40 }), options), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(runs, async (given) => {
        await using bus = createBus(SMALL);
        const got: unknown[] = [];
        const excepting: unknown[] = [];
        const write = (to: unknown[]) => (envelope: Envelope) => {
          const { topic, traceparent, origin } = envelope;
          to.push([topic, Buffer.from(envelope.toBinary()), { traceparent, origin }]);
        };
        bus.subscribe('/**', write(got));
        bus.subscribe('/**', write(excepting), { exceptOrigins: ['b'], isolate: true });
        const sent: [string, Buffer, ForwardOptions][] = [];
        for (const [items, options] of given) {
          const canonical = items.map(({ bytes, topic }, id) => envelope(id, bytes, topic));
          const messages = canonical.map((bytes, i) => (items[i]!.inOrder ? bytes : disordered(bytes)));
          for (let rest = delimited(messages); rest.length > 0; ) {
            rest = rest.subarray(bus.forwardAll(rest, options));
            if (rest.length > 0) await bus.writable();
          }
          canonical.forEach((bytes, i) => {
            sent.push([items[i]!.topic, bytes, { ...options }]);
          });
        }
        await closeDelivered(bus);
        assert.deepEqual(got, sent);
        assert.deepEqual(
          excepting,
          sent.filter(([, , { origin }]) => origin !== 'b'),
        );
      }),
      { numRuns: 25 },
    );
  });
});
