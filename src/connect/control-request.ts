/**
 * What a connected thread asks of the owner in the order of its own events: control records in its uplink.
 *
 * A request is cloned as a message between threads is, and cut into records where it is longer than one. Not as JSON: a `toJSON`
 * that somebody has put on `Object.prototype` would be called for it.
 */
import type { PendingRecord } from '../publish/pending-queue.js';
import { CONTROL_RECORD, HEADER_BYTES } from '../ring/record-descriptor.js';
import type { DeliveryMode, From } from '../subscribe/subscribe-options.js';
import type { FilterInput } from '../topic/filter.js';

/** A subscription whose handler is on the connected thread. */
export interface SubscribeRequest {
  readonly kind: 'subscribe';
  /** Of the subscription, by the thread's own count. */
  readonly key: number;
  readonly name: string;
  readonly filter: FilterInput;
  readonly delivery: DeliveryMode;
  readonly from: From;
  readonly exceptOrigins: readonly string[];
  /** Events that it takes at most; undefined: any number. */
  readonly many: number | undefined;
  /** Of the reader, by the thread's own count: subscriptions with the same one share it. */
  readonly reader: number;
}

export type ControlRequest =
  | SubscribeRequest
  /** A subscription to a module: what it is made with was said on the port before, see `modules/module-messages.ts`. */
  | { readonly kind: 'module'; readonly key: number }
  | { readonly kind: 'filter'; readonly key: number; readonly filter: FilterInput }
  /** Stop, and deliver what was accepted before. */
  | { readonly kind: 'drain'; readonly key: number };

/** In the place of the topic id. */
const MORE = 1;
const LAST = 0;

export function recordsOf(request: ControlRequest, maxRecordBytes: number): PendingRecord[] {
  const bytes = clones().serialize(request);
  const share = maxRecordBytes - HEADER_BYTES;
  const records: PendingRecord[] = [];
  for (let at = 0; at < bytes.length; at += share) {
    records.push({
      kind: CONTROL_RECORD,
      body: bytes.subarray(at, at + share),
      topicId: at + share < bytes.length ? MORE : LAST,
      payloadOffset: 0,
      typeId: 0,
      seconds: 0,
      nanos: 0,
      extension: undefined,
      wantedLow: 0,
      wantedHigh: 0,
      endsBefore: 0,
    });
  }
  return records;
}

/** Puts requests together from the records of one uplink. */
export class RequestAssembly {
  #parts: Buffer[] = [];

  /** @returns the request, where that was the last record of it. `body` is not kept */
  add(topicId: number, body: Buffer): ControlRequest | undefined {
    this.#parts.push(Buffer.from(body));
    if (topicId === MORE) return undefined;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    return clones().deserialize(whole) as ControlRequest;
  }
}

/** Asked for, not imported: it brings Node's streams, which whoever has no connections does without. */
function clones(): Pick<typeof import('node:v8'), 'serialize' | 'deserialize'> {
  return process.getBuiltinModule('node:v8');
}
