/** Encoded envelopes as they come from elsewhere. */
import { Envelope as EnvelopeMessage, TaskExit } from '../../src/events.js';

const event = { typeUrl: TaskExit.typeUrl, value: Buffer.of(0x18, 7) };
const whole = { timestamp: { seconds: 1_700_000_000, nanos: 5 }, namespace: 'default', topic: '/test', event };

const target = Buffer.alloc(64 * 1024);

/** The bytes of an envelope that differs from a whole one in some fields; undefined leaves a field out. */
export function envelopeWith(fields: ConstructorParameters<typeof EnvelopeMessage>[0]): Uint8Array {
  const envelope = new EnvelopeMessage({ ...whole, ...fields });
  return new Uint8Array(target.subarray(0, EnvelopeMessage.encode(envelope, target, 0, target.length)));
}
