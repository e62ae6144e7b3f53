/**
 * Takes batches from a reader and hands each record to the targets that want it.
 *
 * *Settling.* A record has settled when no target has it, or one before it, in hand. RELEASED follows what has settled at
 * least every 64 records or 10 ms. The next batch is taken when all of this one has settled.
 *
 * *Redelivering.* What a thread that died may have handled already comes again one record at a time: handed out, settled, a
 * turn of the loop, released. So the record that kills a thread is known by its sequence.
 *
 * *Concluding.* That nothing is left below a sequence is never concluded in the middle of a step. What was missed is known when
 * the record behind it comes; there always is one, as the largest record takes an eighth of the ring.
 */
import { CorruptRecordError, OverwrittenEnvelopesError } from '../../errors.js';
import { monotonicMs } from '../../host/timing.js';
import { distance } from '../../memory/position.js';
import type { RingReader } from '../../ring/ring-reader.js';
import type { TypeDirectory } from '../type-directory.js';
import type { Redelivery } from '../worker-protocol.js';
import { BatchCursor } from './batch-cursor.js';
import { BusyTargets } from './busy-targets.js';
import { EventDelivery } from './event-delivery.js';
import { ReleasePace } from './release-pace.js';
import type { Router } from './router.js';
import { type ReleaseEvents, SettledRelease } from './settled-release.js';
import type { Target } from './target.js';

/** What a call of {@link Dispatcher.step} came to. */
export type Step =
  /** Nothing is left to read and everything has settled. */
  | 'idle'
  /** The time is up; call again. */
  | 'more'
  /** A handler is pending; `onSettled` says when to call again. */
  | 'waiting';

export interface DispatcherEvents extends ReleaseEvents {
  /** A batch was taken, after a look at the tail; none of its records has been routed yet. */
  onTaken?(): void;
  /** A handler wrote over records; those that were not handed out are taken again. Where there is none, it is thrown. */
  onOverwritten?(error: Error): void;
  /** Nothing is pending any more. */
  onSettled(): void;
}

export class Dispatcher {
  readonly #reader: RingReader;
  readonly #events: DispatcherEvents;
  readonly #busy = new BusyTargets();
  readonly #settled = (target: Target): void => {
    if (!target.busy) this.#busy.remove(target);
    this.#afterSettling();
  };
  readonly #cursor: BatchCursor;
  readonly #release: SettledRelease;
  /** Of each event; it says which one comes next, and counts what was missed and rescued. */
  readonly delivery: EventDelivery;
  /** True from taking a batch until all of it has settled. */
  #hasBatch = false;
  /** True inside {@link step}, which finishes its batches itself. */
  #stepping = false;
  readonly #pace = new ReleasePace();
  /** Where a handler had written over records. */
  #wentBackTo: number | undefined;
  #redelivery: Redelivery | undefined;

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
    this.#events = events;
    this.#cursor = new BatchCursor(types);
    this.delivery = new EventDelivery(reader, router, this.#cursor, this.#busy, this.#settled, nextSequence);
    this.#release = new SettledRelease(reader, this.#cursor, this.#busy, this.delivery, events);
  }

  /** Sequence behind the last record seen. */
  get nextSequence(): number {
    return this.delivery.nextSequence;
  }

  /** Goes on from what a life before this one left. */
  redeliver(redelivery: Redelivery): void {
    this.delivery.skip(redelivery.skips);
    if (distance(redelivery.until, this.#reader.taken) > 0) this.#redelivery = redelivery;
  }

  /** Whether records that were taken are still to be handed out: they may be older than what the ring still holds. */
  get isBatchOpen(): boolean {
    return !this.#cursor.done;
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

  /** Whether every record below `endSequence` was handed out or missed; always false inside {@link step} and in redelivery. */
  hasPassed(endSequence: number): boolean {
    if (this.#stepping || this.delivery.isRedelivering) return false;
    return this.delivery.nextSequence >= endSequence;
  }

  /**
   * Goes on without a target that has something in hand, which waits for what comes behind. What comes for it until then
   * waits on the heap: no more than was accepted before `sequence`, and the rest of that batch.
   */
  passBy(target: Target, sequence: number): void {
    this.#busy.passBy(target, sequence);
    this.drop(target);
  }

  /** Waits no longer for a target that was stopped: what it has in hand is its own affair. */
  drop(target: Target): void {
    if (this.#busy.remove(target)) this.#afterSettling();
  }

  #step(budgetMs: number): Step {
    const startedMs = monotonicMs();
    this.#pace.startAt(startedMs);
    for (;;) {
      if (this.#cursor.done) {
        if (this.#hasBatch) this.#busy.waitAgain(this.delivery.nextSequence);
        if (this.#busy.any) {
          // Handlers may be pending for long: what settled before them is not held up by them.
          this.#release.settled();
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
        return this.#redelivery !== undefined && this.#busy.any ? 'waiting' : 'more';
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
      if (cursor.next()) this.delivery.deliver(false);
      if (this.#pace.pass() && this.#look() > deadlineMs && !cursor.done) return false;
    }
    this.#busy.endBatch(this.#settled);
    return true;
  }

  /** Hands out one record that somebody wants. False, so that a turn of the loop comes before the next one. */
  #redeliverOne(redelivery: Redelivery): boolean {
    if (this.#busy.any) return false;
    this.delivery.endRedelivery();
    this.#release.settled();
    const cursor = this.#cursor;
    while (!cursor.done) {
      if (distance(cursor.nextPosition, redelivery.until) >= 0) {
        this.#redelivery = undefined;
        return true;
      }
      if (cursor.next() && this.delivery.deliver(true)) {
        this.#busy.endBatch(this.#settled);
        return false;
      }
    }
    return true;
  }

  /** Looks at the clock, and releases what has settled. */
  #look(): number {
    const nowMs = this.#pace.look();
    this.#release.settled();
    return nowMs;
  }

  /**
   * The thread ends, in a handler or outside: releases what has settled, so that the next life gets only what was in hand.
   * Not while it redelivers: there an event has settled only when a turn of the loop has passed, and the thread lives.
   */
  releaseLast(): void {
    if (!this.#hasBatch || this.#redelivery !== undefined) return;
    if (!this.#stepping || this.#busy.any) this.#release.settled();
    else this.#release.beforeEvent();
  }

  #finishBatch(): void {
    this.#hasBatch = false;
    this.delivery.endRedelivery();
    this.#release.all();
  }

  /** Position of the next record to be handed out. */
  get position(): number {
    return this.#hasBatch ? this.#cursor.nextPosition : this.#reader.taken;
  }

  #afterSettling(): void {
    if (!this.#hasBatch || this.#stepping) return;
    // A record in redelivery is released a turn of the loop later, by the next step.
    if (this.#redelivery === undefined) {
      // Asynchronous handlers settle at the pace of the event loop: a release each is cheap beside it.
      this.#release.settled();
    }
    if (!this.#busy.any) this.#events.onSettled();
  }
}
