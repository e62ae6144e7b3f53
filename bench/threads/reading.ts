/** What a subscriber does with an event: the same work whatever brought it. Each returns a checksum. */
import type { PlainTaskExit } from '../corpus.js';

/** `object`: every field. `lazy`: topic and size of the payload. `bytes`: a whole encoded envelope. */
export type Reading = 'object' | 'lazy' | 'bytes';

/** What a user sends with postMessage. */
export interface SentObject {
  readonly topic: string;
  readonly namespace: string;
  readonly timestamp: number;
  readonly event: PlainTaskExit;
}

/** What a user sends with postMessage whose subscribers decode only what they need. */
export interface SentPayload {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export function readObject(topic: string, namespace: string, timestamp: number | bigint, event: PlainTaskExit): number {
  const { containerId, id, pid, exitStatus, exitedAt } = event;
  return (
    topic.length +
    namespace.length +
    (timestamp > 0 ? 1 : 0) +
    containerId.length +
    containerId.charCodeAt(63) +
    id.length +
    pid +
    exitStatus +
    (exitedAt.seconds & 0xffff) +
    exitedAt.nanos
  );
}

export function readLazy(topic: string, payload: Uint8Array): number {
  return topic.length + payload.length;
}

export function readBytes(bytes: Uint8Array): number {
  return bytes.length + bytes[bytes.length - 1]!;
}
