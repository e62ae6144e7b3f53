/**
 * Takes batches from a reader and hands each record to the targets that want it.
 *
 * *Settling.* A record has settled when no target has it, or one before it, in hand. RELEASED follows what has settled at
 * least every 64 records or 10 ms. The next batch is taken when all of this one has settled.
 *
 * *Redelivering.* What a thread that died may have handled already comes again one record at a time: handed out, settled, a
 * turn of the loop, released. So the record that a thread dies of is known by name.
 *
 * *Concluding.* That nothing is left below a sequence is never concluded in the middle of a step, and that records will never
 * come only while no batch is open: those of a batch that is not routed yet are neither handed out nor missed.
 */
import type { ReceivedEnvelope } from '../envelope/received-envelope.js';
import { CorruptRecordError, OverwrittenEnvelopesError } from '../errors.js';
import { monotonicMs } from '../host/timing.js';
import { distance } from '../memory/position.js';
import type { RingReader } from '../ring/ring-reader.js';
import { BatchCursor } from './batch-cursor.js';
import { tellLag, tellMissed } from './lag.js';
import { ReleasePace } from './release-pace.js';
import type { Route, Router } from './router.js';
import { firstHeld, type Target } from './target.js';
import type { TypeDirectory } from './type-directory.js';

/** What a call of {@link Dispatcher.step} came to. */
export type Step =
  /** Nothing is left to read and everything has settled. */
  | 'idle'
  /** The time is up; call again. */
  | 'more'
  /** A handler is pending; `onSettled` says when to call again. */
  | 'waiting';

/** Records that a life of the thread before this one had in hand. */
export interface Redelivery {
  /** Position behind the last of them. */
  readonly until: number;
  /** Sequences that are left out: of the event that the thread died of, and of the dead letter about it. */
  readonly skips: readonly number[];
}

export interface DispatcherEvents {
  /** A batch was taken, after a look at the tail; none of its records has been routed yet. */
  onTaken?(): void;
  /** What has settled is about to be released: the time to say what was counted so far. */
  onRelease?(): void;
  /** A handler wrote over records; those that were not handed out are taken again. Where there is none, it is thrown. */
  onOverwritten?(error: Error): void;
  /** Nothing is pending any more. */
  onSettled(): void;
}

export class Dispatcher {
  readonly #reader: RingReader;
  readonly #router: Router;
  readonly #events: DispatcherEvents;
  readonly #busy: Target[] = [];
  /** Targets that are not waited for until the records before a sequence have been handed out. */
  readonly #passedBy = new Map<Target, number>();
  readonly #settled = (target: Target): void => {
    if (!target.busy) this.#remove(target);
    this.#afterSettling();
  };
  readonly #cursor: BatchCursor;
  /** True from taking a batch until all of it has settled. */
  #hasBatch = false;
  /** True inside {@link step}, which finishes its batches itself. */
  #stepping = false;
  readonly #pace = new ReleasePace();
  /** Which steps of a route take the event at the cursor, where that is decided for all of them first. */
  readonly #verdicts: boolean[] = [];
  /** Sequence behind the last record seen. */
  #nextSequence: number;
  /** Where a handler had written over records. */
  #wentBackTo: number | undefined;
  #redelivery: Redelivery | undefined;
  #skips: Set<number> | undefined;
  /** Set by a safety check: a wanted record before this position was missed by the wake protocol. */
  #watchUntil: number | undefined;
  /** Safety checks that found a wanted record. */
  rescued = 0;

  /**
   * @param nextSequence sequence of the first record from the reader's cursor on; later than that in a second life
   */
  constructor(
    reader: RingReader,
    router: Router,
    types: TypeDirectory,
    nextSequence: number,
    events: DispatcherEvents,
  ) {
    this.#reader = reader;
    this.#router = router;
    this.#cursor = new BatchCursor(types);
    this.#nextSequence = nextSequence;
    this.#events = events;
  }

  /** Sequence behind the last record seen. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Goes on from what a life before this one left. */
  redeliver(redelivery: Redelivery): void {
    if (redelivery.skips.length > 0) this.#skips = new Set(redelivery.skips);
    if (distance(redelivery.until, this.#reader.taken) > 0) this.#redelivery = redelivery;
  }

  /** True inside {@link step}: handlers may be called until it returns. */
  get stepping(): boolean {
    return this.#stepping;
  }

  /** Dispatches until nothing is left, a handler is pending at the end of a batch, or `budgetMs` is over. */
  step(budgetMs: number): Step {
    this.#stepping = true;
    try {
      return this.#step(budgetMs);
    } finally {
      this.#stepping = false;
    }
  }

  /** Follows a cursor that moved during sleep over records that nobody here wanted. */
  skipTo(sequence: number): void {
    // Missed something and fell asleep before a record came to tell how much.
    if (this.#reader.overtaken) this.#catchUp(sequence);
    this.#nextSequence = sequence;
    this.#router.reach(sequence);
  }

  /** Counts a rescue if a wanted record before `position` turns up. */
  watchUntil(position: number): void {
    this.#watchUntil = position;
  }

  /**
   * Whether every record below `endSequence` was handed out or missed; always false inside {@link step}.
   *
   * @param written sequence of the next record: what was missed up to there is counted now, if nothing that comes after can
   *   tell of it
   */
  hasPassed(endSequence: number, written: number): boolean {
    if (this.#stepping) return false;
    const { overtaken, hasMore } = this.#reader;
    if (overtaken && !hasMore && !this.#hasBatch && written > this.#nextSequence) this.#catchUp(written);
    return this.#nextSequence >= endSequence;
  }

  /**
   * Goes on without a target that has something in hand, which waits for what comes behind. What comes for it until then
   * waits on the heap: no more than was accepted before `sequence`, and the rest of that batch.
   */
  passBy(target: Target, sequence: number): void {
    this.#passedBy.set(target, Math.max(sequence, this.#passedBy.get(target) ?? 0));
    this.drop(target);
  }

  /** Waits no longer for a target that was stopped: what it has in hand is its own affair. */
  drop(target: Target): void {
    if (!this.#busy.includes(target)) return;
    this.#remove(target);
    this.#afterSettling();
  }

  #step(budgetMs: number): Step {
    const startedMs = monotonicMs();
    this.#pace.startAt(startedMs);
    for (;;) {
      if (this.#cursor.done) {
        if (this.#passedBy.size > 0 && this.#hasBatch) this.#waitAgain();
        if (this.#busy.length > 0) {
          // Handlers may be pending for long: what settled before them is not held up by them.
          this.#releaseSettled();
          return 'waiting';
        }
        if (this.#hasBatch) this.#finishBatch();
        if (monotonicMs() - startedMs > budgetMs) return 'more';
        const batch = this.#reader.take();
        if (batch === undefined) return 'idle';
        this.#hasBatch = true;
        this.#cursor.open(batch);
        this.#events.onTaken?.();
      }
      if (!this.#goOn(startedMs + budgetMs))
        return this.#redelivery !== undefined && this.#busy.length > 0 ? 'waiting' : 'more';
    }
  }

  /** Goes on in the batch. False, so that a turn of the loop comes before the rest of it. */
  #goOn(deadlineMs: number): boolean {
    try {
      return this.#redelivery === undefined ? this.#dispatch(deadlineMs) : this.#redeliverOne(this.#redelivery);
    } catch (error) {
      if (!(error instanceof CorruptRecordError) || this.#events.onOverwritten === undefined) throw error;
      const position = this.#cursor.nextPosition;
      // Taken again a moment ago: the ring itself is corrupt.
      if (position === this.#wentBackTo) throw error;
      this.#wentBackTo = position;
      this.#cursor.cut();
      this.#reader.goBack(position);
      this.#events.onOverwritten(new OverwrittenEnvelopesError(error));
      return true;
    }
  }

  /** Hands out the rest of the batch. False when the time was up first. */
  #dispatch(deadlineMs: number): boolean {
    const cursor = this.#cursor;
    while (!cursor.done) {
      if (cursor.next()) this.#deliver(false);
      if (this.#pace.pass() && this.#look() > deadlineMs && !cursor.done) return false;
    }
    this.#endBatch();
    return true;
  }

  /** Hands out one record that somebody wants. False, so that a turn of the loop comes before the next one. */
  #redeliverOne(redelivery: Redelivery): boolean {
    if (this.#busy.length > 0) return false;
    this.#releaseSettled();
    this.#reader.setInHand(-1);
    const cursor = this.#cursor;
    while (!cursor.done) {
      if (distance(cursor.nextPosition, redelivery.until) >= 0) {
        this.#redelivery = undefined;
        return true;
      }
      if (cursor.next() && this.#deliver(true)) {
        this.#endBatch();
        return false;
      }
    }
    return true;
  }

  /** Hands out the event at the cursor. Returns whether a target took it. */
  #deliver(again: boolean): boolean {
    const cursor = this.#cursor;
    const { sequence, topicId } = cursor;
    if (this.#reader.overtaken) this.#catchUp(sequence);
    this.#nextSequence = sequence + 1;
    this.#router.reach(sequence);
    if (this.#skips?.delete(sequence) === true) return false;
    let envelope: ReceivedEnvelope | undefined;
    if (topicId === 0) envelope = cursor.envelope(undefined, again);
    const route = envelope === undefined ? this.#router.byId(topicId) : this.#router.byTopic(envelope.topic);
    const { steps, decidesFirst } = route;
    if (decidesFirst) envelope = this.#decide(route, envelope ?? cursor.envelope(this.#router.topicOf(topicId), again));
    const { position } = cursor;
    let taken = false;
    for (let i = 0; i < steps.length; i++) {
      const { target, accepts } = steps[i]!;
      if (!target.wants(sequence)) continue;
      envelope ??= cursor.envelope(this.#router.topicOf(topicId), again);
      if (accepts !== undefined && !(decidesFirst ? this.#verdicts[i] : accepts(envelope))) continue;
      if (this.#watchUntil !== undefined) this.#countRescue(position);
      if (again) this.#reader.setInHand(sequence);
      taken = true;
      const wasBusy = target.busy;
      const told = target.untold === 0 ? envelope : tellLag(envelope, target);
      target.hand(told, sequence, position, this.#settled);
      // One that stopped itself in its handler is waited for by nobody here.
      if (target.busy && !wasBusy && target.active) this.#busy.push(target);
    }
    return taken;
  }

  /** Before the first handler has the event: a condition must not read what a handler has changed. */
  #decide({ steps }: Route, envelope: ReceivedEnvelope): ReceivedEnvelope {
    for (let i = 0; i < steps.length; i++) {
      const { target, accepts } = steps[i]!;
      this.#verdicts[i] = accepts === undefined || (target.wants(envelope.sequence) && accepts(envelope));
    }
    return envelope;
  }

  /** At the end of a batch: those that let enough pass hold the reader up again. */
  #waitAgain(): void {
    for (const [target, sequence] of this.#passedBy) {
      const waits = target.busy && target.active;
      if (waits && sequence > this.#nextSequence) continue;
      this.#passedBy.delete(target);
      if (waits && !this.#busy.includes(target)) this.#busy.push(target);
    }
  }

  /** Everything up to `sequence` that was not seen was overwritten. */
  #catchUp(sequence: number): void {
    const first = this.#nextSequence;
    this.#reader.overtaken = false;
    this.#nextSequence = sequence;
    tellMissed(this.#router.targets, first, sequence);
  }

  #countRescue(position: number): void {
    if (distance(position, this.#watchUntil!) < 0) this.rescued++;
    this.#watchUntil = undefined;
  }

  #endBatch(): void {
    // A copy: a target that settles at once leaves the list.
    if (this.#busy.length > 0) for (const target of [...this.#busy]) target.endBatch(this.#settled);
  }

  /** Looks at the clock, and releases what has settled. */
  #look(): number {
    const nowMs = this.#pace.look();
    this.#releaseSettled();
    return nowMs;
  }

  #releaseSettled(): void {
    this.#events.onRelease?.();
    const held = firstHeld(this.#busy);
    if (held === undefined) this.#reader.release(this.#cursor.nextPosition, this.#nextSequence);
    else this.#reader.release(held.heldPosition, held.heldSequence);
  }

  /**
   * The thread ends, in a handler or outside: releases what has settled, so that the next life gets only what was in hand.
   * Not while it redelivers: there an event has settled only when a turn of the loop has passed, and the thread lives.
   */
  releaseLast(): void {
    if (!this.#hasBatch || this.#redelivery !== undefined) return;
    if (!this.#stepping || this.#busy.length > 0) {
      this.#releaseSettled();
      return;
    }
    const { position, sequence } = this.#cursor;
    this.#nextSequence = sequence;
    this.#events.onRelease?.();
    this.#reader.release(position, sequence);
  }

  #finishBatch(): void {
    this.#hasBatch = false;
    this.#events.onRelease?.();
    this.#reader.release(this.#reader.taken, this.#nextSequence);
  }

  /** Position of the next record to be handed out. */
  get position(): number {
    return this.#hasBatch ? this.#cursor.nextPosition : this.#reader.taken;
  }

  #remove(target: Target): void {
    const index = this.#busy.indexOf(target);
    if (index >= 0) this.#busy.splice(index, 1);
  }

  #afterSettling(): void {
    if (!this.#hasBatch || this.#stepping) return;
    // A record in redelivery is released a turn of the loop later, by the next step.
    if (this.#redelivery === undefined) {
      // Asynchronous handlers settle at the pace of the event loop: a release each is cheap beside it.
      this.#releaseSettled();
    }
    if (this.#busy.length === 0) this.#events.onSettled();
  }
}
