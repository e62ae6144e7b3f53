/** What a round came to. */
import type { Account } from './account.js';
import type { Round } from './round.js';

export interface RoundResult {
  readonly faults: readonly string[];
  readonly events: number;
  readonly deliveries: number;
  readonly subscriptions: number;
  readonly restarts: number;
  readonly evictions: number;
  readonly lagged: number;
  readonly redelivered: number;
  readonly deadLetters: number;
  readonly undelivered: number;
}

export function resultOf(round: Round, undelivered: number): RoundResult {
  const { accounts, log } = round.reference;
  const sum = (of: (account: Account) => number): number => accounts.reduce((total, account) => total + of(account), 0);
  return {
    faults: round.faults,
    events: log.length,
    deliveries: sum(({ receipts }) => receipts.length),
    subscriptions: accounts.length,
    restarts: sum(({ restarts }) => restarts),
    evictions: round.evictions,
    lagged: sum(({ told }) => told.reduce((total, { count }) => total + count, 0)),
    redelivered: sum(({ receipts }) => receipts.filter(({ redelivered }) => redelivered).length),
    deadLetters: sum(({ skipped }) => skipped.size),
    undelivered,
  };
}
