/**
 * What those that have ended had counted, where one series is the sum of several: a counter that falls is taken for one that began
 * anew, and all that the others had counted would be counted again.
 */

interface Named {
  readonly name: string;
}

/** Those of one name, as of a look. */
interface Counted {
  size: number;
  readonly counts: number[];
}

interface Series {
  /** Counted by those that have ended, as far as a look has seen it. */
  readonly ended: readonly number[];
  readonly last: ReadonlyMap<string, Counted>;
}

export class EndedCounts<Source extends Named> {
  readonly #reads: readonly ((source: Source) => number)[];
  #series = new Map<string, Series>();
  /** Those that were there since the last sweep. A series that ends is forgotten. */
  #seen = new Map<string, Series>();

  /** @param reads what each of them counts */
  constructor(reads: readonly ((source: Source) => number)[]) {
    this.#reads = reads;
  }

  /** What is to be added to the sum of each count over those that there are in a series now. */
  ended(series: string, sources: readonly Source[]): readonly number[] {
    const now = this.#countsOf(sources);
    const { ended, last } = this.#series.get(series) ?? { ended: this.#reads.map(() => 0), last: now };
    const sums = [...ended];
    for (const [name, { size, counts }] of last) {
      const same = now.get(name);
      for (const [i, count] of counts.entries()) {
        const left = same?.counts[i] ?? 0;
        // The only one of its name that counts less is another one by now.
        const isAnother = size === 1 && same?.size === 1;
        if (left < count) sums[i]! += isAnother ? count : count - left;
      }
    }
    this.#seen.set(series, { ended: sums, last: now });
    return sums;
  }

  /** All series that there are were looked at. */
  sweep(): void {
    this.#series = this.#seen;
    this.#seen = new Map();
  }

  #countsOf(sources: readonly Source[]): Map<string, Counted> {
    const byName = new Map<string, Counted>();
    for (const source of sources) {
      const counted = byName.get(source.name) ?? { size: 0, counts: this.#reads.map(() => 0) };
      counted.size++;
      for (const [i, read] of this.#reads.entries()) counted.counts[i]! += read(source);
      byName.set(source.name, counted);
    }
    return byName;
  }
}
