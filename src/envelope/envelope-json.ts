/** A received envelope for people to read: as JSON, and as `console.log` shows it. */
import { MalformedPayloadError } from '../errors.js';
import type { Envelope } from './envelope.js';
import type { EnvelopeContext } from './envelope-context.js';
import type { EventCodec } from './event-codec.js';
import { eventJson } from './event-json.js';
import { rfc3339 } from './time-text.js';

type Registry = EnvelopeContext['registry'];

/** The time as RFC 3339 with nanoseconds, the event in protobuf's JSON mapping. */
export function envelopeJson(
  envelope: Envelope,
  codec: EventCodec | undefined,
  registry: Registry,
): Record<string, unknown> {
  const { topic, namespace, sequence, typeUrl } = envelope;
  const event = jsonOfEvent(envelope, codec, registry);
  return { topic, namespace, timestamp: rfc3339(envelope.timestamp), sequence, typeUrl, event, ...rarities(envelope) };
}

/** As its bytes where they are of no known type, or not of the type that they say. */
function jsonOfEvent(envelope: Envelope, codec: EventCodec | undefined, registry: Registry): unknown {
  try {
    if (codec !== undefined) return eventJson(codec, envelope.event, registry);
  } catch (error) {
    if (!(error instanceof MalformedPayloadError)) throw error;
  }
  return { typeUrl: envelope.typeUrl, value: Buffer.from(envelope.payload).toString('base64') };
}

/** With the payload in place of an event that does not decode. */
export function shownEnvelope(envelope: Envelope): Record<string, unknown> {
  const { topic, namespace, sequence, typeUrl } = envelope;
  const shown = { topic, namespace, timestamp: rfc3339(envelope.timestamp), sequence, typeUrl };
  let content: Record<string, unknown>;
  try {
    content = { event: envelope.event };
  } catch {
    content = { payload: envelope.payload };
  }
  return { ...shown, ...content, ...rarities(envelope) };
}

/** All are rare, so they are shown only where they say something. */
function rarities({ traceparent, origin, redelivered, lagged }: Envelope): Record<string, unknown> {
  return {
    ...(traceparent !== undefined && { traceparent }),
    ...(origin !== undefined && { origin }),
    ...(redelivered && { redelivered: true }),
    ...(lagged > 0 && { lagged }),
  };
}
