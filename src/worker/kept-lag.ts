/**
 * What a thread missed and has not told yet, in shared memory: so that a thread that dies has told of it all the same.
 *
 * Two copies, and a turn that says which one counts, as in a count (`cells.ts`, model `test/models/count.pml`): the copy that
 * does not count is written whole before the turn moves on to it. The thread stores; the bus loads when the thread has exited.
 */
import type { LagRange } from './dispatch/lag.js';

/** Gaps that are told as one. */
export interface MissedGaps {
  readonly range: LagRange;
  /** Events that the subscription had handled before the last gap, failed ones included. */
  readonly handledBefore: number;
  /** Records missed since then. */
  readonly since: number;
}

/** number, first, count, until, handledBefore, since. */
const FIELDS = 6;
const TURN_BYTES = 8;
export const KEPT_LAG_BYTES = TURN_BYTES + 2 * FIELDS * Float64Array.BYTES_PER_ELEMENT;

export class KeptLag {
  readonly #turn: Int32Array;
  readonly #copies: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    const offset = memory.byteLength - KEPT_LAG_BYTES;
    this.#turn = new Int32Array(memory, offset, 1);
    this.#copies = new Float64Array(memory, offset + TURN_BYTES, 2 * FIELDS);
  }

  /** @param number that of the message which is going to tell it */
  store(number: number, { range: { first, count, until = first + count }, handledBefore, since }: MissedGaps): void {
    const turn = Atomics.load(this.#turn, 0) + 1;
    this.#copies.set([number, first, count, until, handledBefore, since], (turn & 1) * FIELDS);
    // Orders the copy before the turn that makes it count.
    Atomics.store(this.#turn, 0, turn);
  }

  /** What no message has told of, when `heard` of them were heard. */
  untold(heard: number): MissedGaps | undefined {
    const at = (Atomics.load(this.#turn, 0) & 1) * FIELDS;
    const [number, first, count, until, handledBefore, since] = this.#copies.subarray(
      at,
      at + FIELDS,
    ) as unknown as readonly [number, number, number, number, number, number];
    return number > heard ? { range: { first, count, until }, handledBefore, since } : undefined;
  }
}

/** Two gaps as one. */
export function mergeGaps(earlier: MissedGaps, later: MissedGaps): MissedGaps {
  const { first, count } = earlier.range;
  const { range } = later;
  const until = range.until ?? range.first + range.count;
  const since = later.handledBefore === earlier.handledBefore ? earlier.since + later.since : later.since;
  return { range: { first, count: count + range.count, until }, handledBefore: later.handledBefore, since };
}
