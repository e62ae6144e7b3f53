/**
 * What the thread that owns a bus and its connections say to each other. Events travel in uplinks only.
 *
 *   thread to owner   {@link Meeting} to its thread, {@link ToReception} on the channel of the bus, {@link RING} on the port
 *   owner to thread   {@link ToConnection} on the port, and VERSION in the uplink behind it
 */
import type { MessagePort } from 'node:worker_threads';
import type { RingBuffers } from '../ring/ring-memory.js';
import type { FilterInput } from '../topic/filter.js';

/** What the owner needs to know of a connection. */
export interface Hello {
  /** Of this connection and no other, ever. */
  readonly connection: string;
  readonly name: string;
  readonly threadId: number;
  readonly uplink: RingBuffers;
  /** The origins of its events, by the thread's own ids. */
  readonly originNames: SharedArrayBuffer;
  /** What the thread counts, see `OwnerCounters`. */
  readonly counters: SharedArrayBuffer;
}

/** The first words of a thread to the owner's, which carry the port: its closing is the certain sign that a thread is gone. */
export interface Meeting {
  readonly ringcastBus: string;
  readonly hello: Hello;
  readonly port: MessagePort;
}

/** On the channel of the bus, until the owner has the port: a message there does not pass through the main thread. */
export type ToReception = { readonly hello: Hello } | { readonly ring: string };

/** The uplink has records. A number, as the most frequent message. */
export const RING = 1;
/** There is room in the uplink. */
export const ROOM = 1;

/** Filters in force, by numbers of the owner's. */
export interface InterestChange {
  readonly added: readonly (readonly [key: number, filter: FilterInput])[];
  readonly dropped: readonly number[];
}

export type ToConnection =
  | typeof ROOM
  | ({ readonly kind: 'interest' } & InterestChange)
  | {
      readonly kind: 'grants';
      readonly topics: readonly (readonly [topic: string, id: number])[];
      readonly types: readonly (readonly [typeUrl: string, id: number])[];
    }
  /** The bus accepts nothing more. */
  | { readonly kind: 'closing' }
  /** Nothing is taken from the uplink: the bus has as many connections as it can. */
  | { readonly kind: 'refused'; readonly connections: number };
