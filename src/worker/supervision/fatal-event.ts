/**
 * Which event kills the thread: only a death while it handles that event again counts against it. At the third the event is
 * skipped and reported, so that one bad event cannot stop a subscription for good.
 */

/** Deaths of the thread while it handles one event again, after which the event is skipped. */
const MAX_DEATHS = 3;

export class FatalEvent {
  #sequence = -1;
  #skips: number[] = [];
  /** Deaths of the thread while it handled the suspected event again. */
  deaths = 0;

  /** Counts a death. Returns whether the event is to be skipped from now on. */
  count(sequence: number): boolean {
    this.deaths = sequence === this.#sequence ? this.deaths + 1 : 1;
    this.#sequence = sequence;
    return this.deaths === MAX_DEATHS;
  }

  /** Whether one more death makes the event one to be skipped. */
  isLastChance(sequence: number): boolean {
    return sequence === this.#sequence && this.deaths + 1 === MAX_DEATHS;
  }

  /** Leaves events out in the lives to come. */
  skip(sequences: readonly number[]): void {
    this.#skips.push(...sequences);
  }

  /** Those that are skipped from `sequence` on, before which no life begins any more. */
  skipsFrom(sequence: number): readonly number[] {
    this.#skips = this.#skips.filter((skipped) => skipped >= sequence);
    return this.#skips;
  }
}
