/** What a subscriber got, event by event; in shared memory, where the subscriber may die. */

/** One event as it arrived. */
export interface Receipt {
  readonly sequence: number;
  /** `TORN` when the event is not what was published. */
  readonly id: number;
  readonly redelivered: boolean;
  /** What `envelope.lagged` said. */
  readonly lagged: number;
  /** Which life of the thread got it, counted from 1; on the thread of the bus always 1. */
  readonly life: number;
}

const COUNT = 0;
const FIRST = 1;
const CELLS = 4;
/** In place of an id: a life begins. */
const BIRTH = -2_000_000_000;

export class SharedReceipts {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** New ones with room for `capacity`, or, with a buffer, the same ones on another thread. */
  constructor(source: number | SharedArrayBuffer) {
    this.buffer = typeof source === 'number' ? new SharedArrayBuffer((FIRST + source * CELLS) * 4) : source;
    this.#cells = new Int32Array(this.buffer);
  }

  /** A life of the thread begins. */
  birth(): void {
    this.#append(BIRTH, 0, 0, 0);
  }

  add(sequence: number, id: number, redelivered: boolean, lagged: number): void {
    this.#append(id, sequence, redelivered ? 1 : 0, lagged);
  }

  get count(): number {
    return Atomics.load(this.#cells, COUNT);
  }

  read(): Receipt[] {
    const receipts: Receipt[] = [];
    let life = 0;
    for (let i = 0; i < this.count; i++) {
      const [id, sequence, redelivered, lagged] = this.#cells.subarray(FIRST + i * CELLS, FIRST + (i + 1) * CELLS);
      if (id === BIRTH) life++;
      else receipts.push({ id: id!, sequence: sequence!, redelivered: redelivered === 1, lagged: lagged!, life });
    }
    return receipts;
  }

  /** The count last: a thread that dies in between has added nothing. */
  #append(id: number, sequence: number, redelivered: number, lagged: number): void {
    const count = this.count;
    if (FIRST + (count + 1) * CELLS > this.#cells.length) throw new Error('no room for more receipts');
    this.#cells.set([id, sequence, redelivered, lagged], FIRST + count * CELLS);
    Atomics.store(this.#cells, COUNT, count + 1);
  }
}
