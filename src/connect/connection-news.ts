/** How connections end, and who is told. */
import type { EventEmitter } from 'node:events';
import { connectionClosed, connectionOpened } from '../channels/channels.js';
import { emitSafely } from '../host/report.js';
import { monotonicMs } from '../host/timing.js';

/** A connection that is over. */
export interface DisconnectReport {
  readonly name: string;
  readonly threadId: number;
  /**
   * It was closed; it was refused (`BUS_TOO_MANY_CONNECTIONS`); its thread ended without closing it; the bus was closed, and it
   * had not ended before.
   */
  readonly reason: 'closed' | 'refused' | 'thread ended' | 'bus closed';
  /**
   * Events that it had accepted and that are lost: they waited on the heap of its thread. Where the bus was closed, they are
   * counted in `undelivered`, else in `stats().cut`.
   */
  readonly lost: number;
}

/** Connections that took accepted events with them as they ended. Counts are since the bus was created. */
export interface CutConnections {
  readonly connections: number;
  /** Events that `publish` had accepted with `false`, and that never left the heap of their thread. */
  readonly events: number;
  /** The last of them, and how long ago that was. */
  readonly last: { readonly name: string; readonly events: number; readonly agoMs: number } | undefined;
}

export const NONE_CUT: CutConnections = { connections: 0, events: 0, last: undefined };

/** Tells of connections of a bus, and counts what is lost with them. */
export class ConnectionNews {
  readonly #bus: EventEmitter;
  #connections = 0;
  #events = 0;
  #last: { readonly name: string; readonly events: number; readonly atMs: number } | undefined;

  constructor(bus: EventEmitter) {
    this.#bus = bus;
  }

  opened({ name, threadId }: Pick<DisconnectReport, 'name' | 'threadId'>): void {
    if (connectionOpened.hasSubscribers) connectionOpened.publish({ bus: this.#bus, connection: name, threadId });
  }

  closed(report: DisconnectReport): void {
    const { name, reason, lost } = report;
    // As the bus closes, its own result says what is left.
    if (lost > 0 && reason !== 'bus closed') {
      this.#connections++;
      this.#events += lost;
      this.#last = { name, events: lost, atMs: monotonicMs() };
    }
    if (connectionClosed.hasSubscribers) {
      const { threadId } = report;
      connectionClosed.publish({ bus: this.#bus, connection: name, threadId, reason, lost });
    }
    emitSafely(this.#bus, 'disconnect', report);
  }

  get cut(): CutConnections {
    if (this.#last === undefined) return NONE_CUT;
    const { name, events, atMs } = this.#last;
    const last = { name, events, agoMs: monotonicMs() - atMs };
    return { connections: this.#connections, events: this.#events, last };
  }
}
