/** The end of a connection on its own thread: the owner has everything that was accepted, or the rest is counted. */
import { clearTimeout, queueMicrotask, setTimeout, sleep } from '../host/timing.js';
import { LEAVES } from './connection-messages.js';
import type { ConnectionParts } from './connection-parts.js';

/** Between two looks whether the owner has come by. */
const LOOK_MS = 1;

/** Resolves when the owner has taken over all that was accepted, or when the time is over. */
export function drained(parts: ConnectionParts, drainTimeoutMs: number): Promise<{ readonly undelivered: number }> {
  return until(parts, drainTimeoutMs, () => parts.link.hasEnded || parts.writer.usedBytes === 0);
}

/**
 * The same, and all subscriptions have ended, with what was accepted before delivered; then the owner knows that nothing more
 * will come. Only when nothing more is accepted.
 */
export async function left(parts: ConnectionParts, drainTimeoutMs: number): Promise<{ readonly undelivered: number }> {
  const { link, asked } = parts;
  // Behind what is asked in the uplink, and also where that is sealed: whoever closes the bus may wait for this thread.
  link.say(LEAVES);
  let hasLeft = false;
  let isDrained = false;
  void asked.drain().then(() => {
    isDrained = true;
  });
  const result = await until(parts, drainTimeoutMs, () => {
    if (link.hasEnded) return true;
    if (!isDrained) return false;
    if (!hasLeft) leave(parts);
    hasLeft = true;
    return false;
  });
  asked.abandon();
  // What readers still touch in this turn, they have left.
  await undefined;
  if (!hasLeft) leave(parts);
  link.end();
  return result;
}

/** The owner takes over what was accepted by now, and then ends the connection. Only when nothing more is accepted. */
export async function refused(parts: ConnectionParts): Promise<void> {
  const { backpressure } = parts;
  await Promise.race([backpressure.emptied(), backpressure.abandoned]);
  leave(parts);
}

/** Drops what waits on the heap. What is in the uplink, the owner still takes over. */
export function abandonConnection(parts: ConnectionParts): void {
  giveUp(parts);
  // Where the caller is a handler, its reader goes on until it returns; the owner gives the slot to others once it has ended.
  queueMicrotask(() => {
    leave(parts);
    parts.link.end();
  });
}

/** The connection is over: nothing is written or delivered any more. */
export function giveUp({ publisher, backpressure, asked }: ConnectionParts): void {
  publisher.pending.abandon();
  backpressure.abandon();
  asked.abandon();
}

function leave({ link, writer }: ConnectionParts): void {
  link.leave();
  // Rings, if the owner sleeps.
  writer.flush();
}

async function until(
  { link, writer, publisher, backpressure }: ConnectionParts,
  drainTimeoutMs: number,
  isDone: () => boolean,
): Promise<{ readonly undelivered: number }> {
  let isOver = drainTimeoutMs === 0;
  let expire!: () => void;
  const deadline = new Promise<void>((resolve) => {
    expire = () => {
      isOver = true;
      resolve();
    };
  });
  const timer = drainTimeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(expire, drainTimeoutMs);
  await Promise.race([backpressure.emptied(), backpressure.abandoned, deadline]);
  while (!isDone() && !isOver) {
    await sleep(LOOK_MS);
    link.hear();
  }
  clearTimeout(timer);
  return { undelivered: publisher.order.queue.events + writer.countUnread() };
}
