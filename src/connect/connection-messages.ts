/**
 * What the thread that owns a bus and its connections say to each other. Events travel in uplinks only, and so does what has
 * to be in order with them (`control-request.ts`).
 *
 *   thread to owner   {@link Meeting} to its thread, {@link ToReception} on the channel of the bus, {@link ToOwner} on the port
 *   owner to thread   {@link ToConnection} on the port, and VERSION in the uplink behind it
 */
import type { MessagePort } from 'node:worker_threads';
import type { RingBuffers } from '../ring/ring-memory.js';
import type { LocalStart } from '../subscribe/local-reader.js';
import type { FilterInput } from '../topic/filter.js';
import type { Crossed } from './crossed-error.js';
import type { ModuleNews, ModuleOffer } from './modules/module-messages.js';
import type { WaitAnswer, WaitMessage, WaitQuestion } from './waits/wait-messages.js';

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
export type ToReception =
  | { readonly hello: Hello }
  | { readonly ring: string }
  | { readonly offer: ModuleOffer; readonly connection: string };

/** To the owner: the uplink has records. Numbers, as the most frequent messages. */
export const RING = 1;
/** To the owner: there is room in the ring of the bus. */
export const ROOM_IN_RING = 2;
/** To the owner: the thread leaves. Where the bus is closing, and the uplink is read no more, its subscriptions end now. */
export const LEAVES = 3;
/** To the thread: there is room in the uplink. */
export const ROOM = -1;

/** Filters in force, by numbers of the owner's. */
export interface InterestChange {
  readonly added: readonly (readonly [key: number, filter: FilterInput])[];
  readonly dropped: readonly number[];
}

/** What the handlers of a subscription have done, as its thread says. */
export interface HandlerCounts {
  readonly delivered: number;
  readonly failed: number;
  readonly scanned: number;
  readonly lagged: number;
  readonly rescued: number;
}

export type ToOwner =
  | typeof RING
  | typeof ROOM_IN_RING
  | typeof LEAVES
  /** Where the thread stores what a subscription has done, see `shared-counts.ts`. */
  | { readonly kind: 'counting'; readonly key: number; readonly cells: SharedArrayBuffer }
  /** A subscription takes no more events. */
  | { readonly kind: 'removed'; readonly key: number }
  /** Its handler waits for the end of the bus, or of the connection, and is not waited for there. */
  | { readonly kind: 'aside'; readonly key: number }
  /** Nothing is handled for it any more. */
  | { readonly kind: 'ended'; readonly key: number; readonly counts: HandlerCounts }
  | ModuleOffer
  | WaitMessage
  /** A module is to stop at once. */
  | { readonly kind: 'stop'; readonly key: number }
  /** The thread touches the slot no more. */
  | { readonly kind: 'released'; readonly slot: number };

/** Where a reader of the thread's own begins. */
export interface ReaderStart extends LocalStart {
  readonly slot: number;
}

/** A subscription is in force. Records that are written after this message are not routed before it is read. */
export interface Granted {
  readonly kind: 'granted';
  readonly key: number;
  readonly joinSequence: number;
  readonly exceptOrigins: ReadonlySet<number>;
  /** Undefined where its reader has begun before. */
  readonly start: ReaderStart | undefined;
}

export type ToConnection =
  /** {@link ROOM}; or the slot of a reader that was woken. */
  | number
  | Granted
  | WaitAnswer
  | WaitQuestion
  /** A subscription cannot be. */
  | { readonly kind: 'denied'; readonly key: number; readonly error: Crossed }
  | { readonly kind: 'module'; readonly key: number; readonly news: ModuleNews }
  /** The filter that was asked for last counts from a sequence on; nothing below `goneBefore` is delivered any more. */
  | { readonly kind: 'filtered'; readonly key: number; readonly fromSequence: number; readonly goneBefore: number }
  /** A subscription ends there. */
  | { readonly kind: 'end'; readonly key: number; readonly endSequence: number }
  | { readonly kind: 'evicted'; readonly slot: number; readonly heldBy: string; readonly stallTimeoutMs: number }
  | ({ readonly kind: 'interest' } & InterestChange)
  | {
      readonly kind: 'grants';
      readonly topics: readonly (readonly [topic: string, id: number])[];
      readonly types: readonly (readonly [typeUrl: string, id: number])[];
    }
  /** The wait for room that holds up `reader`, as of {@link UplinkWaits}, can never end. */
  | { readonly kind: 'deadlock'; readonly reader: number; readonly waits: number }
  /** The bus accepts nothing more. */
  | { readonly kind: 'closing' }
  /** The bus has as many connections as it can: it takes over what the thread has accepted, and nothing more. */
  | { readonly kind: 'refused'; readonly connections: number };
