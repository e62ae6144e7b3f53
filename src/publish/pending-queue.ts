/** Finished records that wait on the heap for room in the ring, first in, first out. */

import { processMs } from '../host/timing.js';
import { CONTROL_RECORD } from '../ring/record-descriptor.js';
import type { RecordExtension } from '../ring/record-extension.js';
import { type OwnerCounters, PENDING_BYTES, PENDING_EVENTS, PENDING_SINCE } from './owner-counters.js';

/** A record as it was accepted: encoded, with its time, its topic and who wanted it then. */
export interface PendingRecord {
  /** The kind word of the record. */
  readonly kind: number;
  /** The envelope, encoded. */
  readonly body: Buffer;
  readonly topicId: number;
  /** Offset of the payload in the body; 0: read the envelope. */
  readonly payloadOffset: number;
  readonly typeId: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly extension: RecordExtension | undefined;
  wantedLow: number;
  wantedHigh: number;
  /** How many ends had been asked for when its publishing began; see {@link LateJoins}. */
  endsBefore: number;
  /** True of the event that a `publishSync` waits with: accepted when it is written, or never. */
  tentative?: boolean;
}

/** The dead head of the array is cut off when it is longer than this and than what lives. */
const MAX_DEAD_HEAD = 1024;

export class PendingQueue {
  #records: (PendingRecord | undefined)[] = [];
  #head = 0;
  readonly #counters: OwnerCounters;
  /** Bytes of the bodies that wait. */
  bytes = 0;
  /** Records among them that are no events. */
  #controls = 0;

  /** @param counters show how much there is */
  constructor(counters: OwnerCounters) {
    this.#counters = counters;
  }

  get length(): number {
    return this.#records.length - this.#head;
  }

  /** Events that wait. */
  get events(): number {
    return this.length - this.#controls;
  }

  get first(): PendingRecord | undefined {
    return this.#records[this.#head];
  }

  /** Puts a record in, `ahead` places from the front. */
  insert(record: PendingRecord, ahead: number): void {
    if (this.length === 0 || ahead === 0) this.#counters[PENDING_SINCE] = processMs();
    if (ahead >= this.length) this.#records.push(record);
    else this.#records.splice(this.#head + ahead, 0, record);
    this.#count(record, 1);
  }

  shift(): void {
    const record = this.#records[this.#head]!;
    this.#records[this.#head++] = undefined;
    this.#counters[PENDING_SINCE] = processMs();
    this.#count(record, -1);
    if (this.#head > MAX_DEAD_HEAD && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Takes a record out that has not come to the front. */
  remove(record: PendingRecord): void {
    this.#records.splice(this.#records.indexOf(record, this.#head), 1);
    this.#count(record, -1);
  }

  /** From now on `reader` wants all that waits. */
  want(reader: number): void {
    for (const record of this) {
      if (reader < 32) record.wantedLow |= 1 << reader;
      else record.wantedHigh |= 1 << (reader - 32);
    }
  }

  #count({ body, kind }: PendingRecord, sign: 1 | -1): void {
    this.bytes += sign * body.length;
    if (kind === CONTROL_RECORD) this.#controls += sign;
    this.#counters[PENDING_BYTES] = this.bytes;
    this.#counters[PENDING_EVENTS] = this.events;
  }

  *[Symbol.iterator](): Iterator<PendingRecord> {
    for (let i = this.#head; i < this.#records.length; i++) yield this.#records[i]!;
  }
}
