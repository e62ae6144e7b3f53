/** The end of a connection on its own thread: the owner has everything that was accepted, or the rest is counted. */
import { clearTimeout, setTimeout, sleep } from '../host/timing.js';
import type { ConnectionParts } from './connection-parts.js';

/** Between two looks whether the owner has come by. */
const LOOK_MS = 1;

/** Resolves when the owner has taken over all that was accepted, or when the time is over. */
export function drained(parts: ConnectionParts, drainTimeoutMs: number): Promise<{ readonly undelivered: number }> {
  return until(parts, drainTimeoutMs, () => parts.link.hasEnded || parts.writer.usedBytes === 0);
}

/** The same, and then the owner knows that nothing more will come. Only when nothing more is accepted. */
export async function left(parts: ConnectionParts, drainTimeoutMs: number): Promise<{ readonly undelivered: number }> {
  const { link } = parts;
  let hasLeft = false;
  const result = await until(parts, drainTimeoutMs, () => {
    if (!hasLeft) leave(parts);
    hasLeft = true;
    return link.hasEnded;
  });
  link.end();
  return result;
}

/** Drops what waits on the heap. What is in the uplink, the owner still takes over. */
export function abandonConnection(parts: ConnectionParts): void {
  parts.publisher.pending.abandon();
  parts.backpressure.abandon();
  leave(parts);
  parts.link.end();
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
  return { undelivered: publisher.order.queue.length + writer.countUnread() };
}
