/**
 * What is asked for while an event is on its way: while it is being encoded, or while `publishSync` waits with it.
 *
 * What its getters publish is accepted before it, and written behind it. So a subscription that is made in a getter gets
 * the event, and none of what was accepted before the subscription; at which sequences that will be is known only when
 * the event has been accepted or refused. A subscription that is told there to end gets what was accepted before, so the
 * event too, which stands before that, and nothing whose publishing begins afterwards.
 */
import type { PendingQueue, PendingRecord } from './pending-queue.js';

/** Told of records that a subscription does not get, in order: sequences from `first` up to `next`. */
export type PassBy = (first: number, next: number) => void;

interface LateJoin {
  /** Accepted before the subscription was made. */
  readonly passed: Set<PendingRecord>;
  readonly passBy: PassBy;
  /** What of it is still to be told. */
  first: number;
  next: number;
}

interface LateEnd {
  /** Which one it is of all that were asked for, counted from 1. */
  readonly number: number;
  readonly act: (endSequence: number) => void;
}

export class LateJoins {
  #joins: LateJoin[] = [];
  readonly #ends: LateEnd[] = [];
  /** Ends asked for so far. An event whose publishing begins after one is not before it. */
  endsAsked = 0;

  /** Whether anybody waits for an event that is on its way. */
  get any(): boolean {
    return this.#joins.length > 0 || this.#ends.length > 0;
  }

  /** @param passBy told of the records in `passed` before they are written */
  add(passed: Iterable<PendingRecord>, passBy: PassBy): void {
    this.#joins.push({ passed: new Set(passed), passBy, first: 0, next: 0 });
  }

  /** Calls back with the first sequence that belongs to no event whose publishing has begun by now. */
  end(act: (endSequence: number) => void): void {
    this.#ends.push({ number: ++this.endsAsked, act });
  }

  /** The first `places` records of the queue will be written from `sequence` on: no event is on its way before them. */
  settle(queue: PendingQueue, places: number, sequence: number): void {
    let next = sequence;
    for (const record of queue) {
      if (next === sequence + places) break;
      for (const join of this.#joins) if (join.passed.delete(record)) pass(join, next);
      this.#endBefore(next, record.endsBefore);
      next++;
    }
    for (const join of this.#joins) tellPassed(join);
    this.#joins = this.#joins.filter(({ passed }) => passed.size > 0);
    if (places === queue.length) this.#endBefore(next, this.endsAsked);
  }

  /** The event with a sequence comes after the first `count` ends. */
  #endBefore(sequence: number, count: number): void {
    while (this.#ends.length > 0 && this.#ends[0]!.number <= count) this.#ends.shift()!.act(sequence);
  }
}

function pass(join: LateJoin, sequence: number): void {
  if (sequence !== join.next) {
    tellPassed(join);
    join.first = sequence;
  }
  join.next = sequence + 1;
}

function tellPassed(join: LateJoin): void {
  if (join.first < join.next) join.passBy(join.first, join.next);
  join.first = join.next;
}
