/** The end of a bus: everything accepted is delivered, or counted. */

import { clearTimeout, MAX_TIMER_MS, queueMicrotask, setTimeout } from '../host/timing.js';
import { currentHandlings } from '../publish/handling.js';
import { CLOSED, CLOSING } from '../ring/control-descriptor.js';
import { DEAD_LETTER_TOPIC } from '../subscribe/dead-letters.js';
import type { Subscription } from '../subscribe/subscription.js';
import { countUndelivered } from '../subscribe/undelivered.js';
import type { BusParts } from './bus-parts.js';
import type { LazyConnections } from './connection/lazy-connections.js';

/** How long threads that are ended are waited for: then they are counted where they stand. */
const EXIT_PATIENCE_MS = 250;

/** What a close came to. */
export interface CloseResult {
  /** Deliveries that were owed at the deadline; an event that two subscriptions did not get counts twice. */
  readonly undelivered: number;
}

/**
 * Delivers what was accepted, ends all subscriptions, and gives up on what is left after `drainTimeoutMs`.
 *
 * It does not wait for subscriptions whose handlers wait for it ({@link excuseCaller}); they end by themselves afterwards.
 *
 * @param abandoned what {@link abandon} came to, if it was called meanwhile
 */
export async function closeDown(
  parts: BusParts,
  connections: LazyConnections,
  drainTimeoutMs: number,
  abandoned: () => Promise<number> | undefined,
): Promise<CloseResult> {
  const { writer, publisher, backpressure, keepAlive, subscriptions } = parts;
  let expire!: () => void;
  const deadline = new Promise<void>((resolve) => {
    expire = resolve;
  });
  // Whatever it is waiting for then.
  void backpressure.abandoned.then(expire);
  const timer = drainTimeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(expire, drainTimeoutMs);
  // Something is still being delivered.
  keepAlive.hold();
  writer.setState(CLOSING);
  publisher.flush();
  const bridgesClosed = parts.bridges.close();
  const sayWhere = (): void => {
    for (const subscription of subscriptions.all) subscription.closeAt(publisher.order.nextSequence);
  };
  const taken = connections.close();
  if (connections.opened === undefined) sayWhere();
  else {
    // What connections had accepted was accepted before the call.
    await Promise.race([taken, deadline]);
    sayWhere();
  }
  const ends: Promise<void>[] = [];
  // An event that kills its thread meanwhile becomes a dead letter: those who want dead letters end after those who may cause one.
  const half = setTimeout(() => goOn(), Math.min(drainTimeoutMs / 2, MAX_TIMER_MS));
  let goOn!: () => void;
  const patience = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  for (const group of byDeadLetters(parts)) {
    await Promise.race([backpressure.emptied(), deadline]);
    const endSequence = publisher.order.nextSequence;
    ends.push(...group.map((subscription) => stopped(subscription, endSequence)));
    await Promise.race([Promise.all(ends), patience, deadline]);
  }
  clearTimeout(half);
  await Promise.race([Promise.all([...ends, bridgesClosed]), deadline]);
  clearTimeout(timer);
  keepAlive.release();
  return { undelivered: await (abandoned() ?? abandon(parts, connections)) };
}

/** Ends a subscription. Resolves when that has been done, or when its handler stands aside. */
function stopped(subscription: Subscription, endSequence: number): Promise<void> {
  const { aside } = subscription.delivery;
  const ended = subscription.stopAt(endSequence);
  return aside === undefined ? ended : Promise.race([ended, aside]);
}

/** The subscriptions in the order in which they end: without a reader of dead letters, those in threads, those here. */
function byDeadLetters({ topics, subscriptions }: BusParts): Subscription[][] {
  const all = [...subscriptions.all];
  if (!all.some(({ delivery }) => delivery.thread === 'own')) return [all];
  const { wantedLow, wantedHigh } = topics.entry(DEAD_LETTER_TOPIC);
  const wants = ({ delivery: { reader } }: Subscription): boolean =>
    ((reader < 32 ? wantedLow : wantedHigh) & (1 << (reader & 31))) !== 0;
  const readers = all.filter(wants);
  return [
    all.filter((subscription) => !wants(subscription)),
    readers.filter(({ delivery }) => delivery.thread === 'own'),
    readers.filter(({ delivery }) => delivery.thread !== 'own'),
  ];
}

/** Lets a close go on without those on whose behalf it is called: they may be what waits for it. */
export function excuseCaller(): void {
  for (const { holder } of currentHandlings()) {
    // When a handler has returned its promise: its siblings on the same reader do not wait for it either.
    if (holder !== undefined) queueMicrotask(() => holder.heldPosition !== undefined && holder.standAside());
  }
}

/**
 * Ends what has not ended, at once, and counts what it was owed. Does not wait for threads that cannot be ended at once: those
 * that start, and those that are in a call into the system. They handle nothing any more, and hold no process open.
 */
export async function abandon(parts: BusParts, connections: LazyConnections): Promise<number> {
  // Before anything is counted: room that is made from now on is not written to.
  parts.writer.setState(CLOSED);
  parts.publisher.pending.abandon();
  parts.backpressure.abandon();
  const notTaken = connections.abandon();
  const late = [...parts.subscriptions.all].filter(({ delivery }) => delivery.isAside !== true);
  let loseThread!: () => void;
  const patience = new Promise<void>((resolve) => {
    loseThread = resolve;
  });
  const timer = setTimeout(loseThread, EXIT_PATIENCE_MS);
  const counts = late.map(async (subscription) => {
    const { delivery } = subscription;
    // A handler is counted where it stands; a thread of its own may go on until it has exited.
    const owed = delivery.thread === 'own' ? undefined : countUndelivered(delivery, parts);
    delivery.destroy();
    await Promise.race([delivery.ended, patience]);
    return owed ?? countUndelivered(delivery, parts);
  });
  const owed = await Promise.all(counts);
  clearTimeout(timer);
  return owed.reduce((sum, count) => sum + count, notTaken);
}
