/** One event as one line of text. */
import { eventJson } from '../envelope/event-json.js';
import { rfc3339 } from '../envelope/time-text.js';
import type { TypeRegistry } from '../envelope/type-registry.js';
import type { Envelope } from '../index.js';

/**
 * An event as a line of JSON: `{ timestamp, namespace, topic, type, event }`, without the line end.
 *
 * The timestamp is RFC 3339 with up to nine decimals, the event in protobuf's JSON mapping; an event whose type is not
 * known is `{ typeUrl, value }` with its bytes in base64.
 *
 * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when the payload does not decode as its type
 */
export function jsonLine(envelope: Envelope, types: TypeRegistry): string {
  const codec = types.find(envelope.typeUrl);
  return lineOf(envelope, codec === undefined ? undecoded(envelope) : eventJson(codec, envelope.event, types));
}

/** The same without looking into the payload. Never throws. */
export function undecodedJsonLine(envelope: Envelope): string {
  return lineOf(envelope, undecoded(envelope));
}

function lineOf(envelope: Envelope, event: unknown): string {
  const { timestamp, namespace, topic, typeUrl: type } = envelope;
  return JSON.stringify({ timestamp: rfc3339(timestamp), namespace, topic, type, event });
}

function undecoded({ typeUrl, payload }: Envelope): { typeUrl: string; value: string } {
  return { typeUrl, value: Buffer.from(payload).toString('base64') };
}
