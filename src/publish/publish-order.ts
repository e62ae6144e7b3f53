/**
 * The order of what is accepted: which sequences are settled, and which event is on its way to one.
 *
 * While the heap queue holds anything, nothing is written but the queue. While an event is being encoded, what its own
 * getters publish goes to the queue behind it. The event that a `publishSync` waits with stands in the queue, too.
 */
import type { RingWriter } from '../ring/ring-writer.js';
import { LateJoins, type PassBy } from './late-joins.js';
import { beginChange, changesOf, endChange, type OwnerCounters, TENTATIVE } from './owner-counters.js';
import { PendingQueue, type PendingRecord } from './pending-queue.js';

export class PublishOrder {
  readonly queue: PendingQueue;
  readonly counters: OwnerCounters;
  /** The record that was written last came too late for a closing bus: it does not count, nor does one behind it. */
  isTooLate = false;
  readonly #changes: Int32Array;
  readonly #writer: RingWriter;
  readonly #late = new LateJoins();
  /** Places of the queue ahead of the event that is being encoded, the outermost; -1: none is. */
  #encodedBehind = -1;
  /** Events in the queue that a publishSync waits with: more than one when a listener calls it, too. */
  #tentative = 0;

  /** @param counters what other threads see of what is counted */
  constructor(writer: RingWriter, counters: OwnerCounters) {
    this.counters = counters;
    this.#changes = changesOf(counters);
    this.queue = new PendingQueue(counters);
    this.#writer = writer;
  }

  /** The sequence of the event that is accepted next; while one is on its way, its own. */
  get nextSequence(): number {
    return this.#writer.sequence + this.settledPlaces;
  }

  get isEncoding(): boolean {
    return this.#encodedBehind >= 0;
  }

  /** True while nothing waits and no event is being encoded: an event may go straight into the ring. */
  get isDirect(): boolean {
    return this.queue.length === 0 && this.#encodedBehind < 0;
  }

  /** True while an event is being encoded, or on its way before others that were accepted before it. */
  get isOpen(): boolean {
    return this.#encodedBehind >= 0 || this.settledPlaces + this.#tentative < this.queue.length;
  }

  /** True while something waits for an event before it to be written or refused. */
  get hasWaiting(): boolean {
    return this.queue.length > 0 || this.#late.any;
  }

  /** Places of the queue, from its front, before which no event is on its way. */
  get settledPlaces(): number {
    let places = 0;
    if (this.#tentative === 0) places = this.queue.length;
    else
      for (const { tentative } of this.queue)
        if (tentative !== true) places++;
        else break;
    return this.#encodedBehind < 0 ? places : Math.min(places, this.#encodedBehind);
  }

  /** How many subscriptions were told to end while an event was on its way; see {@link LateJoins}. */
  get endsAsked(): number {
    return this.#late.endsAsked;
  }

  /** Encoding an event begins. False: within the encoding of another, which stays the one that others go behind. */
  beginEncoding(): boolean {
    if (this.#encodedBehind >= 0) return false;
    this.#encodedBehind = this.queue.length;
    return true;
  }

  /** For the caller for whom {@link beginEncoding} returned true. */
  endEncoding(): void {
    this.#encodedBehind = -1;
  }

  /** Puts the event that a publishSync waits with into the queue, `ahead` places from its front. */
  insertTentative(record: PendingRecord, ahead: number): void {
    record.tentative = true;
    this.beginChange();
    this.queue.insert(record, ahead);
    this.counters[TENTATIVE] = ++this.#tentative;
    this.endChange();
  }

  /** The event that a publishSync waits with was written, and is out of the queue. */
  acceptTentative(record: PendingRecord): void {
    record.tentative = false;
    this.counters[TENTATIVE] = --this.#tentative;
  }

  /** Nobody waits with the event any more, which was not written. */
  removeTentative(record: PendingRecord): void {
    this.beginChange();
    this.queue.remove(record);
    this.counters[TENTATIVE] = --this.#tentative;
    this.endChange();
  }

  /** Called before counters change together that other threads see. */
  beginChange(): void {
    beginChange(this.counters, this.#changes);
  }

  /** Called once they have. */
  endChange(): void {
    endChange(this.#changes);
  }

  /** Calls back with the first sequence behind all whose publishing has begun by now: at once, or when that is settled. */
  whenEndSettled(act: (endSequence: number) => void): void {
    if (this.#encodedBehind < 0 && this.#tentative === 0) act(this.nextSequence);
    else this.#late.end(act);
  }

  /**
   * Told of a subscription that was made just now, from the next sequence on.
   *
   * @param passBy told of the events that were accepted before it all the same, before they are written
   */
  joined(reader: number, passBy: PassBy): void {
    const places = this.settledPlaces;
    if (places === this.queue.length) return;
    const behind = [...this.queue].slice(places);
    this.wantTentative(reader);
    this.#late.add(
      behind.filter(({ tentative }) => tentative !== true),
      passBy,
    );
  }

  /** Lets no reader sleep through an event that a publishSync waits with: what it wants may have changed meanwhile. */
  wantTentative(reader: number): void {
    if (this.#tentative > 0) this.queue.want(reader);
  }

  /** Tells those that joined or end meanwhile which sequences are settled by now. */
  settleJoins(): void {
    if (this.#late.any) this.#late.settle(this.queue, this.settledPlaces, this.#writer.sequence);
  }
}
