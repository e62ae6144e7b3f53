/**
 * One subscription as the thread that delivers to it sees it: a handler, and the events it has in hand.
 *
 * While a target is busy it holds RELEASED back at the first record that it has not settled. Nothing that a handler
 * throws leaves a target.
 */
import { ReceivedEnvelope } from '../../envelope/received-envelope.js';
import type { BatchCursor } from './batch-cursor.js';
import type { LagAccount, LagRange, SequenceRange } from './lag.js';

const NO_ORIGINS: ReadonlySet<number> = new Set();

/** Told when a busy target has settled something: all of it, if it is no longer busy. */
export type Settled = (target: Target) => void;

/** Told of each failure of a handler, by the event it failed on. Must not throw. */
export type ReportFailure = (error: unknown, topic: string, sequence: number) => void;

export abstract class Target implements LagAccount {
  /** Sequences below it were accepted before the subscription. */
  readonly joinSequence: number;
  readonly earlier: SequenceRange[] = [];
  /** From here on none is earlier. */
  #laterFrom: number;
  /** Sequences from it on were accepted after the subscription ended. */
  endSequence = Number.MAX_SAFE_INTEGER;
  countedUntil = Number.MAX_SAFE_INTEGER;
  lagged = 0;
  untold = 0;
  /** Events that came in there are not delivered. */
  exceptOrigins: ReadonlySet<number> = NO_ORIGINS;
  active = true;
  /** Whether it is told where its events lie, so that no envelope is made of them. */
  readonly takesRecords: boolean = false;
  delivered = 0;
  failed = 0;
  /** True while events are in hand. */
  busy = false;
  /** Position and sequence of the first record in hand, while busy. */
  heldPosition = 0;
  heldSequence = 0;
  onLagged: ((range: LagRange) => void) | undefined;
  /** Called whenever the target stops being busy. */
  onIdle: (() => void) | undefined;
  readonly #report: ReportFailure;

  constructor(joinSequence: number, report: ReportFailure) {
    this.joinSequence = joinSequence;
    this.#laterFrom = joinSequence;
    this.#report = report;
  }

  wants(sequence: number): boolean {
    return this.active && (sequence >= this.#laterFrom || this.#hasJoined(sequence)) && sequence < this.endSequence;
  }

  /** Told, in order, of records behind the first that were accepted before the subscription; see {@link LagAccount}. */
  passBy(range: SequenceRange): void {
    this.earlier.push(range);
    this.#laterFrom = range.next;
  }

  #hasJoined(sequence: number): boolean {
    if (sequence < this.joinSequence) return false;
    return !this.earlier.some(({ first, next }) => sequence >= first && sequence < next);
  }

  /**
   * Takes an event that the target wants. Its sequence comes beside the envelope: handlers share that, and may have
   * written over its properties.
   */
  hand(_envelope: ReceivedEnvelope, _sequence: number, _position: number, _settled: Settled): void {}

  /** Takes the event at the cursor: in place of {@link hand}, where {@link takesRecords} says so. */
  handRecord(_cursor: BatchCursor, _redelivered: boolean): void {}

  /** Told, while busy, that every record of the batch has been handed out. */
  abstract endBatch(settled: Settled): void;

  protected becomeIdle(settled: Settled): void {
    this.busy = false;
    settled(this);
    this.onIdle?.();
  }

  protected hold(sequence: number, position: number): void {
    this.heldSequence = sequence;
    this.heldPosition = position;
  }

  /** Counts and reports the failure of one call of a handler, which took `events`, from `first` on. */
  protected fail(error: unknown, first: ReceivedEnvelope, sequence: number, events: number): void {
    this.failed += events;
    this.#report(error, ReceivedEnvelope.topicOf(first), sequence);
  }
}
