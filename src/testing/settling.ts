/** Waiting until everything that was published has been dealt with. */
import { setImmediate, setTimeout } from '../host/timing.js';
import type { BusStats, SubscriptionStats } from '../index.js';

/** What of a bus is looked at. */
export interface Settling {
  flush(): void;
  stats(): BusStats;
}

/** Turns of the loop between looks: at first each, then by time, so that threads get the processor. */
const QUICK_LOOKS = 20;
const LOOK_MS = 2;

/**
 * Resolves when nothing is queued or on its way from a connection, and every subscription has dealt with what it wants of what is in the ring: what
 * handlers published meanwhile included.
 *
 * @throws {Error} which names the subscriptions that are behind, when that takes longer than `timeoutMs`
 */
export async function settle(bus: Settling, timeoutMs: number, nowMs: () => number): Promise<void> {
  const startMs = nowMs();
  // Twice in a row: a handler that has just settled may publish in the next turn.
  let quiet = 0;
  for (let look = 0; quiet < 2; look++) {
    bus.flush();
    await (look < QUICK_LOOKS ? new Promise<void>((resolve) => setImmediate(resolve)) : pause(LOOK_MS));
    const stats = bus.stats();
    const behind = stats.subscriptions.filter(isBehind);
    const isArriving = stats.connections.some(({ uplinkBytes, pending }) => uplinkBytes + pending > 0);
    quiet = behind.length === 0 && stats.pending.events === 0 && !isArriving ? quiet + 1 : 0;
    if (quiet > 0 || nowMs() - startMs < timeoutMs) continue;
    const names = behind.map((subscription) => describe(subscription)).join(', ');
    throw new Error(
      `not settled after ${timeoutMs} ms: ${names === '' ? 'events wait for room in the ring, or are on their way from connections' : names}`,
    );
  }
}

/** What a sleeping reader has not released it does not want. */
function isBehind({ state, backlogBytes, asleep }: SubscriptionStats): boolean {
  return state === 'starting' || (backlogBytes > 0 && !asleep);
}

function describe({ name, state, backlogBytes }: SubscriptionStats): string {
  return state === 'starting'
    ? `subscription ${JSON.stringify(name)} has not started`
    : `subscription ${JSON.stringify(name)} has ${backlogBytes} bytes before it, or a handler that is pending`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
