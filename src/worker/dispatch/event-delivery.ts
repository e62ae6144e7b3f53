/** Hands the events of a batch to the targets that want them, one after the other, and tells what was never seen. */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import { distance } from '../../memory/position.js';
import type { RingReader } from '../../ring/ring-reader.js';
import type { BatchCursor } from './batch-cursor.js';
import type { BusyTargets } from './busy-targets.js';
import { tellLag, tellMissed } from './lag.js';
import type { Route, Router } from './router.js';
import type { Settled } from './target.js';

export class EventDelivery {
  /** Sequence behind the last record seen. */
  nextSequence: number;
  /** Safety checks that found a wanted record. */
  rescued = 0;
  /** From a record in redelivery to the turn of the loop after its handlers have settled. */
  isRedelivering = false;
  readonly #reader: RingReader;
  readonly #router: Router;
  readonly #cursor: BatchCursor;
  readonly #busy: BusyTargets;
  readonly #settled: Settled;
  /** Which steps of a route take the event at the cursor, where that is decided for all of them first. */
  readonly #verdicts: boolean[] = [];
  #skips: Set<number> | undefined;
  /** Set by a safety check: a wanted record before this position was missed by the wake protocol. */
  #watchUntil: number | undefined;

  /**
   * @param busy gets the targets that have something in hand when they were handed an event
   * @param settled what targets call when they have settled something
   * @param nextSequence sequence of the first record from the reader's cursor on
   */
  constructor(
    reader: RingReader,
    router: Router,
    cursor: BatchCursor,
    busy: BusyTargets,
    settled: Settled,
    nextSequence: number,
  ) {
    this.#reader = reader;
    this.#router = router;
    this.#cursor = cursor;
    this.#busy = busy;
    this.#settled = settled;
    this.nextSequence = nextSequence;
  }

  /** Leaves events with these sequences out. */
  skip(sequences: readonly number[]): void {
    if (sequences.length > 0) this.#skips = new Set(sequences);
  }

  /** Counts a rescue if a wanted record before `position` turns up. */
  watchUntil(position: number): void {
    this.#watchUntil = position;
  }

  /** Goes on at a sequence without records in between that anybody here wanted. */
  skipTo(sequence: number): void {
    // Missed something and fell asleep before a record came to tell how much.
    if (this.#reader.overtaken) this.catchUp(sequence);
    this.nextSequence = sequence;
    this.#router.reach(sequence);
  }

  /** Everything up to `sequence` that was not seen was overwritten. */
  catchUp(sequence: number): void {
    const first = this.nextSequence;
    this.#reader.overtaken = false;
    this.nextSequence = sequence;
    tellMissed(this.#router.targets, first, sequence);
  }

  /** Hands out the event at the cursor. Returns whether a target took it. */
  deliver(again: boolean): boolean {
    const cursor = this.#cursor;
    const { sequence, topicId, originId } = cursor;
    if (this.#reader.overtaken) this.catchUp(sequence);
    this.nextSequence = sequence + 1;
    this.#router.reach(sequence);
    if (this.#skips?.delete(sequence) === true) return false;
    let envelope: ReceivedEnvelope | undefined;
    if (topicId === 0) envelope = cursor.envelope(undefined, again);
    const route = envelope === undefined ? this.#router.byId(topicId) : this.#router.byTopic(envelope.topic);
    const { steps, decidesFirst } = route;
    if (decidesFirst)
      envelope = this.#decide(route, originId, envelope ?? cursor.envelope(this.#router.topicOf(topicId), again));
    const { position } = cursor;
    let taken = false;
    for (let i = 0; i < steps.length; i++) {
      const { target, accepts } = steps[i]!;
      if (!target.wants(sequence) || (originId !== 0 && target.exceptOrigins.has(originId))) continue;
      if (accepts !== undefined || !target.takesRecords) {
        envelope ??= cursor.envelope(this.#router.topicOf(topicId), again);
        if (accepts !== undefined && !(decidesFirst ? this.#verdicts[i] : accepts(envelope))) continue;
      }
      if (this.#watchUntil !== undefined) this.#countRescue(position);
      if (again) this.#beginRedelivery(sequence);
      taken = true;
      const wasBusy = target.busy;
      if (target.takesRecords) {
        target.handRecord(cursor, again);
      } else {
        const told = target.untold === 0 ? envelope! : tellLag(envelope!, target);
        target.hand(told, sequence, position, this.#settled);
      }
      // One that stopped itself in its handler is waited for by nobody here.
      if (target.busy && !wasBusy && target.active) this.#busy.add(target);
    }
    return taken;
  }

  #beginRedelivery(sequence: number): void {
    this.isRedelivering = true;
    this.#reader.setInHand(sequence);
  }

  /** The turn of the loop has passed: a death from now on is no fault of the record's. */
  endRedelivery(): void {
    if (this.isRedelivering) this.#reader.setInHand(-1);
    this.isRedelivering = false;
  }

  /** Before the first handler has the event: a condition must not read what a handler has changed. */
  #decide({ steps }: Route, originId: number, envelope: ReceivedEnvelope): ReceivedEnvelope {
    for (let i = 0; i < steps.length; i++) {
      const { target, accepts } = steps[i]!;
      this.#verdicts[i] =
        accepts === undefined ||
        (target.wants(envelope.sequence) && !target.exceptOrigins.has(originId) && accepts(envelope));
    }
    return envelope;
  }

  #countRescue(position: number): void {
    if (distance(position, this.#watchUntil!) < 0) this.rescued++;
    this.#watchUntil = undefined;
  }
}
