/** What the verbs may throw, and when. */
import type { BusStats } from '../../src/index.js';
import type { Account } from './account.js';
import type { Verb } from './script.js';

export const SYNC_TIMEOUT_MS = 8;

export interface CallCircumstances {
  /** Within an encoder. */
  readonly nested: boolean;
  /** Its own getter throws. */
  readonly throws: boolean;
  readonly recordBytes: number;
  readonly tookMs: number;
  readonly after: BusStats;
  /** `close` or `destroy` was called. */
  readonly closed: boolean;
  readonly maxPendingBytes: number;
}

/** Why an error should not have been thrown; undefined: it is in order. */
export function faultOf(
  verb: Verb,
  code: string,
  { nested, throws, recordBytes, tookMs, after, closed, maxPendingBytes }: CallCircumstances,
  accounts: readonly Account[],
): string | undefined {
  if (closed) return code === 'BUS_CLOSED' ? undefined : 'the bus is closed';
  if (verb === 'publishSync' && nested) return code === 'BUS_REENTRANT_PUBLISH' ? undefined : 'inside an encoder';
  if (code === 'BUS_INVALID_EVENT') return throws ? undefined : 'nothing inside it throws';
  if (code === 'BUS_QUEUE_FULL' && (verb === 'publish' || verb === 'forward')) {
    return after.pending.bytes + recordBytes > maxPendingBytes ? undefined : 'there is room in the queue';
  }
  if (verb === 'publishSync' && code === 'BUS_PUBLISH_TIMEOUT') {
    return tookMs >= SYNC_TIMEOUT_MS - 1 ? undefined : `after ${tookMs} ms`;
  }
  if (verb === 'publishSync' && code === 'BUS_WOULD_DEADLOCK') {
    const mayHold = ({ name, inThread, over, terms }: Account): boolean =>
      // What a dead thread holds is this thread's to see to, where the next life cannot begin before it has heard of the end.
      !over && !terms.lossy && (!inThread || after.ring.heldBy?.includes(JSON.stringify(name)) === true);
    return accounts.some(mayHold) ? undefined : 'nobody that waits for this thread holds the ring';
  }
  return 'not an error of this verb';
}
