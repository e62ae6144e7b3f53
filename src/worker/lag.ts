/** What a lossy reader missed: counted, told once as it is noticed, and once more in the next envelope. */

/** Records that a lossy reader missed. */
export interface LagRange {
  /** Sequence of the first. */
  readonly first: number;
  readonly count: number;
}

export class LagAccount {
  /** All that was missed. */
  count = 0;
  /** What the next envelope tells of. */
  untold = 0;
  readonly #onLagged: (range: LagRange) => void;

  /** @param onLagged told of each gap before anything behind it is handed out */
  constructor(onLagged: (range: LagRange) => void) {
    this.#onLagged = onLagged;
  }

  /** Everything from sequence `first` up to `next` was missed. */
  miss(first: number, next: number): void {
    const count = next - first;
    if (count <= 0) return;
    this.count += count;
    this.untold += count;
    this.#onLagged({ first, count });
  }
}
