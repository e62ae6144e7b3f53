/** What happens to a subscription, told to those who listen to it. */
import { emitSafely } from '../host/report.js';
import type { LagRange } from '../worker/dispatch/lag.js';
import type { Subscription } from './subscription.js';

export function tellLagged(subscription: Subscription, range: LagRange): void {
  emitSafely(subscription, 'lagged', range);
}

export function tellEvicted(subscription: Subscription, error: Error): void {
  subscription.wasEvicted = true;
  emitSafely(subscription, 'evicted', error);
}

export function tellRestart(subscription: Subscription, error: Error, delayMs: number): void {
  emitSafely(subscription, 'restart', error, delayMs);
}
