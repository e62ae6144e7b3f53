/**
 * When each event of a latency round was due, and how long after that it was in its handler's hands: shared memory, so that the
 * events themselves stay the same for all subjects.
 *
 *   Float64  DUE       for each event, ns on the monotonic clock that all threads share
 *   Float64  LATENCY   for each event, ns
 *   Int32    EVENTS    how many events the round has
 *   Int32    SEEN      how many have been handled; stored after their latencies
 *   Int32    SIGNAL    for peers that need a cell to wait on
 */
const EVENTS = 0;
const SEEN = 1;
const SIGNAL = 2;
const CELLS = 3;

export const MAX_EVENTS = 20_000;

export class LatencyBoard {
  readonly buffer: SharedArrayBuffer;
  readonly due: Float64Array;
  readonly latency: Float64Array;
  readonly #cells: Int32Array;
  #seen = 0;

  constructor(
    buffer = new SharedArrayBuffer(
      2 * MAX_EVENTS * Float64Array.BYTES_PER_ELEMENT + CELLS * Int32Array.BYTES_PER_ELEMENT,
    ),
  ) {
    this.buffer = buffer;
    this.due = new Float64Array(buffer, 0, MAX_EVENTS);
    this.latency = new Float64Array(buffer, this.due.byteLength, MAX_EVENTS);
    this.#cells = new Int32Array(buffer, 2 * this.due.byteLength, CELLS);
  }

  /** Sender: starts a round. */
  start(events: number): void {
    Atomics.store(this.#cells, SEEN, 0);
    Atomics.store(this.#cells, SIGNAL, 0);
    Atomics.store(this.#cells, EVENTS, events);
  }

  get seen(): number {
    return Atomics.load(this.#cells, SEEN);
  }

  /** Reader: the next event is here. */
  arrived(): void {
    const index = this.#seen++;
    this.latency[index] = nowNs() - this.due[index]!;
    Atomics.store(this.#cells, SEEN, this.#seen);
    if (this.#seen === Atomics.load(this.#cells, EVENTS)) this.#seen = 0;
  }

  /** Sender: one more event is there. */
  signal(): void {
    Atomics.add(this.#cells, SIGNAL, 1);
    Atomics.notify(this.#cells, SIGNAL);
  }

  /** Reader: how many events were signalled, as soon as there are others than `known`. */
  awaitSignal(known: number): number {
    Atomics.wait(this.#cells, SIGNAL, known);
    return Atomics.load(this.#cells, SIGNAL);
  }
}

export function nowNs(): number {
  return Number(process.hrtime.bigint());
}
