/** The filters that a subscription has had, as far as records that they decide may still have to be delivered. */
import type { CompiledFilter } from '../../topic/filter.js';

/** A filter that decides records from a sequence on, up to where the next one begins. */
export interface FilterFrom {
  readonly fromSequence: number;
  readonly filter: CompiledFilter;
}

export class FilterTimeline {
  #entries: FilterFrom[];

  constructor(filter: CompiledFilter) {
    this.#entries = [{ fromSequence: 0, filter }];
  }

  /** In the order of their sequences, never empty; the first one decides whatever lies before the second. */
  get entries(): readonly FilterFrom[] {
    return this.#entries;
  }

  /**
   * Lets `filter` decide the records from `fromSequence` on.
   *
   * @param fromSequence not below that of an earlier change
   * @param settledSequence nothing below it is delivered any more: filters that decide only that are forgotten
   */
  change(fromSequence: number, filter: CompiledFilter, settledSequence: number): void {
    if (this.#entries.at(-1)!.fromSequence === fromSequence) this.#entries.pop();
    this.#entries.push({ fromSequence, filter });
    const inForce = this.#entries.findLastIndex((entry) => entry.fromSequence <= settledSequence);
    if (inForce > 0) this.#entries = this.#entries.slice(inForce);
  }
}
