/** What a reader counts in its slot, for any thread to see. The reader's thread stores, a turn behind at most. */
import { type Cells, loadCount, storeCount } from '../memory/cells.js';
import * as control from './control-descriptor.js';

export interface ReaderCounts {
  /** Records seen, wanted or not, those skipped during sleep included. */
  readonly scanned: number;
  /** Events whose handler returned. */
  readonly delivered: number;
  /** Events whose handler threw or rejected. */
  readonly failed: number;
  /** Records that were overwritten before a lossy reader got to them. */
  readonly lagged: number;
  /** Wake-ups that only the safety check noticed; a correct wake protocol leaves it at 0. */
  readonly rescued: number;
}

export const NO_COUNTS: ReaderCounts = { scanned: 0, delivered: 0, failed: 0, lagged: 0, rescued: 0 };

export function storeCounts(cells: Cells, reader: number, counts: ReaderCounts): void {
  const slot = control.slotOf(reader);
  // Before what became of them: see loadCounts.
  storeCount(cells, slot + control.SCANNED, counts.scanned);
  storeCount(cells, slot + control.DELIVERED, counts.delivered);
  storeCount(cells, slot + control.FAILED, counts.failed);
  storeCount(cells, slot + control.LAGGED, counts.lagged);
  cells.store(slot + control.RESCUED, counts.rescued);
}

export function loadCounts(cells: Cells, reader: number): ReaderCounts {
  const slot = control.slotOf(reader);
  // Loaded before what is stored before it: nothing counts as delivered that is not yet counted as scanned.
  const failed = loadCount(cells, slot + control.FAILED);
  const delivered = loadCount(cells, slot + control.DELIVERED);
  return {
    scanned: loadCount(cells, slot + control.SCANNED),
    delivered,
    failed,
    lagged: loadCount(cells, slot + control.LAGGED),
    rescued: cells.load(slot + control.RESCUED),
  };
}
