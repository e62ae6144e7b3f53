/** Whether a bus works as it should, in words that a health endpoint can show. */
import type { SubscriptionStats } from '../subscribe/subscription-stats.js';
import type { BridgeStats } from './bridge.js';
import type { BusStats } from './bus-stats.js';

/** What of a bus's counters says how it is. */
export interface HealthSource extends Pick<BusStats, 'pending' | 'subscriptions' | 'bridges' | 'connections' | 'cut'> {
  readonly ring: Pick<BusStats['ring'], 'heldBy' | 'stalledMs'>;
}

/** Something that is wrong now. */
export interface HealthProblem {
  readonly kind:
    | 'closed'
    | 'ring-held'
    | 'restarting'
    | 'evicted'
    | 'connection-waiting'
    | 'connection-cut'
    | 'bridge-away'
    | 'blocked'
    | 'not-moving';
  /** Who: the name of a subscription, a connection or a bridge; of the bus itself, `bus`. */
  readonly subject: string;
  /** One sentence. */
  readonly message: string;
}

export interface BusHealth {
  readonly ok: boolean;
  /** `ok`, or what is wrong, the first thing first: the messages of all problems. */
  readonly message: string;
  readonly problems: readonly HealthProblem[];
}

/** How long a publisher has to have waited for a reader that does not move before that is a problem. */
const HELD_MS = 1_000;
/** How long it is told that a connection took events with it. */
const CUT_SHOWN_MS = 60_000;

/** @param closing what the bus is at, if it is not open */
export function healthOf(stats: HealthSource, closing: 'closing' | 'closed' | undefined): BusHealth {
  const held = ringHeld(stats);
  const problems = [
    ...closed(closing),
    ...held,
    ...stats.subscriptions.flatMap(ofSubscription),
    // Behind a full ring it is not they who are to blame.
    ...(held.length > 0 ? [] : stats.connections.flatMap(ofConnection)),
    ...ofCut(stats.cut),
    ...stats.bridges.flatMap(ofBridge),
  ];
  const ok = problems.length === 0;
  return { ok, message: ok ? 'ok' : problems.map(({ message }) => message).join(' '), problems };
}

function closed(closing: 'closing' | 'closed' | undefined): HealthProblem[] {
  if (closing === undefined) return [];
  const what = closing === 'closing' ? 'is closing' : 'is closed';
  return [{ kind: 'closed', subject: 'bus', message: `The bus ${what}.` }];
}

function ringHeld({ ring, pending, connections }: HealthSource): HealthProblem[] {
  const { heldBy, stalledMs } = ring;
  if (heldBy === undefined || stalledMs < HELD_MS) return [];
  const waiting =
    pending.events === 0 ? '' : `; ${pending.events} events (${pending.bytes} bytes) are queued behind it`;
  const elsewhere = connections.reduce((sum, { pending: events }) => sum + events, 0);
  const connected = elsewhere === 0 ? '' : `; ${elsewhere} events wait on connected threads`;
  const message = `The ring is full: ${heldBy} has held it for ${secondsOf(stalledMs)} without moving${waiting}${connected}.`;
  return [{ kind: 'ring-held', subject: heldBy, message }];
}

function ofSubscription({ name, state, restarts, evicted, lagged }: SubscriptionStats): HealthProblem[] {
  const problems: HealthProblem[] = [];
  if (state === 'restarting') {
    const message = `The thread of ${name} ended by itself and is being started again, for the ${ordinal(restarts)} time.`;
    problems.push({ kind: 'restarting', subject: name, message });
  }
  if (evicted) {
    const message = `Subscription ${name} was evicted: it is lossy now, and has missed ${lagged} records.`;
    problems.push({ kind: 'evicted', subject: name, message });
  }
  return problems;
}

function ofConnection({ name, pending, pendingMs }: BusStats['connections'][number]): HealthProblem[] {
  if (pendingMs < HELD_MS) return [];
  const message = `Connection ${name} has ${pending} events waiting on its thread, the first for ${secondsOf(pendingMs)}.`;
  return [{ kind: 'connection-waiting', subject: name, message }];
}

function ofCut({ last }: BusStats['cut']): HealthProblem[] {
  if (last === undefined || last.agoMs > CUT_SHOWN_MS) return [];
  const { name, events, agoMs } = last;
  const message = `Connection ${name} ended ${secondsOf(agoMs)} ago with ${events} accepted events on its thread: they are lost.`;
  return [{ kind: 'connection-cut', subject: name, message }];
}

function ofBridge({ name, state, stateMs, error }: BridgeStats): HealthProblem[] {
  if (state !== 'disconnected' && state !== 'failed') return [];
  const what = state === 'failed' ? 'failed' : `has been disconnected for ${secondsOf(stateMs)}`;
  return [{ kind: 'bridge-away', subject: name, message: `Bridge ${name} ${what}${asEnding(error)}.` }];
}

/** What an error says, as the end of a sentence: errors of others are sentences themselves, of several lines, or say nothing. */
function asEnding(text = ''): string {
  const said = text.replace(/\s+/g, ' ').trim().replace(/\.+$/, '');
  return said === '' ? '' : `: ${said}`;
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function ordinal(count: number): string {
  const teens = count % 100 > 10 && count % 100 < 14;
  return `${count}${teens ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')}`;
}
