/**
 * Reads the bytes of an envelope that came from elsewhere: validates all of it except the payload, finds where the payload
 * is, and tells whether the bytes are canonical, that is what {@link EnvelopeTemplate} would write.
 *
 * Repeated fields follow protobuf's rules: the last string wins, timestamps and events merge.
 */

import { MalformedEnvelopeError } from '../errors.js';
import { EnvelopeTemplate, rawPayload } from './envelope-template.js';
import {
  cursor,
  decodeUtf8,
  readEnd,
  readInt32,
  readInt64AsNumber,
  readTag,
  skipField,
  WireError,
} from './wire-reader.js';

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
  /** Fields of the envelope itself that this version does not know, each with its tag, as [start, end) in `source`. */
  readonly unknownFields: readonly (readonly [start: number, end: number])[];
}

const TIMESTAMP_TAG = 10;
const NAMESPACE_TAG = 18;
const TOPIC_TAG = 26;
const EVENT_TAG = 34;

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
}

/**
 * Reads `source[start, end)` as an envelope.
 *
 * Shapes: the ranges in the result are offsets into `source`. Unknown fields inside the timestamp or the event count as not
 * canonical and are not kept.
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
  scan.canonical = isCanonical(source, start, end, scan);
  return scan;
}

function scanFields(source: Buffer, start: number, end: number, scan: Scan): void {
  let position = start;
  while (position < end) {
    const tag = readTag(source, position, end);
    const at = cursor.position;
    let fieldEnd: number;
    switch (tag) {
      case TIMESTAMP_TAG:
        fieldEnd = readEnd(source, at, end);
        scanTimestamp(source, cursor.position, fieldEnd, scan);
        break;
      case NAMESPACE_TAG:
        fieldEnd = readEnd(source, at, end);
        scan.namespace = decodeUtf8(source, cursor.position, fieldEnd);
        break;
      case TOPIC_TAG:
        fieldEnd = readEnd(source, at, end);
        scan.topic = decodeUtf8(source, cursor.position, fieldEnd);
        break;
      case EVENT_TAG:
        fieldEnd = readEnd(source, at, end);
        scanEvent(source, cursor.position, fieldEnd, scan);
        break;
      default:
        fieldEnd = skipField(source, at, end, tag, 0);
        scan.unknownFields.push([position, fieldEnd]);
    }
    position = fieldEnd;
  }
}

function scanTimestamp(source: Buffer, start: number, end: number, scan: Scan): void {
  scan.hasTimestamp = true;
  let position = start;
  while (position < end) {
    const tag = readTag(source, position, end);
    position = cursor.position;
    if (tag === 8) scan.seconds = readSeconds(source, position, end);
    else if (tag === 16) scan.nanos = readInt32(source, position, end);
    else cursor.position = skipField(source, position, end, tag, 1);
    position = cursor.position;
  }
}

function readSeconds(source: Buffer, position: number, end: number): number {
  const seconds = readInt64AsNumber(source, position, end);
  if (!Number.isSafeInteger(seconds)) throw new WireError('its time is no date', position);
  return seconds;
}

function scanEvent(source: Buffer, start: number, end: number, scan: Scan): void {
  scan.hasEvent = true;
  let position = start;
  while (position < end) {
    const tag = readTag(source, position, end);
    position = cursor.position;
    if (tag === 10) {
      const fieldEnd = readEnd(source, position, end);
      scan.typeUrl = decodeUtf8(source, cursor.position, fieldEnd);
      position = fieldEnd;
    } else if (tag === 18) {
      scan.payloadEnd = readEnd(source, position, end);
      scan.payloadStart = cursor.position;
      position = scan.payloadEnd;
    } else {
      position = skipField(source, position, end, tag, 1);
    }
  }
}

/** Writes the envelope anew and compares, but for the payload: the definition itself, so that the two cannot drift apart. */
function isCanonical(source: Buffer, start: number, end: number, scan: Scan): boolean {
  if (!scan.hasTimestamp || !scan.hasEvent || scan.unknownFields.length > 0) return false;
  const payload = source.subarray(scan.payloadStart, scan.payloadEnd);
  const again = encodeScanned(scan, payload);
  return again.length === end - start && again.equals(source.subarray(start, end));
}

function encodeScanned(scan: ScannedEnvelope, payload: Uint8Array): Buffer {
  const template = new EnvelopeTemplate(scan.namespace, scan.topic, scan.typeUrl);
  const target = Buffer.allocUnsafe(40 + template.routing.length + template.type.length + payload.length);
  const event = { value: payload };
  const end = template.write(target, 0, target.length, scan.seconds, scan.nanos, rawPayload, event);
  return target.subarray(0, end);
}

/**
 * The bytes of the same envelope in canonical form: known fields first, then the unknown fields in their order.
 *
 * An envelope without timestamp or event stays without.
 *
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the bytes are no envelope
 */
export function reencode(source: Buffer, start = 0, end: number = source.length): Buffer {
  const scan = scanEnvelope(source, start, end);
  return Buffer.concat([
    canonicalFields(scan, source.subarray(scan.payloadStart, scan.payloadEnd)),
    ...scan.unknownFields.map(([from, to]) => source.subarray(from, to)),
  ]);
}

function canonicalFields(scan: ScannedEnvelope, payload: Uint8Array): Buffer {
  const whole = encodeScanned(scan, payload);
  // A zero timestamp takes two bytes at the front, an event that says nothing two at the end.
  return whole.subarray(scan.hasTimestamp ? 0 : 2, scan.hasEvent ? whole.length : -2);
}
