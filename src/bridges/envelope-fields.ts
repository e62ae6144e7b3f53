/** The four fields of an encoded envelope, found without decoding them, and what an event is known by. */
import { createHash } from 'node:crypto';
import { cursor, readEnd, readTag, skipField } from '../envelope/codec-runtime.js';
import { MalformedEnvelopeError } from '../index.js';

const TIMESTAMP_TAG = 10;
const NAMESPACE_TAG = 18;
const TOPIC_TAG = 26;
const EVENT_TAG = 34;

/** Views of the envelope's bytes; empty where it lacks the field. Of a field that is there twice, the last. */
export interface EnvelopeFields {
  timestamp: Buffer;
  namespace: Buffer;
  topic: Buffer;
  /** An encoded Any: type URL and payload. */
  event: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` */
export function readEnvelopeFields(bytes: Buffer): EnvelopeFields {
  const fields: EnvelopeFields = { timestamp: NOTHING, namespace: NOTHING, topic: NOTHING, event: NOTHING };
  let position = 0;
  try {
    while (position < bytes.length) {
      const tag = readTag(bytes, position, bytes.length);
      const isBytes = (tag & 7) === 2;
      const end = isBytes
        ? readEnd(bytes, cursor.position, bytes.length)
        : skipField(bytes, cursor.position, bytes.length, tag, 0);
      const content = isBytes ? bytes.subarray(cursor.position, end) : NOTHING;
      if (tag === TIMESTAMP_TAG) fields.timestamp = content;
      else if (tag === NAMESPACE_TAG) fields.namespace = content;
      else if (tag === TOPIC_TAG) fields.topic = content;
      else if (tag === EVENT_TAG) fields.event = content;
      position = end;
    }
  } catch (error) {
    throw new MalformedEnvelopeError((error as Error).message, position);
  }
  return fields;
}

/** What says that two envelopes are the same event: a hash of time, namespace, topic, type and payload. */
export function contentKey({ timestamp, namespace, topic, event }: EnvelopeFields): string {
  const hash = createHash('sha256');
  const sizes = Buffer.allocUnsafe(12);
  sizes.writeUInt32LE(timestamp.length, 0);
  sizes.writeUInt32LE(namespace.length, 4);
  sizes.writeUInt32LE(topic.length, 8);
  for (const part of [sizes, timestamp, namespace, topic, event]) hash.update(part);
  return hash.digest('base64');
}
