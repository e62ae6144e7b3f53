/** What a subscription tells its owner, as events. */
import type { LagRange } from '../worker/dispatch/lag.js';

/** Their names, as an object that the compiler holds against them. */
export const SUBSCRIPTION_EVENTS: Readonly<Record<keyof SubscriptionEvents, true>> = {
  error: true,
  lagged: true,
  restart: true,
  evicted: true,
  end: true,
};

/** What happens to a subscription, as events. */
export interface SubscriptionEvents {
  /** A handler failed, or the thread ended by itself. Unheard, it goes to the bus, and from there into a warning. */
  error: [error: Error];
  /**
   * A lossy subscription was overtaken: `range.count` records from sequence `range.first` on, accepted while it was active,
   * were overwritten unread. Told before anything behind them is delivered.
   */
  lagged: [range: LagRange];
  /** The thread ended by itself; it is started again at its own cursor in `delayMs`. */
  restart: [error: Error, delayMs: number];
  /** The subscription held up a waiting publisher for `stallTimeoutMs`: from now on it is lossy. */
  evicted: [error: Error];
  /** The subscription is over: nothing more is delivered. */
  end: [];
}
