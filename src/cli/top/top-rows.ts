/** What takes turns with a bus, as rows of one table: its subscriptions, and the threads that are connected to it. */
import type { Sample } from '../../observe/serving/protocol.js';

export interface TopRow {
  /** Of this row and no other of the sample. Of those with one name, the first that began has the same in each sample. */
  readonly key: string;
  readonly name: string;
  readonly isConnection: boolean;
  readonly isEvicted: boolean;
  readonly state: string;
  /** Events delivered; of a connection, published. */
  readonly events: number;
  /** Bytes unread; of a connection, not taken over. */
  readonly backlogBytes: number;
  /** For how long it has not moved although it has something to do. */
  readonly stuckMs: number;
  readonly lagged: number;
  readonly failed: number;
  readonly restarts: number;
  readonly deadLetters: number;
  /** Of a subscription on a connected thread: the name of the connection. */
  readonly thread: string;
  /** Its filter; of a connection, what it waits with. */
  readonly about: string;
  /** `bad`: it loses events, or holds others up. `warn`: it has half of the ring unread. */
  readonly level: 'ok' | 'warn' | 'bad';
}

/** From when on something that does not move is shown. */
export const STUCK_MS = 500;

export function rowsOf({ stats }: Sample): TopRow[] {
  const { capacityBytes } = stats.ring;
  const subscriptions = stats.subscriptions.map((one): TopRow => {
    const { name, asleep, evicted, lagged, failed, restarts, deadLetters, thread, filter } = one;
    const { backlogBytes, stuckMs } = one;
    const isBad = evicted || lagged > 0 || stuckMs >= STUCK_MS || one.state === 'restarting';
    return {
      key: `subscription ${name}`,
      name,
      isConnection: false,
      isEvicted: evicted,
      state: evicted ? 'evicted' : one.state === 'reading' && asleep ? 'asleep' : one.state,
      events: one.delivered,
      ...{ backlogBytes, stuckMs, lagged, failed, restarts, deadLetters, thread: one.connection ?? thread },
      about: typeof filter === 'string' ? filter : JSON.stringify(filter),
      level: isBad ? 'bad' : backlogBytes * 2 > capacityBytes ? 'warn' : 'ok',
    };
  });
  const connections = stats.connections.map((one): TopRow => {
    const { name, threadId, published, pending, pendingMs, refused, uplinkBytes } = one;
    return {
      key: `connection ${name} ${threadId}`,
      name,
      isConnection: true,
      isEvicted: false,
      state: pending > 0 ? 'waiting' : 'connected',
      events: published,
      backlogBytes: uplinkBytes,
      stuckMs: pendingMs,
      ...{ lagged: 0, failed: 0, restarts: 0, deadLetters: 0 },
      thread: `${threadId}`,
      about: `publishes; ${pending} waiting, ${refused} refused`,
      level: pendingMs >= STUCK_MS ? 'bad' : pending > 0 ? 'warn' : 'ok',
    };
  });
  return distinct([...subscriptions, ...connections]);
}

/** Users may give several subscriptions one name. */
function distinct(rows: readonly TopRow[]): TopRow[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const before = seen.get(row.key) ?? 0;
    seen.set(row.key, before + 1);
    return before === 0 ? row : { ...row, key: `${row.key} ${before + 1}` };
  });
}

export const SORTS = ['backlog', 'events', 'lagged', 'name'] as const;
export type Sort = (typeof SORTS)[number];

const ORDERS: Readonly<Record<Sort, (a: TopRow, b: TopRow) => number>> = {
  backlog: (a, b) => b.backlogBytes - a.backlogBytes || b.stuckMs - a.stuckMs,
  events: (a, b) => b.events - a.events,
  lagged: (a, b) => b.lagged - a.lagged,
  name: (a, b) => (a.name < b.name ? -1 : 1),
};

export function sorted(rows: readonly TopRow[], by: Sort): TopRow[] {
  return [...rows].sort(ORDERS[by]);
}
