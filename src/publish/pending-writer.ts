/** Accepted events that find no room: into the queue, and from there into the ring. */
import { QueueFullError } from '../errors.js';
import type { RingWriter } from '../ring/ring-writer.js';
import type { BurstFlush } from './burst-flush.js';
import type { EventWriter } from './event-writer.js';
import { ACCEPTED } from './owner-counters.js';
import type { PendingRecord } from './pending-queue.js';
import type { PublishOrder } from './publish-order.js';
import type { Readers } from './readers.js';

export class PendingWriter {
  readonly #order: PublishOrder;
  readonly #writer: RingWriter;
  readonly #events: EventWriter;
  readonly #burst: BurstFlush;
  readonly #readers: Readers;
  readonly #maxPendingBytes: number;
  readonly #onQueued: () => void;
  /** Events accepted, those included that were written without waiting here. */
  accepted = 0;
  #abandoned = false;

  /** @param onQueued called when something was queued */
  constructor(
    order: PublishOrder,
    writer: RingWriter,
    events: EventWriter,
    burst: BurstFlush,
    readers: Readers,
    maxPendingBytes: number,
    onQueued: () => void,
  ) {
    this.#order = order;
    this.#writer = writer;
    this.#events = events;
    this.#burst = burst;
    this.#readers = readers;
    this.#maxPendingBytes = maxPendingBytes;
    this.#onQueued = onQueued;
  }

  /** Room that a waiting publisher waits for: enough for the largest record behind the largest padding. */
  get roomBytes(): number {
    return this.#writer.maxRecordBytes * 2;
  }

  get isAbandoned(): boolean {
    return this.#abandoned;
  }

  /** Writes nothing that is queued or being encoded any more, and fails whoever waits in `publishSync`. */
  abandon(): void {
    this.#abandoned = true;
    this.#events.close();
  }

  /** An event was accepted and written without waiting here. */
  written(): void {
    this.#order.counters[ACCEPTED] = ++this.accepted;
    this.#burst.written();
    if (this.#order.hasWaiting) this.writeBehind();
  }

  /** An event that was counted as accepted turns out not to be: its record came too late for a closing bus. */
  revoked(): void {
    this.#order.counters[ACCEPTED] = --this.accepted;
  }

  /** Records of connections were written, whose threads had accepted them. */
  takenOver(events: number): void {
    this.accepted += events;
    this.#order.counters[ACCEPTED] = this.accepted;
  }

  /**
   * Accepts a record into the queue, `ahead` places from its front.
   *
   * @throws {QueueFullError} `BUS_QUEUE_FULL`
   */
  enqueue(record: PendingRecord, ahead: number): void {
    const { queue } = this.#order;
    let left = ahead;
    // Readers may have made room since the last look.
    while (left > 0 && this.#overfills(record) && !this.#order.isEncoding && this.writeFirst()) left--;
    if (this.#overfills(record)) {
      const heldBy = this.#readers.describe(this.#writer.holder);
      // Nothing is written before it is told: the queue would not be as full as the error says.
      if (!this.#order.isEncoding) this.#order.settleJoins();
      throw new QueueFullError(queue.bytes, this.#maxPendingBytes, heldBy);
    }
    this.#order.beginChange();
    queue.insert(record, left);
    this.#order.counters[ACCEPTED] = ++this.accepted;
    this.#order.endChange();
    this.writeBehind();
    // Also where it waited only for the event around it, or no time at all: whoever was told so awaits `drain`.
    this.#onQueued();
    if (this.#order.isTooLate) this.#dequeue(record);
  }

  /** A closing bus does not wait for a record: its publish throws, and the record must not be said to wait. */
  #dequeue(record: PendingRecord): void {
    const { queue } = this.#order;
    if (![...queue].includes(record)) return;
    this.#order.beginChange();
    queue.remove(record);
    this.#order.endChange();
  }

  /**
   * Writes records that are no events and belong together, behind all that was accepted. Those that find no room wait as
   * events do.
   *
   * @param isOwed whether they are taken however much waits already
   * @param onAccepted called before the first of them is written, once it is certain that all are taken
   * @throws {QueueFullError} `BUS_QUEUE_FULL`: none of them was written
   */
  control(records: readonly PendingRecord[], isOwed: boolean, onAccepted?: () => void): void {
    const { queue } = this.#order;
    const bytes = records.reduce((sum, { body }) => sum + body.length, 0);
    if (!isOwed && queue.bytes + bytes > this.#maxPendingBytes && !this.#fits(records)) {
      throw new QueueFullError(queue.bytes, this.#maxPendingBytes, this.#readers.describe(this.#writer.holder));
    }
    onAccepted?.();
    for (const record of records) {
      if (this.#order.isDirect && this.#events.writeRecord(record)) this.#burst.written();
      else queue.insert(record, queue.length);
    }
    if (queue.length > 0) this.#onQueued();
  }

  /** Whether there is room for all of these at once. */
  #fits(records: readonly PendingRecord[]): boolean {
    return this.#order.isDirect && this.#writer.freeBytes() >= (records.length + 1) * this.#writer.maxRecordBytes;
  }

  /** Writes what waits behind an event, unless that one is still being encoded. */
  writeBehind(): void {
    if (this.#order.isEncoding || this.#abandoned) return;
    this.#order.settleJoins();
    if (this.#order.queue.length > 0 && !this.writeAll()) this.#onQueued();
  }

  /** Moves the queue into the ring as far as there is room. Returns whether all of it went. */
  writeAll(): boolean {
    while (this.#order.queue.length > 0) if (!this.writeFirst()) return false;
    return true;
  }

  /** Moves the first of the queue into the ring. False when there is no room. */
  writeFirst(): boolean {
    const { queue } = this.#order;
    const record = queue.first!;
    if (!this.#events.writeRecord(record)) return false;
    const isTentative = record.tentative === true;
    this.#order.beginChange();
    queue.shift();
    if (isTentative) {
      this.#order.acceptTentative(record);
      this.#order.counters[ACCEPTED] = ++this.accepted;
    }
    this.#order.endChange();
    if (isTentative) this.#order.settleJoins();
    this.#burst.written();
    return true;
  }

  #overfills(record: PendingRecord): boolean {
    return this.#order.queue.bytes + record.body.length > this.#maxPendingBytes;
  }
}
