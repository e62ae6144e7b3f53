/**
 * The messages inside frames, in protobuf:
 *
 *     Request  { string service = 1; string method = 2; bytes payload = 3; int64 timeout_nano = 4; repeated KeyValue metadata = 5 }
 *     KeyValue { string key = 1; string value = 2 }
 *     Response { Status status = 1; bytes payload = 2 }
 *     Status   { int32 code = 1; string message = 2 }
 */
import {
  cursor,
  readEnd,
  readInt32,
  readInt64,
  readLooseString,
  readTag,
  skipField,
} from '../../envelope/codec-runtime.js';
import { bytesField, messageField, varint } from '../wire-fields.js';

export interface TtrpcRequest {
  readonly service: string;
  readonly method: string;
  readonly payload: Buffer;
  /** How long the caller waits, ms; undefined: it does not say. */
  readonly timeoutMs: number | undefined;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface TtrpcResponse {
  /** As in gRPC; 0 is OK. */
  readonly status: number;
  readonly message: string;
  readonly payload: Buffer;
}

const NANOS_PER_MS = 1_000_000;
const NOTHING = Buffer.alloc(0);

export function encodeRequest({ service, method, payload, timeoutMs, metadata }: TtrpcRequest): Buffer {
  const parts = [...bytesField(10, Buffer.from(service)), ...bytesField(18, Buffer.from(method))];
  parts.push(...bytesField(26, payload));
  if (timeoutMs !== undefined) parts.push(Buffer.from([32]), varint(BigInt(Math.ceil(timeoutMs)) * 1_000_000n));
  for (const [key, value] of metadata) {
    const pair = Buffer.concat([...bytesField(10, Buffer.from(key)), ...bytesField(18, Buffer.from(value))]);
    parts.push(messageField(42, pair));
  }
  return Buffer.concat(parts);
}

export function encodeResponse({ status, message, payload }: TtrpcResponse): Buffer {
  if (status === 0) return Buffer.concat(bytesField(18, payload));
  const said = Buffer.concat([Buffer.from([8]), varint(status), ...bytesField(18, Buffer.from(message))]);
  return Buffer.concat(bytesField(10, said));
}

/** @throws {Error} when the bytes are no request */
export function decodeRequest(bytes: Buffer): TtrpcRequest {
  let service = '';
  let method = '';
  let payload: Buffer = NOTHING;
  let timeoutMs: number | undefined;
  const metadata = new Map<string, string>();
  readFields(bytes, (tag, position, end) => {
    if (tag === 10) service = readLooseString(bytes, position, end);
    else if (tag === 18) method = readLooseString(bytes, position, end);
    else if (tag === 26) payload = readView(bytes, position, end);
    else if (tag === 32) {
      const nanos = readInt64(bytes, position, end);
      if (nanos > 0n) timeoutMs = Number(nanos) / NANOS_PER_MS;
    } else if (tag === 42) {
      const [key, value] = decodePair(readView(bytes, position, end), 10, 18);
      metadata.set(key, value);
    } else return false;
    return true;
  });
  return { service, method, payload, timeoutMs, metadata };
}

/** @throws {Error} when the bytes are no response */
export function decodeResponse(bytes: Buffer): TtrpcResponse {
  let status = 0;
  let message = '';
  let payload: Buffer = NOTHING;
  readFields(bytes, (tag, position, end) => {
    if (tag === 10) {
      const said = readView(bytes, position, end);
      const after = cursor.position;
      readFields(said, (inner, at, innerEnd) => {
        if (inner === 8) status = readInt32(said, at, innerEnd);
        else if (inner === 18) message = readLooseString(said, at, innerEnd);
        else return false;
        return true;
      });
      cursor.position = after;
    } else if (tag === 18) payload = readView(bytes, position, end);
    else return false;
    return true;
  });
  return { status, message, payload };
}

/** The one message field of a message such as ForwardRequest { envelope = 1 }; undefined where it is absent. */
export function decodeOnlyField(bytes: Buffer): Buffer | undefined {
  let content: Buffer | undefined;
  readFields(bytes, (tag, position, end) => {
    if (tag !== 10) return false;
    content = readView(bytes, position, end);
    return true;
  });
  return content;
}

function decodePair(bytes: Buffer, keyTag: number, valueTag: number): [key: string, value: string] {
  const after = cursor.position;
  let key = '';
  let value = '';
  readFields(bytes, (tag, position, end) => {
    if (tag === keyTag) key = readLooseString(bytes, position, end);
    else if (tag === valueTag) value = readLooseString(bytes, position, end);
    else return false;
    return true;
  });
  cursor.position = after;
  return [key, value];
}

/** Calls `take` for each field; it reads the value and leaves the cursor behind it, or returns false. */
function readFields(bytes: Buffer, take: (tag: number, position: number, end: number) => boolean): void {
  let position = 0;
  while (position < bytes.length) {
    const tag = readTag(bytes, position, bytes.length);
    const at = cursor.position;
    if (!take(tag, at, bytes.length)) cursor.position = skipField(bytes, at, bytes.length, tag, 0);
    position = cursor.position;
  }
}

function readView(bytes: Buffer, position: number, end: number): Buffer {
  const fieldEnd = readEnd(bytes, position, end);
  const content = bytes.subarray(cursor.position, fieldEnd);
  cursor.position = fieldEnd;
  return content;
}
