/** The end of a bus: everything accepted is delivered, or counted. */
import { CLOSED, CLOSING } from '../ring/control-descriptor.js';
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
  await Promise.race([room.emptied(), deadline]);
  const endSequence = publisher.nextSequence;
  const awaited = [...subscriptions.all].filter((subscription) => subscription.delivery !== caller);
  for (const subscription of subscriptions.all) void subscription.stopAt(endSequence);
  await Promise.race([Promise.all(awaited.map((subscription) => subscription.ended)), deadline]);
  clearTimeout(timer);
  const undelivered = await giveUp(awaited, parts, subscriptions);
  writer.setState(CLOSED);
  room.abandon();
  return { undelivered };
}

/** Ends what has not ended, and counts what it was owed. */
async function giveUp(
  awaited: readonly Subscription[],
  parts: SubscriptionParts,
  subscriptions: Subscriptions,
): Promise<number> {
  const late = awaited.filter((subscription) => subscriptions.all.has(subscription));
  let undelivered = 0;
  for (const subscription of late) {
    const filter = subscriptions.filterOf(subscription);
    const { reader, joinSequence } = subscription.delivery;
    // Its slot is nobody's once the thread has exited, and nothing is written any more that could take it.
    subscription.delivery.destroy();
    await subscription.ended;
    const place = parts.writer.placeOf(reader);
    undelivered += countUndelivered(reader, place, filter, joinSequence, parts.publisher.queue, parts.reading);
  }
  return undelivered;
}
