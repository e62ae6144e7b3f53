/**
 * What must hold of each subscription once the bus is closed: its receipts against the list of accepted events, and what
 * `lagged`, `envelope.lagged` and `stats()` say of them against each other.
 */
import type { Account } from './account.js';
import { TORN } from './events.js';
import type { Receipt } from './receipts.js';
import type { Entry } from './reference.js';
import { isFailure, moodOf } from './temper.js';

export interface Closing {
  /** The length of the list when the bus was told to close: what comes later tells of threads that died meanwhile. */
  readonly closedAt: number;
  /** Whether everything accepted was delivered before the bus was given up. */
  readonly complete: boolean;
  /** Subscriptions that had ended before the bus was closed. */
  readonly endedBefore: ReadonlySet<Account>;
  /** Those that waited for the close in a handler: nobody waits for them. */
  readonly excused: ReadonlySet<Account>;
}

/** Breaches of the laws, in words. */
export function* faultsOf(account: Account, log: readonly Entry[], closing: Closing): Generator<string> {
  const { name, terms, subscription } = account;
  const receipts = account.receipts;
  const sequences = new Set(receipts.map(({ sequence }) => sequence));
  for (const text of [
    ...faultyReceipts(account, receipts, log),
    ...faultyOrder(account, receipts),
    ...faultyLag(account, receipts, log),
    ...faultyTotal(account, sequences, log, closing),
    ...(subscription === undefined ? [] : faultyScan(account, log, closing)),
    ...(subscription === undefined ? [] : faultyStats(account, receipts, closing)),
  ]) {
    yield `${name}${terms.lossy ? ' (lossy)' : ''}${account.evictions > 0 ? ' (evicted)' : ''}: ${text}`;
  }
}

/** Each receipt is of an accepted event that the filter selected when it was accepted, whole. */
function* faultyReceipts(account: Account, receipts: readonly Receipt[], log: readonly Entry[]): Generator<string> {
  for (const { sequence, id } of receipts) {
    const entry = log[sequence];
    if (id === TORN) yield `${sequence} is torn`;
    else if (entry === undefined) yield `${sequence} was never accepted`;
    else if (entry.id !== id) yield `${sequence} is event ${id}, not ${entry.id}`;
    else if (!account.selects(sequence, entry)) yield `${sequence} on ${entry.topic} is not selected`;
    else if (!account.covers(sequence) && !account.doubtful.has(sequence)) {
      yield `${sequence} is not of ${account.join} to ${account.endsAt}`;
    }
    if (account.skipped.has(sequence)) yield `${sequence} was received and skipped`;
  }
}

/** New events come in the order of the list. What comes again is marked, and comes first in the life of a thread. */
function* faultyOrder({ restarts }: Account, receipts: readonly Receipt[]): Generator<string> {
  const seen = new Set<number>();
  let newest = -1;
  let before: Receipt | undefined;
  for (const receipt of receipts) {
    const { sequence, redelivered, life } = receipt;
    if (redelivered && restarts === 0) yield `${sequence} is marked as redelivered, and no thread died`;
    if (seen.has(sequence) && !redelivered) yield `${sequence} came again, unmarked, in life ${life}`;
    if (!redelivered && sequence <= newest) yield `${sequence} came after ${newest}`;
    if (before !== undefined && before.life === life) {
      if (sequence <= before.sequence) yield `${sequence} came after ${before.sequence} in life ${life}`;
      if (redelivered && !before.redelivered) yield `${sequence} came again after ${before.sequence}, which was new`;
    }
    seen.add(sequence);
    newest = Math.max(newest, sequence);
    before = receipt;
  }
}

/** All that tells of lag tells the same. */
function* faultyLag(account: Account, receipts: readonly Receipt[], log: readonly Entry[]): Generator<string> {
  const { told, terms, restarts, evictions, inThread, begin } = account;
  let until = begin;
  for (const { first, count, until: end = first + count } of told) {
    if (first < until || count < 1) yield `lagged ${first}+${count} was told after ${until}`;
    until = end;
    const own = account.countOwn(first, until);
    // Gaps of a thread may be told as one, with something between them that was not missed.
    if (count > own || (count < own && !inThread))
      yield `lagged ${first}+${count} up to ${until}, of which ${own} are its own`;
    // What is gone when a replay begins is all that a lossless subscription may miss.
    if (!terms.lossy && evictions === 0 && first > begin) yield `lagged ${first}+${count}, though it is lossless`;
  }
  if (until > log.length && told.length > 0) yield `lagged up to ${until}, but only ${log.length} were written`;
  const sum = told.reduce((total, { count }) => total + count, 0);
  const lagged = account.subscription?.stats().lagged ?? 0;
  if (lagged !== sum) yield `stats() say ${lagged} lagged, the events ${sum}`;
  if (restarts > 0) return;
  let after = begin;
  for (const { sequence, lagged: before } of receipts) {
    const missed = told
      .filter(({ first }) => first >= after && first < sequence)
      .reduce((n, { count }) => n + count, 0);
    if (before !== missed) yield `the envelope of ${sequence} says ${before} lagged, the events ${missed}`;
    after = sequence;
  }
}

/** Everything that it was owed was received, or told as missed, or skipped with a dead letter. */
function* faultyTotal(
  account: Account,
  received: ReadonlySet<number>,
  log: readonly Entry[],
  { complete, endedBefore, excused }: Closing,
): Generator<string> {
  const { told, terms, skipped, restarts, gaveUp, cutOff } = account;
  const limited = terms.limit !== undefined && received.size >= terms.limit;
  const isAll =
    (complete || endedBefore.has(account)) &&
    !cutOff &&
    !limited &&
    !excused.has(account) &&
    !(gaveUp && terms.diesOnce);
  const { inThread } = account;
  // Up to where it came: there all must be accounted for, behind it nothing needs be. A thread has come to a gap that it tells
  // of: it takes records beyond a batch only when all of the batch has settled. So does a reader here, unless it lets a handler
  // pass that waits for somebody's end with events in hand (`letPass`): then it reads on, and tells of a gap that lies behind
  // those. That is before anything behind the gap is delivered, as promised; where the bus is given up meanwhile, what was in
  // hand stays undelivered, and is counted so.
  const toldOf = inThread ? told.map(({ first, count, until = first + count }) => until - 1) : [];
  const newest = Math.max(-1, ...received, ...toldOf, ...skipped);
  const missing: number[] = [];
  for (const sequence of account.owed(log)) {
    if (sequence > newest && !isAll) break;
    const gap = told.find(({ first, count, until = first + count }) => sequence >= first && sequence < until);
    const missed = gap !== undefined;
    // Between gaps that a thread tells of as one, it may have got something.
    const isSure = !(inThread && gap?.until !== undefined);
    if (received.has(sequence)) {
      // What a thread had handled and not released when it died may be overwritten, and then counts as missed too.
      if (missed && isSure && restarts === 0) yield `${sequence} was received and told as missed`;
    } else if (!missed && !skipped.has(sequence)) missing.push(sequence);
  }
  if (missing.length > 0)
    yield `${missing.length} missing: ${missing.slice(0, 8).join(', ')}${missing.length > 8 ? ' …' : ''}`;
}

/** Its reader has passed every record from its start to its end, and has seen it or missed it. */
function* faultyScan(account: Account, log: readonly Entry[], closing: Closing): Generator<string> {
  const { complete, endedBefore, excused, closedAt } = closing;
  const { terms, cutOff, gaveUp, received, subscription } = account;
  const isWhole = (complete || endedBefore.has(account)) && !cutOff && !gaveUp && !excused.has(account);
  if (!isWhole || received >= (terms.limit ?? Number.POSITIVE_INFINITY)) return;
  const { scanned, lagged } = subscription!.stats();
  const least = account.countOwn(0, closedAt);
  const most = account.countOwn(0, log.length);
  if (scanned + lagged < least || scanned + lagged > most) {
    yield `${scanned} scanned and ${lagged} lagged are not its ${least} to ${most} records`;
  }
}

function* faultyStats(
  account: Account,
  receipts: readonly Receipt[],
  { complete, endedBefore, excused }: Closing,
): Generator<string> {
  const { delivered, failed, restarts, rescued, deadLetters, state, backlogBytes } = account.subscription!.stats();
  const { terms, inThread } = account;
  if (state !== 'ended') yield `is ${state} after the close`;
  if (backlogBytes !== 0) yield `holds ${backlogBytes} bytes after its end`;
  if (rescued !== 0) yield `${rescued} wake-ups were missed`;
  if (restarts !== account.restarts) yield `stats() say ${restarts} restarts, the events ${account.restarts}`;
  if (deadLetters !== account.skipped.size)
    yield `stats() say ${deadLetters} dead letters, the events ${account.skipped.size}`;
  const known = (complete || endedBefore.has(account)) && !excused.has(account);
  if (!known || terms.form === 'pulled' || terms.form === 'stream') return;
  if (!inThread) {
    if (delivered !== account.delivered || failed !== account.failed) {
      yield `stats() say ${delivered} delivered and ${failed} failed, not ${account.delivered} and ${account.failed}`;
    }
    if (account.failuresTold !== failed) yield `${failed} failed, ${account.failuresTold} were told`;
  } else if (restarts === 0 && !account.gaveUp) {
    if (delivered + failed !== receipts.length)
      yield `${delivered} delivered, ${failed} failed, ${receipts.length} received`;
    const failures = receipts.filter(({ id }) => isFailure(moodOf(id, terms.temper!))).length;
    if (terms.form === 'thread' && failed !== failures) yield `stats() say ${failed} failed, not ${failures}`;
    if (account.failuresTold > failed) yield `${failed} failed, ${account.failuresTold} were told`;
  }
}
