/** What happens to subscriptions, told to those who listen: on the subscription, on the bus, on diagnostics channels. */
import type { EventEmitter } from 'node:events';
import * as channels from '../channels/channels.js';
import { emitSafely, reportError } from '../host/report.js';
import type { LagRange } from '../worker/dispatch/lag.js';
import type { DeadLetterReport } from './dead-letters.js';
import type { Subscription } from './subscription.js';

export function tellStarted(bus: EventEmitter, { name, filter, delivery }: Subscription): void {
  if (!channels.subscriptionStarted.hasSubscribers) return;
  channels.subscriptionStarted.publish({ bus, subscription: name, filter, thread: delivery.thread });
}

export function tellEnded(bus: EventEmitter, subscription: Subscription): void {
  if (!channels.subscriptionEnded.hasSubscribers) return;
  const { delivered, failed, lagged } = subscription.stats();
  channels.subscriptionEnded.publish({ bus, subscription: subscription.name, delivered, failed, lagged });
}

export function tellLagged(bus: EventEmitter, subscription: Subscription, range: LagRange): void {
  emitSafely(subscription, 'lagged', range);
  if (!channels.subscriptionLagged.hasSubscribers) return;
  const { first, count } = range;
  channels.subscriptionLagged.publish({ bus, subscription: subscription.name, first, count });
}

export function tellEvicted(bus: EventEmitter, subscription: Subscription, error: Error): void {
  subscription.wasEvicted = true;
  emitSafely(subscription, 'evicted', error);
  if (!channels.subscriptionEvicted.hasSubscribers) return;
  channels.subscriptionEvicted.publish({ bus, subscription: subscription.name, error });
}

export function tellRestart(bus: EventEmitter, subscription: Subscription, error: Error, delayMs: number): void {
  emitSafely(subscription, 'restart', error, delayMs);
  if (!channels.subscriptionRestart.hasSubscribers) return;
  channels.subscriptionRestart.publish({ bus, subscription: subscription.name, error, delayMs });
}

export function tellError(bus: EventEmitter, subscription: Subscription, error: Error): void {
  reportError(error, subscription, bus);
  if (!channels.subscriptionError.hasSubscribers) return;
  channels.subscriptionError.publish({ bus, subscription: subscription.name, error });
}

export function tellDeadLetter(bus: EventEmitter, report: DeadLetterReport): void {
  emitSafely(bus, 'deadLetter', report);
  channelDeadLetter(bus, report);
}

/** On the channel alone. */
export function channelDeadLetter(bus: EventEmitter, report: DeadLetterReport): void {
  if (channels.deadLetter.hasSubscribers) channels.deadLetter.publish({ bus, ...report });
}
