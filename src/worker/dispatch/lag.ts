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
   * Sequence behind the last, where several gaps of a thread are told as one because the thread of the bus was blocked: not
   * all of what lies between was missed. Otherwise the records follow one another.
   */
  readonly until?: number;
}

/** The account of one subscription. */
export interface LagAccount {
  /** Records below it were accepted before the subscription. */
  readonly joinSequence: number;
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
    const from = Math.max(first, account.joinSequence);
    const count = Math.min(next, account.countedUntil) - from;
    if (count <= 0) continue;
    account.lagged += count;
    account.untold += count;
    told.push([account, { first: from, count }]);
  }
  // After all were counted: whoever hears of it may stop the others.
  for (const [account, range] of told) account.onLagged?.(range);
}

/** The envelope for a subscription that has missed something just before it. */
export function tellLag(envelope: ReceivedEnvelope, account: LagAccount): ReceivedEnvelope {
  const { untold } = account;
  account.untold = 0;
  return envelope.withLagged(untold);
}

/** Records that its reader has seen since the subscription began, wanted or not; `nextSequence` is the reader's. */
export function scannedFor({ joinSequence, countedUntil, lagged }: LagAccount, nextSequence: number): number {
  return Math.max(0, Math.min(nextSequence, countedUntil) - joinSequence) - lagged;
}
