/**
 * What a thread that exited leaves behind in the slot of its reader, and where the thread after it begins: at what was
 * released. It may have died at any step; each of its cells holds what it last stored there.
 */
import { loadCounts } from '../../ring/reader-counters.js';
import type { RingWriter } from '../../ring/ring-writer.js';
import type { MissedGaps } from '../kept-lag.js';
import type { LifeStart } from '../worker-protocol.js';

/** What a supervisor knows of its reader between two lives. */
export interface ReaderRecords {
  /** Sequence of the event that was being handled again; -1: none. */
  inHand(): number;
  /** Counts turns of the thread's event loop. */
  heartbeat(): number;
  /** Sequence up to which everything has settled. */
  settledUntil(): number;
  /** Makes the slot ready for the next life, and says where that begins. */
  nextLife(skips: readonly number[]): LifeStart;
}

/** Missed records that the lives so far have told of. */
export class ToldLag {
  count = 0;
  /** Sequence behind the last of them. */
  until = 0;
  /** Those that no event has told of, unless one has been handled since. */
  #untold = 0;
  #handledBefore = 0;

  add({ range: { first, count, until = first + count }, handledBefore, since }: MissedGaps): void {
    if (handledBefore !== this.#handledBefore) this.#untold = 0;
    this.#handledBefore = handledBefore;
    this.#untold += since;
    this.count += count;
    this.until = until;
  }

  /** Those that no event has told of, when as many events have been handled. */
  untold(handled: number): number {
    return handled === this.#handledBefore ? this.#untold : 0;
  }
}

/**
 * Makes the slot of a reader whose thread has exited ready for the next thread, and says where that begins.
 *
 * @param skips sequences that are skipped
 */
export function nextLife(writer: RingWriter, reader: number, told: ToldLag, skips: readonly number[]): LifeStart {
  const { gate, retained, waker, memory } = writer;
  waker.forget(reader);
  const { position, sequence } = retained.placeOf(reader);
  // What was missed is told of once: not what the thread told before it died, but what it had only noticed.
  const accounted = Math.max(gate.nextSequence(reader), told.until);
  const nextSequence = Math.min(accounted, sequence ?? accounted);
  const missed = sequence === undefined || accounted < sequence;
  const until = gate.taken(reader);
  gate.revive(reader);
  const counts = { ...loadCounts(memory.cells, reader), lagged: told.count };
  const untold = told.untold(counts.delivered + counts.failed);
  return { position, nextSequence, missed, redelivery: { until, skips }, counts, untold };
}
