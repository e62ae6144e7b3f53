/** The targets that have something in hand and that their reader waits for, and those that let it pass meanwhile. */
import { distance } from '../../memory/position.js';
import type { Settled, Target } from './target.js';

export class BusyTargets {
  readonly #waitedFor: Target[] = [];
  /** Targets that are not waited for until the records before a sequence have been handed out. */
  readonly #passedBy = new Map<Target, number>();

  /** Whether any target is waited for. */
  get any(): boolean {
    return this.#waitedFor.length > 0;
  }

  /** The target that holds the earliest record; undefined when none is waited for. */
  get first(): Target | undefined {
    let first = this.#waitedFor[0];
    for (const target of this.#waitedFor) if (distance(target.heldPosition, first!.heldPosition) < 0) first = target;
    return first;
  }

  add(target: Target): void {
    this.#waitedFor.push(target);
  }

  /** Returns whether the target was waited for. */
  remove(target: Target): boolean {
    const index = this.#waitedFor.indexOf(target);
    if (index >= 0) this.#waitedFor.splice(index, 1);
    return index >= 0;
  }

  /** Lets the reader pass `target` until {@link waitAgain} finds that it has come to `sequence`. */
  passBy(target: Target, sequence: number): void {
    this.#passedBy.set(target, Math.max(sequence, this.#passedBy.get(target) ?? 0));
  }

  /** At the end of a batch: those that let enough pass hold the reader up again. */
  waitAgain(nextSequence: number): void {
    if (this.#passedBy.size === 0) return;
    for (const [target, sequence] of this.#passedBy) {
      const waits = target.busy && target.active;
      if (waits && sequence > nextSequence) continue;
      this.#passedBy.delete(target);
      if (waits && !this.#waitedFor.includes(target)) this.add(target);
    }
  }

  /** Tells them that every record of the batch has been handed out. */
  endBatch(settled: Settled): void {
    // A copy: a target that settles at once leaves the list.
    if (this.any) for (const target of [...this.#waitedFor]) target.endBatch(settled);
  }
}
