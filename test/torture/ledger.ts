/** What one subscriber saw, in shared memory, so that it outlives the lives of its thread. */
import type { Envelope } from '../../src/index.js';
import { isWhole } from './payload.js';

const HANDLED = 0;
const TORN = 1;
const DUPLICATES = 2;
const REDELIVERED = 3;
const OUT_OF_ORDER = 4;
const GAPS = 5;
const DEATHS = 6;
const COUNTERS = 8;

export class Ledger {
  readonly buffer: SharedArrayBuffer;
  readonly #counters: Int32Array;
  /** One bit an event: handled. */
  readonly #seen: Int32Array;
  /** One bit an event: the thread has died of it already. */
  readonly #deaths: Int32Array;
  readonly #seed: number;
  /** Sequence behind the last one handled in this life; -1: none yet. */
  #next = -1;

  /** A new ledger for `events` events, or the same one in another thread. */
  constructor(source: number | SharedArrayBuffer, seed: number) {
    this.buffer =
      typeof source === 'number' ? new SharedArrayBuffer((COUNTERS + 2 * Math.ceil(source / 32)) * 4) : source;
    const words = (this.buffer.byteLength / 4 - COUNTERS) / 2;
    this.#counters = new Int32Array(this.buffer, 0, COUNTERS);
    this.#seen = new Int32Array(this.buffer, COUNTERS * 4, words);
    this.#deaths = new Int32Array(this.buffer, (COUNTERS + words) * 4, words);
    this.#seed = seed;
  }

  /**
   * Checks an event and writes it down.
   *
   * @param everything whether the subscription selects every event, so that a gap in its sequences is a loss
   */
  enter(envelope: Envelope, everything: boolean): void {
    const { sequence } = envelope;
    if (!isWhole(envelope.payload, sequence, this.#seed)) Atomics.add(this.#counters, TORN, 1);
    if (this.#next >= 0) {
      if (sequence < this.#next) Atomics.add(this.#counters, OUT_OF_ORDER, 1);
      else if (everything && sequence - this.#next !== envelope.lagged) Atomics.add(this.#counters, GAPS, 1);
    }
    this.#next = sequence + 1;
    if (envelope.redelivered) Atomics.add(this.#counters, REDELIVERED, 1);
    const bit = 1 << (sequence & 31);
    const before = Atomics.or(this.#seen, sequence >> 5, bit);
    if ((before & bit) === 0) Atomics.add(this.#counters, HANDLED, 1);
    else if (!envelope.redelivered) Atomics.add(this.#counters, DUPLICATES, 1);
  }

  /** True once for each event. */
  diesFirstTimeOf(sequence: number): boolean {
    const bit = 1 << (sequence & 31);
    const first = (Atomics.or(this.#deaths, sequence >> 5, bit) & bit) === 0;
    if (first) Atomics.add(this.#counters, DEATHS, 1);
    return first;
  }

  sees(sequence: number): boolean {
    return ((Atomics.load(this.#seen, sequence >> 5) >>> (sequence & 31)) & 1) === 1;
  }

  get handled(): number {
    return this.#read(HANDLED);
  }
  get torn(): number {
    return this.#read(TORN);
  }
  get duplicates(): number {
    return this.#read(DUPLICATES);
  }
  get redelivered(): number {
    return this.#read(REDELIVERED);
  }
  get outOfOrder(): number {
    return this.#read(OUT_OF_ORDER);
  }
  /** Gaps in the sequences that `lagged` did not explain. */
  get gaps(): number {
    return this.#read(GAPS);
  }

  /** Times that the thread was about to end itself. */
  get deaths(): number {
    return this.#read(DEATHS);
  }

  #read(counter: number): number {
    return Atomics.load(this.#counters, counter);
  }
}
