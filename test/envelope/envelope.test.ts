import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { EnvelopeContext } from '../../src/envelope/envelope-context.js';
import { EnvelopeSource } from '../../src/envelope/envelope-source.js';
import type { EventCodec } from '../../src/envelope/event-codec.js';
import { type EnvelopeExtension, ReceivedEnvelope } from '../../src/envelope/received-envelope.js';
import { TypeRegistry } from '../../src/envelope/type-registry.js';
import { MalformedPayloadError } from '../../src/errors.js';
import { Any, TaskExit } from '../../src/events.js';
import { arbitraryEnvelope, type EnvelopeFields, oracleEnvelope } from '../support/envelope-oracle.js';

const registry = new TypeRegistry();
const context = new EnvelopeContext(registry);
const exit = new TaskExit({ containerId: 'c1', id: 'c1', pid: 7, exitStatus: 137, exitedAt: { seconds: 1, nanos: 2 } });

function payloadOf(event: TaskExit): Uint8Array {
  const target = Buffer.alloc(1024);
  return new Uint8Array(target.subarray(0, TaskExit.encode(event, target, 0, target.length)));
}

const usual = {
  timestamp: { seconds: 1_732_000_000, nanos: 123_456_789 },
  namespace: 'k8s.io',
  topic: '/tasks/exit',
  event: { typeUrl: TaskExit.typeUrl, value: payloadOf(exit) },
};

/** An envelope in the middle of a batch, with and without what the record's header knows. */
function receive(
  fields: EnvelopeFields,
  known: boolean,
  lagged = 0,
  redelivered = false,
  extension?: EnvelopeExtension,
): ReceivedEnvelope {
  const bytes = oracleEnvelope(fields);
  const batch = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(7, 0xff)]);
  const payloadOffset = known ? bytes.length - fields.event!.value.length : 0;
  const topic = known ? fields.topic : undefined;
  return new ReceivedEnvelope(
    new EnvelopeSource(context, batch),
    7,
    7 + bytes.length,
    payloadOffset,
    topic,
    undefined,
    42,
    redelivered,
    lagged,
    extension,
  );
}

for (const known of [true, false]) {
  describe(`received envelope, payload offset ${known ? 'known' : 'unknown'}`, () => {
    it('reads every property back, to the nanosecond and also before 1970', () => {
      fc.assert(
        fc.property(arbitraryEnvelope, (fields) => {
          const envelope = receive(fields, known);
          assert.equal(envelope.topic, fields.topic);
          assert.equal(envelope.namespace, fields.namespace);
          assert.equal(
            envelope.timestamp,
            BigInt(fields.timestamp.seconds) * 10n ** 9n + BigInt(fields.timestamp.nanos),
          );
          assert.equal(envelope.typeUrl, fields.event.typeUrl);
          assert.deepEqual(envelope.payload, fields.event.value);
          assert.deepEqual(Buffer.from(envelope.toBinary()), oracleEnvelope(fields));
          assert.equal(envelope.sequence, 42);
        }),
      );
    });

    it('decodes the event once, as an instance of its class', () => {
      const envelope = receive(usual, known);
      assert.ok(envelope.event instanceof TaskExit);
      assert.deepEqual(envelope.event, exit);
      assert.equal(envelope.event, envelope.event);
    });

    it('gives the Any of a type this thread does not know, until it does', () => {
      const fields = { ...usual, event: { typeUrl: 'my.Type', value: Uint8Array.of(1, 2) } };
      const own = new TypeRegistry();
      const ownContext = new EnvelopeContext(own);
      const bytes = oracleEnvelope(fields);
      const make = () =>
        new ReceivedEnvelope(
          new EnvelopeSource(ownContext, bytes),
          0,
          bytes.length,
          known ? bytes.length - 2 : 0,
          '/x',
          undefined,
          0,
          false,
          0,
        );
      const { event } = make();
      assert.ok(event instanceof Any);
      assert.deepEqual({ ...event }, { typeUrl: 'my.Type', value: Uint8Array.of(1, 2) });
      const codec: EventCodec<number> = {
        typeUrl: 'my.Type',
        encode: () => -1,
        decode: (source, start, end) => source[start]! + end - start,
      };
      own.register(codec);
      assert.equal(make().event, 3);
      assert.equal(make().event, 3);
    });

    it('finds a type by the last part of its URL', () => {
      const typeUrl = `type.googleapis.com/${TaskExit.typeUrl}`;
      const envelope = receive({ ...usual, event: { ...usual.event, typeUrl } }, known);
      assert.deepEqual(envelope.event, exit);
      assert.equal(envelope.typeUrl, typeUrl);
    });

    it('throws where the payload is damaged, each time the event is read, and only there', () => {
      const envelope = receive({ ...usual, event: { ...usual.event, value: Uint8Array.of(10, 9) } }, known);
      assert.equal(envelope.topic, '/tasks/exit');
      assert.throws(() => envelope.event, MalformedPayloadError);
      assert.throws(() => envelope.event, MalformedPayloadError);
      assert.match(inspect(envelope), /payload: Uint8Array\(2\) \[ 10, 9 \]/);
    });

    it('detaches: the same envelope over its own bytes', () => {
      const envelope = receive(usual, known, 3, true);
      const detached = envelope.detach();
      assert.deepEqual(JSON.parse(JSON.stringify(detached)), JSON.parse(JSON.stringify(envelope)));
      assert.deepEqual([detached.sequence, detached.lagged, detached.redelivered], [42, 3, true]);
      assert.equal(detached.payload.buffer.byteLength, envelope.toBinary().length);
      assert.notEqual(detached.payload.buffer, envelope.payload.buffer);
      assert.deepEqual(detached.event, exit);
    });

    it('keeps its trace context and its origin when it is detached, and shows them where it has them', () => {
      const extension = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', origin: 'nats' };
      const envelope = receive(usual, known, 0, false, extension);
      for (const same of [envelope, envelope.detach(), envelope.withLagged(2)]) {
        const { traceparent, origin } = same;
        assert.deepEqual({ traceparent, origin }, extension);
        const json = JSON.parse(JSON.stringify(same));
        assert.deepEqual({ traceparent: json.traceparent, origin: json.origin }, extension);
        assert.match(inspect(same), /origin: 'nats'/);
      }
      assert.deepEqual(envelope.toBinary(), receive(usual, known).toBinary());
      const without = receive(usual, known);
      assert.deepEqual([without.traceparent, without.origin], [undefined, undefined]);
      assert.ok(!('origin' in JSON.parse(JSON.stringify(without))));
    });

    it('shows its fields in JSON and in the console', () => {
      assert.deepEqual(JSON.parse(JSON.stringify(receive(usual, known, 3))), {
        topic: '/tasks/exit',
        namespace: 'k8s.io',
        timestamp: '2024-11-19T07:06:40.123456789Z',
        sequence: 42,
        typeUrl: 'containerd.events.TaskExit',
        event: { containerId: 'c1', id: 'c1', pid: 7, exitStatus: 137, exitedAt: '1970-01-01T00:00:01.000000002Z' },
        lagged: 3,
      });
      const shown = inspect(receive(usual, known));
      assert.match(shown, /^Envelope \{\n {2}topic: '\/tasks\/exit',\n {2}namespace: 'k8s\.io',/);
      assert.match(shown, /event: TaskExit \{/);
      assert.doesNotMatch(shown, /bytes|context|lagged/);
    });
  });
}

describe('received envelope', () => {
  it('reads one that was kept with unknown fields and in another order', () => {
    const bytes = Buffer.concat([Buffer.from('2a0100', 'hex'), oracleEnvelope(usual), Buffer.from('1a022f79', 'hex')]);
    const envelope = ReceivedEnvelope.over(bytes, context, 0, 1);
    assert.equal(envelope.topic, '/y');
    assert.deepEqual(envelope.event, exit);
    assert.deepEqual(Buffer.from(envelope.toBinary()), bytes);
  });
});
