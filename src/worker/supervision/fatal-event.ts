/** Which event the thread dies of: only a death while it handles that event again counts against it. */

/** Deaths of the thread while it handles one event again, after which the event is left out. */
const MAX_DEATHS = 3;

export class FatalEvent {
  #sequence = -1;
  /** Deaths of the thread while it handled the suspected event again. */
  deaths = 0;

  /** Counts a death. Returns whether the event is to be left out from now on. */
  count(sequence: number): boolean {
    this.deaths = sequence === this.#sequence ? this.deaths + 1 : 1;
    this.#sequence = sequence;
    return this.deaths === MAX_DEATHS;
  }

  /** Whether one more death makes the event one to be left out. */
  isLastChance(sequence: number): boolean {
    return sequence === this.#sequence && this.deaths + 1 === MAX_DEATHS;
  }
}
