/** Writes an envelope that came from elsewhere in canonical form. */
import {
  EVENT_TAG,
  type FieldRanges,
  NAMESPACE_TAG,
  NANOS_TAG,
  SECONDS_TAG,
  scanEnvelope,
  TIMESTAMP_TAG,
  TOPIC_TAG,
  TYPE_URL_TAG,
  VALUE_TAG,
} from './envelope-scan.js';
import { cursor, readTag } from './wire/wire-reader.js';
import { writeInt64 } from './wire/wire-writer.js';

/**
 * The bytes of the same envelope in canonical form: known fields first, then the unknown fields in their order. The same goes
 * for its timestamp and its event.
 *
 * An envelope without timestamp or event stays without.
 *
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the bytes are no envelope
 */
export function reencode(source: Buffer, start = 0, end: number = source.length): Buffer {
  const scan = scanEnvelope(source, start, end);
  const timestamp = [
    numberField(SECONDS_TAG, scan.seconds),
    numberField(NANOS_TAG, scan.nanos),
    unknown(source, scan.unknownInTimestamp),
  ];
  const event = [
    stringField(TYPE_URL_TAG, Buffer.from(scan.typeUrl)),
    stringField(VALUE_TAG, source.subarray(scan.payloadStart, scan.payloadEnd)),
    unknown(source, scan.unknownInEvent),
  ];
  return Buffer.concat([
    ...(scan.hasTimestamp ? [messageField(TIMESTAMP_TAG, Buffer.concat(timestamp))] : []),
    stringField(NAMESPACE_TAG, Buffer.from(scan.namespace)),
    stringField(TOPIC_TAG, Buffer.from(scan.topic)),
    ...(scan.hasEvent ? [messageField(EVENT_TAG, Buffer.concat(event))] : []),
    unknown(source, scan.unknownFields),
  ]);
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeInt64(bytes, 0, bytes.length, value, 'varint'));
}

function numberField(tag: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(tag), varint(value)]);
}

function messageField(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), varint(content.length), content]);
}

function stringField(tag: number, content: Uint8Array): Buffer {
  return content.length === 0 ? Buffer.alloc(0) : messageField(tag, content);
}

function unknown(source: Buffer, ranges: FieldRanges): Buffer {
  const fields = ranges.flatMap(([from, to]) => [
    varint(readTag(source, from, to)),
    source.subarray(cursor.position, to),
  ]);
  return Buffer.concat(fields);
}
