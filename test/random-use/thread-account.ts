/** What the log of a thread comes to: what it published, and the account of each of its subscriptions. */
import type { Entry } from './reference.js';
import { Kind, type LogEntry } from './thread-log.js';
import { entryOf, type ThreadScript, type ThreadSubscribing } from './thread-script.js';

/** An event that a thread began to publish. */
export interface ThreadEvent {
  readonly entry: Entry;
  readonly begunAt: number;
  /** When the call had returned; undefined: it has not, or nobody can say what came of it. */
  endedAt: number | undefined;
  outcome: 'written' | 'queued' | 'refused' | undefined;
  /** It has left the thread for certain: the owner has to take it over. */
  told: boolean;
}

export interface ThreadReceipt {
  readonly sequence: number;
  readonly id: number;
  readonly at: number;
}

/** From there on it wants something else; undefined: nothing more. */
export interface TermsChange {
  readonly at: number;
  readonly filter: number | undefined;
}

/** One subscription. Times are stamps. */
export interface ThreadAccount {
  readonly name: string;
  readonly log: ReadThread;
  readonly terms: ThreadSubscribing;
  readonly subscribedAt: number;
  readyAt: number | undefined;
  join: number | undefined;
  readonly changes: TermsChange[];
  readonly receipts: ThreadReceipt[];
  readonly lagged: { readonly first: number; readonly until: number }[];
  isEvicted: boolean;
  /** When it was stopped so that nothing more is delivered. */
  cutAt: number | undefined;
}

export interface ReadThread {
  readonly name: string;
  /** It was ended from outside, or by `process.exit`. */
  readonly isCut: boolean;
  readonly events: ReadonlyMap<number, ThreadEvent>;
  readonly accounts: readonly ThreadAccount[];
  readonly lost: number;
  /** Events that waited on its heap when its connections ended, as the owner says; undefined: nobody has asked the owner. */
  readonly dropped: number | undefined;
}

/**
 * @param isKilled whether it was ended from outside
 * @param waitsAtEnd whether what waits on the heap of a thread that ends by itself is written all the same: not where it calls
 *   `process.exit`, which it does at once where the bus closes
 * @param dropped see {@link ReadThread}
 */
export function readThread(
  name: string,
  script: ThreadScript,
  entries: readonly LogEntry[],
  isKilled: boolean,
  waitsAtEnd: boolean,
  dropped?: number,
): ReadThread {
  const events = new Map<number, ThreadEvent>();
  const accounts = new Map<number, ThreadAccount>();
  const ended = new Set<ThreadAccount>();
  const isDestroyed = entries.some(({ kind }) => kind === Kind.Destroyed);
  const isCut = isKilled || (script.end === 'exit' && entries.some(({ kind }) => kind === Kind.Done));
  let lost = 0;
  const log = { name, isCut, events, accounts: [] as ThreadAccount[], lost: 0, dropped };
  const tellQueued = (): void => {
    for (const event of events.values()) if (event.outcome === 'queued') event.told = true;
  };
  const open = (): ThreadAccount[] =>
    [...accounts.values()].filter(({ changes }) => changes.at(-1)?.filter !== undefined || changes.length === 0);
  for (const { kind, a, b, c, stamp } of entries) {
    const account = accounts.get(a)!;
    switch (kind) {
      case Kind.Begun:
        events.set(a, { entry: entryOf(a, b), begunAt: stamp, endedAt: undefined, outcome: undefined, told: false });
        break;
      case Kind.Written:
      case Kind.Queued:
      case Kind.Refused: {
        const event = events.get(a)!;
        event.endedAt = stamp;
        event.outcome = kind === Kind.Written ? 'written' : kind === Kind.Queued ? 'queued' : 'refused';
        event.told = kind === Kind.Written;
        break;
      }
      case Kind.Drained:
        tellQueued();
        break;
      case Kind.Subscribed:
        accounts.set(a, {
          ...{ name: `${name}, subscription ${a}`, log, terms: script.actions[b] as ThreadSubscribing },
          ...{ subscribedAt: stamp, readyAt: undefined, join: undefined, changes: [], receipts: [], lagged: [] },
          ...{ isEvicted: false, cutAt: undefined },
        });
        break;
      case Kind.Ready:
        account.readyAt = stamp;
        account.join = b;
        break;
      case Kind.Got:
        account.receipts.push({ sequence: b, id: c, at: stamp });
        break;
      case Kind.Stopped:
        account.changes.push({ at: stamp, filter: undefined });
        if (b === 0) account.cutAt ??= stamp;
        break;
      case Kind.Refiltered:
        account.changes.push({ at: stamp, filter: b });
        break;
      case Kind.Lagged:
        account.lagged.push({ first: b, until: c });
        break;
      case Kind.Evicted:
        account.isEvicted = true;
        break;
      case Kind.Closing:
        for (const each of open()) each.changes.push({ at: stamp, filter: undefined });
        break;
      case Kind.Closed:
        lost += a;
        if (a === 0) tellQueued();
        break;
      case Kind.Ended:
        ended.add(account);
        break;
      case Kind.Destroyed:
        for (const each of open()) each.changes.push({ at: stamp, filter: undefined });
        // Those too that are still being drained.
        for (const each of accounts.values()) if (!ended.has(each)) each.cutAt ??= stamp;
        break;
      default:
        break;
    }
  }
  if (waitsAtEnd && !isCut && !isDestroyed) tellQueued();
  log.accounts.push(...accounts.values());
  log.lost = lost;
  return log;
}
