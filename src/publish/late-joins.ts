/**
 * What is asked for while an event is on its way: while it is being encoded, or while `publishSync` waits with it.
 *
 * What its getters publish is accepted before it, and written behind it. So a subscription that is made in a getter gets
 * the event, and none of what was accepted before the subscription; at which sequences that will be is known only when
 * the event has been accepted or refused.
 */
import type { PendingQueue, PendingRecord } from './pending-queue.js';

interface LateJoin {
  /** Accepted before the subscription was made. */
  readonly passed: Set<PendingRecord>;
  readonly passBy: (sequence: number) => void;
}

export class LateJoins {
  #joins: LateJoin[] = [];
  #waiting: (() => void)[] = [];

  /** Whether anybody waits for an event that is on its way. */
  get any(): boolean {
    return this.#joins.length > 0 || this.#waiting.length > 0;
  }

  /** @param passBy told the sequence of each record in `passed`, in order, before that is written */
  add(passed: Iterable<PendingRecord>, passBy: (sequence: number) => void): void {
    this.#joins.push({ passed: new Set(passed), passBy });
  }

  /** Calls back when no event is on its way any more. */
  wait(act: () => void): void {
    this.#waiting.push(act);
  }

  /** The first `places` records of the queue will be written from `sequence` on: no event is on its way before them. */
  settle(queue: PendingQueue, places: number, sequence: number): void {
    let next = sequence;
    for (const record of queue) {
      if (next === sequence + places) break;
      for (const { passed, passBy } of this.#joins) if (passed.delete(record)) passBy(next);
      next++;
    }
    this.#joins = this.#joins.filter(({ passed }) => passed.size > 0);
    if (places === queue.length) for (const act of this.#waiting.splice(0)) act();
  }
}
