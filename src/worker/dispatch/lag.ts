/**
 * What a subscription missed: records accepted between its start and its end that were overwritten before its reader got to
 * them, wanted or not.
 *
 * *The law.* Each subscription has an account of its own, whoever shares its reader. The `lagged` event tells of each gap
 * before anything behind it is handed out; `stats().lagged` is the sum of what the events told; `envelope.lagged` of the next
 * event that the subscription gets is what they told since the one before. At any time, and across the lives of a thread:
 *
 *     told by `lagged` = stats().lagged = sum of envelope.lagged + missed since the last event
 *     scanned + lagged = records that its reader has passed since the subscription began
 *
 * *Asleep or awake.* What was overwritten before an awake reader got to it is missed, wanted or not: nobody can tell any more.
 * The writer moves on those that sleep, and what they sleep through counts as scanned. A reader is awake until it has found
 * nothing in a turn of its own: also just after it was woken for a filter or a stop that brings it nothing.
 */
import type { ReceivedEnvelope } from '../../envelope/received-envelope.js';

/** Records that a lossy subscription missed. */
export interface LagRange {
  /** Sequence of the first. */
  readonly first: number;
  readonly count: number;
  /**
   * Sequence behind the last, where not all of what lies between was missed: several gaps of a thread are told as one because
   * the thread of the bus was blocked, or the subscription was made in a getter of an event and some records had been accepted
   * before. Otherwise the records follow one another.
   */
  readonly until?: number;
}

/** Records that follow one another: from sequence `first` up to `next`. */
export interface SequenceRange {
  readonly first: number;
  readonly next: number;
}

/** The account of one subscription. */
export interface LagAccount {
  /** Records below it were accepted before the subscription. */
  readonly joinSequence: number;
  /** Those behind it that were, too: written behind an event that was on its way when the subscription was made. In order. */
  readonly earlier: readonly SequenceRange[];
  /** Records from it on are not counted, neither as seen nor as missed. */
  readonly countedUntil: number;
  /** Records that were missed, and how many of them the next event tells of. */
  lagged: number;
  untold: number;
  /** Told of each gap before anything behind it is handed out. Must not throw. */
  readonly onLagged: ((range: LagRange) => void) | undefined;
}

/** Everything from sequence `first` up to `next` was missed by the reader of these subscriptions. */
export function tellMissed(accounts: Iterable<LagAccount>, first: number, next: number): void {
  const told: [LagAccount, LagRange][] = [];
  for (const account of accounts) {
    const range = missedBy(account, first, next);
    if (range === undefined) continue;
    account.lagged += range.count;
    account.untold += range.count;
    told.push([account, range]);
  }
  // After all were counted: whoever hears of it may stop the others.
  for (const [account, range] of told) account.onLagged?.(range);
}

/** What of the records from sequence `first` up to `next` was accepted while the subscription was in force. */
function missedBy(
  { joinSequence, earlier, countedUntil }: LagAccount,
  first: number,
  next: number,
): LagRange | undefined {
  let from = Math.max(first, joinSequence);
  let until = Math.min(next, countedUntil);
  // What was accepted earlier is no part of the gap at its ends; in the middle it is not counted.
  for (const range of earlier) if (range.first <= from) from = Math.max(from, range.next);
  for (const range of earlier.toReversed()) if (range.next >= until) until = Math.min(until, range.first);
  const count = countBetween(from, until, earlier);
  if (count === 0) return undefined;
  return count === until - from ? { first: from, count } : { first: from, count, until };
}

/** Sequences from `from` up to `until` that lie in none of the ranges. */
function countBetween(from: number, until: number, except: readonly SequenceRange[]): number {
  let count = until - from;
  for (const { first, next } of except) count -= Math.max(0, Math.min(next, until) - Math.max(first, from));
  return Math.max(0, count);
}

/** The envelope for a subscription that has missed something just before it. */
export function tellLag(envelope: ReceivedEnvelope, account: LagAccount): ReceivedEnvelope {
  const { untold } = account;
  account.untold = 0;
  return envelope.withLagged(untold);
}

/** Records that its reader has seen since the subscription began, wanted or not; `nextSequence` is the reader's. */
export function scannedFor({ joinSequence, earlier, countedUntil, lagged }: LagAccount, nextSequence: number): number {
  return countBetween(joinSequence, Math.min(nextSequence, countedUntil), earlier) - lagged;
}
