import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EnvelopeTemplate, rawPayload } from '../../src/envelope/envelope-template.js';
import { InvalidEventError } from '../../src/errors.js';
import { TaskExit } from '../../src/events.js';
import { arbitraryEnvelope, arbitraryPayload, oracleEnvelope } from '../support/envelope-oracle.js';

const id = '0123456789abcdef'.repeat(4);
const exit = new TaskExit({
  containerId: id,
  id,
  pid: 7,
  exitStatus: 137,
  exitedAt: { seconds: 1_732_000_000, nanos: 5 },
});

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function encoded(event: TaskExit): Uint8Array {
  const target = Buffer.alloc(4096);
  return Uint8Array.prototype.slice.call(target, 0, TaskExit.encode(event, target, 0, target.length));
}

describe('envelope template', () => {
  it('writes the bytes protobufjs writes, whatever the sizes before', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, fc.array(arbitraryPayload, { maxLength: 4 }), (fields, payloads) => {
        const { namespace, topic, timestamp, event } = fields;
        const template = new EnvelopeTemplate(namespace, topic, event.typeUrl);
        const target = Buffer.from(new SharedArrayBuffer(1 << 16));
        for (const value of [event.value, ...payloads]) {
          const { seconds, nanos } = timestamp;
          const end = template.write(target, 3, target.length, seconds, nanos, rawPayload, { value }, viewOf(target));
          const expected = oracleEnvelope({ ...fields, event: { ...event, value } });
          assert.equal(target.subarray(3, end).toString('hex'), expected.toString('hex'));
          assert.equal(end - 3 - template.payloadOffset, value.length);
        }
      }),
    );
  });

  it('uses exactly the room it needs: -1 with one byte less, and nothing is touched beyond the limit', () => {
    fc.assert(
      fc.property(arbitraryEnvelope, arbitraryPayload, fc.nat(30), fc.boolean(), (fields, before, short, byWords) => {
        const { namespace, topic, timestamp, event } = fields;
        const { seconds, nanos } = timestamp;
        const size = oracleEnvelope(fields).length;
        const template = new EnvelopeTemplate(namespace, topic, event.typeUrl);
        const room = Buffer.alloc(1 << 16);
        template.write(room, 0, room.length, seconds, nanos, rawPayload, { value: before });
        const limit = Math.max(0, size - short) + 8;
        const target = Buffer.from(new SharedArrayBuffer(size + 64)).fill(0xaa);
        const view = byWords ? viewOf(target) : undefined;
        const end = template.write(target, 8, limit, seconds, nanos, rawPayload, event, view);
        assert.equal(end, short === 0 ? 8 + size : -1);
        assert.ok(target.subarray(limit).every((byte) => byte === 0xaa));
        assert.ok(target.subarray(0, 8).every((byte) => byte === 0xaa));
        if (end > 0) assert.deepEqual(Buffer.from(target.subarray(8, end)), oracleEnvelope(fields));
      }),
    );
  });

  it('uses exactly the room it needs after an envelope of any other size', () => {
    // On both sides of where the length of the payload or of the event takes one byte more.
    const sizes = [0, 1, 50, 97, 98, 99, 100, 126, 127, 128, 129, 16_351, 16_352, 16_353, 16_354, 16_383, 16_384];
    const { typeUrl } = TaskExit;
    const room = Buffer.alloc(1 << 15);
    for (const before of sizes) {
      for (const size of sizes) {
        const template = new EnvelopeTemplate('k8s.io', '/tasks/exit', typeUrl);
        template.write(room, 0, room.length, 1, 2, rawPayload, { value: new Uint8Array(before) });
        const event = { typeUrl, value: new Uint8Array(size).fill(7) };
        const expected = oracleEnvelope({
          timestamp: { seconds: 1, nanos: 2 },
          namespace: 'k8s.io',
          topic: '/tasks/exit',
          event,
        });
        for (const view of [undefined, viewOf(room)]) {
          const write = (limit: number) => template.write(room, 0, limit, 1, 2, rawPayload, event, view);
          assert.equal(write(expected.length - 1), -1, `${before} ${size}`);
          assert.equal(write(expected.length), expected.length, `${before} ${size}`);
          assert.ok(room.subarray(0, expected.length).equals(expected), `${before} ${size}`);
          room.fill(0);
        }
      }
    }
  });

  it('encodes events with their codec', () => {
    const target = Buffer.alloc(1024);
    const template = new EnvelopeTemplate('k8s.io', '/tasks/exit', TaskExit.typeUrl);
    const end = template.write(target, 0, target.length, 1_732_000_001, 9, TaskExit, exit);
    const expected = oracleEnvelope({
      timestamp: { seconds: 1_732_000_001, nanos: 9 },
      namespace: 'k8s.io',
      topic: '/tasks/exit',
      event: { typeUrl: TaskExit.typeUrl, value: encoded(exit) },
    });
    assert.deepEqual(Buffer.from(target.subarray(0, end)), expected);
    assert.deepEqual(TaskExit.decode(target, template.payloadOffset, end), exit);
  });

  it('may be used again by a getter while it writes', () => {
    const template = new EnvelopeTemplate('k8s.io', '/tasks/exit', TaskExit.typeUrl);
    const inner = Buffer.alloc(8192);
    let innerEnd = 0;
    const long = 'y'.repeat(200);
    const event = {
      containerId: id,
      get id() {
        // Another second and another size: cached seconds and guessed lengths change under the outer call.
        innerEnd = template.write(inner, 0, inner.length, 99, 0, TaskExit, { containerId: long });
        return id;
      },
    };
    const outer = Buffer.alloc(8192);
    const end = template.write(outer, 0, outer.length, 1_732_000_000, 1, TaskExit, event);
    const routing = { namespace: 'k8s.io', topic: '/tasks/exit' };
    const any = (fields: object) => ({ typeUrl: TaskExit.typeUrl, value: encoded(new TaskExit(fields)) });
    assert.deepEqual(
      Buffer.from(outer.subarray(0, end)),
      oracleEnvelope({
        ...routing,
        timestamp: { seconds: 1_732_000_000, nanos: 1 },
        event: any({ containerId: id, id }),
      }),
    );
    assert.deepEqual(
      Buffer.from(inner.subarray(0, innerEnd)),
      oracleEnvelope({ ...routing, timestamp: { seconds: 99, nanos: 0 }, event: any({ containerId: long }) }),
    );
  });

  it('reports what a getter threw as the cause and stays usable', () => {
    const template = new EnvelopeTemplate('k8s.io', '/tasks/exit', TaskExit.typeUrl);
    const target = Buffer.alloc(1024);
    const first = template.write(target, 0, 1024, 1, 2, TaskExit, exit);
    const bytes = Buffer.from(target.subarray(0, first));
    const cause = new Error('no pid');
    const event = {
      get pid(): number {
        throw cause;
      },
    };
    assert.throws(
      () => template.write(target, 0, 1024, 1, 2, TaskExit, event),
      (error: unknown) => error instanceof InvalidEventError && error.cause === cause && /no pid/.test(error.message),
    );
    assert.equal(template.write(target, 0, 1024, 1, 2, TaskExit, exit), first);
    assert.deepEqual(Buffer.from(target.subarray(0, first)), bytes);
  });

  it('passes an Any through, and refuses a value that is no Uint8Array', () => {
    const template = new EnvelopeTemplate('k8s.io', '/x', 'a.B');
    const target = Buffer.alloc(100);
    const end = template.write(target, 0, 100, 1, 0, rawPayload, { typeUrl: 'a.B', value: Uint8Array.of(1, 2, 3) });
    assert.deepEqual([...target.subarray(end - 3, end)], [1, 2, 3]);
    assert.ok(template.write(target, 0, 100, 1, 0, rawPayload, { typeUrl: 'a.B' }) > 0);
    for (const value of ['abc', [1], new ArrayBuffer(2), null, new Proxy(new Uint8Array(2), {})]) {
      assert.throws(() => template.write(target, 0, 100, 1, 0, rawPayload, { value }), InvalidEventError);
    }
  });
});
