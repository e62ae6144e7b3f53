/**
 * Reads the bytes of an envelope that came from elsewhere: validates all of it except the payload, finds where the payload
 * is, and tells whether the bytes are canonical, that is what {@link EnvelopeTemplate} would write.
 *
 * Repeated fields follow protobuf's rules: the last string wins, timestamps and events merge.
 */

import { MalformedEnvelopeError } from '../errors.js';
import { skipField } from './wire/field-skip.js';
import { decodeUtf8 } from './wire/text-reader.js';
import { cursor, readEnd, readInt32, readInt64AsNumber, readTag, WireError } from './wire/wire-reader.js';
import { varintSize } from './wire/wire-writer.js';

/** What an envelope's bytes say. */
export interface ScannedEnvelope {
  /** False where the envelope has no timestamp at all; seconds and nanos are 0 then. */
  readonly hasTimestamp: boolean;
  /** Since 1970, negative before. */
  readonly seconds: number;
  readonly nanos: number;
  readonly namespace: string;
  readonly topic: string;
  /** False where the envelope has no event at all. */
  readonly hasEvent: boolean;
  /** As written; empty where the event has none. */
  readonly typeUrl: string;
  /** The payload is `source[payloadStart, payloadEnd)`. */
  readonly payloadStart: number;
  readonly payloadEnd: number;
  /** Whether the bytes are those that writing the same envelope gives. */
  readonly canonical: boolean;
  /** Fields that this version does not know: of the envelope itself, of its timestamp, of its event. */
  readonly unknownFields: FieldRanges;
  readonly unknownInTimestamp: FieldRanges;
  readonly unknownInEvent: FieldRanges;
}

/** Fields, each with its tag, as [start, end) in the source. */
export type FieldRanges = readonly (readonly [start: number, end: number])[];

export const TIMESTAMP_TAG = 10;
export const NAMESPACE_TAG = 18;
export const TOPIC_TAG = 26;
export const EVENT_TAG = 34;
export const SECONDS_TAG = 8;
export const NANOS_TAG = 16;
export const TYPE_URL_TAG = 10;
export const VALUE_TAG = 18;

/** The fields while they are read. */
class Scan {
  hasTimestamp = false;
  seconds = 0;
  nanos = 0;
  namespace = '';
  topic = '';
  hasEvent = false;
  typeUrl = '';
  payloadStart = 0;
  payloadEnd = 0;
  canonical = false;
  unknownFields: [number, number][] = [];
  unknownInTimestamp: [number, number][] = [];
  unknownInEvent: [number, number][] = [];
  // For `canonical`.
  inOrder = true;
  secondsSize = 0;
  nanosSize = 0;
  namespaceSize = 0;
  topicSize = 0;
  typeUrlSize = 0;
}

/**
 * Reads `source[start, end)` as an envelope.
 *
 * Shapes: the ranges in the result are offsets into `source`. An envelope with unknown fields is not canonical.
 * Allocates: the result and its strings. {@link TemplateTable} recognizes what was seen before without any.
 *
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the bytes are no envelope; its offset counts from `start`
 */
export function scanEnvelope(source: Buffer, start: number, end: number): ScannedEnvelope {
  const scan = new Scan();
  try {
    scanFields(source, start, end, scan);
  } catch (error) {
    if (error instanceof WireError) throw new MalformedEnvelopeError(error.reason, error.position - start);
    throw error;
  }
  scan.canonical = isCanonical(end - start, scan);
  return scan;
}

function scanFields(source: Buffer, start: number, end: number, scan: Scan): void {
  let position = start;
  let previous = 0;
  while (position < end) {
    const tag = readTag(source, position, end);
    const at = cursor.position;
    if (tag < previous) scan.inOrder = false;
    previous = tag;
    if (tag === TIMESTAMP_TAG || tag === NAMESPACE_TAG || tag === TOPIC_TAG || tag === EVENT_TAG) {
      const fieldEnd = readEnd(source, at, end);
      scanField(source, cursor.position, fieldEnd, tag, scan);
      position = fieldEnd;
    } else {
      const fieldEnd = skipField(source, at, end, tag, 0);
      scan.unknownFields.push([position, fieldEnd]);
      position = fieldEnd;
    }
  }
}

function scanField(source: Buffer, start: number, end: number, tag: number, scan: Scan): void {
  if (tag === TIMESTAMP_TAG) {
    scanTimestamp(source, start, end, scan);
  } else if (tag === NAMESPACE_TAG) {
    scan.namespace = decodeUtf8(source, start, end);
    scan.namespaceSize = end - start;
  } else if (tag === TOPIC_TAG) {
    scan.topic = decodeUtf8(source, start, end);
    scan.topicSize = end - start;
  } else {
    scanEvent(source, start, end, scan);
  }
}

function scanTimestamp(source: Buffer, start: number, end: number, scan: Scan): void {
  scan.hasTimestamp = true;
  let position = start;
  let previous = 0;
  while (position < end) {
    const tag = readTag(source, position, end);
    const at = cursor.position;
    if (tag < previous) scan.inOrder = false;
    previous = tag;
    if (tag === SECONDS_TAG) {
      scan.seconds = readInt64AsNumber(source, at, end);
      if (!Number.isSafeInteger(scan.seconds)) throw new WireError('the seconds of its time are 2^53 or more', at);
      scan.secondsSize = shortestSize(source, at, 10, 1);
    } else if (tag === NANOS_TAG) {
      scan.nanos = readInt32(source, at, end);
      scan.nanosSize = shortestSize(source, at, 5, 7);
    } else {
      cursor.position = skipField(source, at, end, tag, 1);
      scan.unknownInTimestamp.push([position, cursor.position]);
    }
    position = cursor.position;
  }
}

/** The size of the varint from `start` to the cursor; 0, which matches nothing, where another form of it is canonical. */
function shortestSize(source: Buffer, start: number, maxBytes: number, highestLast: number): number {
  const size = cursor.position - start;
  const last = source[cursor.position - 1]!;
  return last === 0 || size > maxBytes || (size === maxBytes && last > highestLast) ? 0 : size;
}

function scanEvent(source: Buffer, start: number, end: number, scan: Scan): void {
  scan.hasEvent = true;
  let position = start;
  let previous = 0;
  while (position < end) {
    const tag = readTag(source, position, end);
    const at = cursor.position;
    if (tag < previous) scan.inOrder = false;
    previous = tag;
    if (tag === TYPE_URL_TAG) {
      position = readEnd(source, at, end);
      scan.typeUrl = decodeUtf8(source, cursor.position, position);
      scan.typeUrlSize = position - cursor.position;
    } else if (tag === VALUE_TAG) {
      position = readEnd(source, at, end);
      scan.payloadStart = cursor.position;
      scan.payloadEnd = position;
    } else {
      const fieldEnd = skipField(source, at, end, tag, 1);
      scan.unknownInEvent.push([position, fieldEnd]);
      position = fieldEnd;
    }
  }
}

/**
 * Fields in order, and as many bytes as their shortest form takes. Anything else makes an envelope longer: a longer varint
 * than needed, a default that is written, a field twice, an unknown one.
 */
function isCanonical(size: number, scan: Scan): boolean {
  if (!scan.inOrder || !scan.hasTimestamp || !scan.hasEvent) return false;
  const timestamp = numberSize(scan.secondsSize) + numberSize(scan.nanosSize);
  const event = stringSize(scan.typeUrlSize) + stringSize(scan.payloadEnd - scan.payloadStart);
  const expected =
    messageSize(timestamp) + stringSize(scan.namespaceSize) + stringSize(scan.topicSize) + messageSize(event);
  return size === expected;
}

/** Of a field with a tag of one byte; nothing where the value is omitted. */
function numberSize(valueSize: number): number {
  return valueSize === 0 ? 0 : 1 + valueSize;
}

function stringSize(contentSize: number): number {
  return contentSize === 0 ? 0 : messageSize(contentSize);
}

function messageSize(contentSize: number): number {
  return 1 + varintSize(contentSize) + contentSize;
}
