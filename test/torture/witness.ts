/** What one subscription saw of numbered events that many threads publish, in shared memory that outlives its thread. */
import type { Envelope } from '../../src/index.js';
import type { NumberedEvent } from '../support/publisher-progress.js';

const HANDLED = 0;
const GAPS = 1;
const DUPLICATES = 2;
const OUT_OF_ORDER = 3;
const MISMATCHES = 4;
const CELLS = 5;

/** Ids of one producer stay below it. */
export const MAX_IDS = 2 ** 15;

/** Which event has which sequence, as whoever saw it first has written down: all others have to agree. */
export function allocateOrder(events: number): SharedArrayBuffer {
  return new SharedArrayBuffer(events * Int32Array.BYTES_PER_ELEMENT);
}

export class Witness {
  readonly buffer: SharedArrayBuffer;
  /** The next id of each producer, from its first event here on. */
  readonly next = new Map<number, number>();
  readonly #counters: Int32Array;
  readonly #order: Int32Array;
  #last = -1;

  constructor(order: SharedArrayBuffer, buffer = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counters = new Int32Array(buffer);
    this.#order = new Int32Array(order);
  }

  readonly note = ({ event, sequence }: Envelope): void => {
    const { producer, id } = event as NumberedEvent;
    Atomics.add(this.#counters, HANDLED, 1);
    if (sequence <= this.#last) Atomics.add(this.#counters, OUT_OF_ORDER, 1);
    this.#last = sequence;
    const next = this.next.get(producer);
    if (next !== undefined && id > next) Atomics.add(this.#counters, GAPS, 1);
    if (next !== undefined && id < next) Atomics.add(this.#counters, DUPLICATES, 1);
    this.next.set(producer, id + 1);
    const name = producer * MAX_IDS + id;
    const before = Atomics.compareExchange(this.#order, sequence % this.#order.length, 0, name);
    if (before !== 0 && before !== name) Atomics.add(this.#counters, MISMATCHES, 1);
  };

  get handled(): number {
    return Atomics.load(this.#counters, HANDLED);
  }

  /** What it saw that must not be, in words. */
  get faults(): string[] {
    const names = ['', 'gaps', 'duplicates', 'out of order', 'other events than others saw there'];
    return names
      .map((name, cell) => [name, Atomics.load(this.#counters, cell)] as const)
      .filter(([name, count]) => name !== '' && count > 0)
      .map(([name, count]) => `${count} ${name}`);
  }
}
