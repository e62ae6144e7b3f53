/** What a subscription on a connected thread has done, in memory that the owner sees: the thread stores, a tenth of a second behind. */
import { AtomicCells, type Cells, COUNT_CELLS, loadCount, storeCount } from '../memory/cells.js';
import type { HandlerCounts } from './connection-messages.js';

const DELIVERED = 0;
const FAILED = DELIVERED + COUNT_CELLS;
const SCANNED = FAILED + COUNT_CELLS;
const LAGGED = SCANNED + COUNT_CELLS;
const RESCUED = LAGGED + COUNT_CELLS;
const BYTES = (RESCUED + 1) * Int32Array.BYTES_PER_ELEMENT;

export const NO_HANDLER_COUNTS: HandlerCounts = { delivered: 0, failed: 0, scanned: 0, lagged: 0, rescued: 0 };

export class SharedCounts {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Cells;
  #told = NO_HANDLER_COUNTS;

  /** Makes room for counts, or opens what the thread has made. */
  constructor(buffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#cells = new AtomicCells(buffer);
  }

  store(counts: HandlerCounts): void {
    const { delivered, failed, scanned, lagged, rescued } = counts;
    const told = this.#told;
    if (scanned === told.scanned && delivered + failed === told.delivered + told.failed && lagged === told.lagged)
      return;
    this.#told = counts;
    storeCount(this.#cells, DELIVERED, delivered);
    storeCount(this.#cells, FAILED, failed);
    storeCount(this.#cells, SCANNED, scanned);
    storeCount(this.#cells, LAGGED, lagged);
    this.#cells.store(RESCUED, rescued);
  }

  load(): HandlerCounts {
    return {
      delivered: loadCount(this.#cells, DELIVERED),
      failed: loadCount(this.#cells, FAILED),
      scanned: loadCount(this.#cells, SCANNED),
      lagged: loadCount(this.#cells, LAGGED),
      rescued: this.#cells.load(RESCUED),
    };
  }
}
