/** The end of a bus: everything accepted is delivered, or counted. */
import { CLOSED, CLOSING } from '../ring/control-descriptor.js';
import { HandlerDelivery } from './handler-delivery.js';
import { currentHandling } from './handling.js';
import type { Subscription } from './subscription.js';
import type { SubscriptionParts, Subscriptions } from './subscriptions.js';
import { countUndelivered } from './undelivered.js';

/** What a close came to. */
export interface CloseResult {
  /** Deliveries that were owed at the deadline; an event that two subscriptions did not get counts twice. */
  readonly undelivered: number;
}

/**
 * Delivers what was accepted, ends all subscriptions, and gives up on what is left after `drainTimeoutMs`.
 *
 * Called from a handler, it does not wait for that handler's subscription, which ends by itself afterwards.
 */
export async function closeDown(
  parts: SubscriptionParts,
  subscriptions: Subscriptions,
  drainTimeoutMs: number,
): Promise<CloseResult> {
  const { writer, publisher, room } = parts;
  const caller = currentHandling();
  let expire!: () => void;
  const deadline = new Promise<void>((resolve) => {
    expire = resolve;
  });
  // Holds the process open: something is still being delivered.
  const timer = setTimeout(expire, drainTimeoutMs);
  writer.setState(CLOSING);
  publisher.flush();
  if (caller instanceof HandlerDelivery) {
    // When the handler has returned its promise: its siblings on the same reader do not wait for it either.
    await undefined;
    caller.standAside();
  }
  await Promise.race([room.emptied(), deadline]);
  const endSequence = publisher.nextSequence;
  const awaited = [...subscriptions.all].filter((subscription) => subscription.delivery !== caller);
  for (const subscription of subscriptions.all) void subscription.stopAt(endSequence);
  await Promise.race([Promise.all(awaited.map((subscription) => subscription.ended)), deadline]);
  clearTimeout(timer);
  // Before anything is counted: room that is made from now on is not written to.
  writer.setState(CLOSED);
  room.abandon();
  return { undelivered: await giveUp(awaited, parts, subscriptions) };
}

/** Ends what has not ended, and counts what it was owed. */
async function giveUp(
  awaited: readonly Subscription[],
  parts: SubscriptionParts,
  subscriptions: Subscriptions,
): Promise<number> {
  const late = awaited.filter((subscription) => subscriptions.all.has(subscription));
  const counts = late.map(async (subscription) => {
    const { delivery } = subscription;
    // A handler here is counted where it stands; a thread may go on until it has exited.
    const owed = delivery.thread === 'bus' ? countUndelivered(delivery, parts) : undefined;
    delivery.destroy();
    await delivery.ended;
    return owed ?? countUndelivered(delivery, parts);
  });
  return (await Promise.all(counts)).reduce((sum, owed) => sum + owed, 0);
}
