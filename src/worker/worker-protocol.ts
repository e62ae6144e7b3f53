/**
 * The messages that cross threads. Control only: events travel in the ring.
 *
 * bus to thread: one {@link Attachment} when the thread starts, then {@link ToThread} on its port.
 * thread to bus: {@link FromThread} on the same port.
 */
import { types } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import type { ReaderCounts } from '../ring/reader-counters.js';
import type { RingBuffers } from '../ring/ring-memory.js';
import { showThrown } from '../shown.js';
import type { FilterInput } from '../topic/filter.js';
import type { SequenceRange } from './dispatch/lag.js';
import type { MissedGaps } from './kept-lag.js';

/** How a thread waits: in its event loop, which stays alive, or blocked, for the lowest latency. */
export type Loop = 'cooperative' | 'dedicated';

/** Everything a thread needs to read the ring. Cloned, except for the shared buffers and the port. */
export interface Attachment {
  readonly name: string;
  /** The subscriber module, as a `file:` or `data:` URL. */
  readonly moduleUrl: string;
  /** Decides the first records of this life; what it was changed to later follows as messages. */
  readonly filter: FilterInput;
  readonly data: unknown;
  readonly loop: Loop;
  /** The thread says that it is alive that often, several times over; undefined: never. */
  readonly hangTimeoutMs: number | undefined;
  /** Modules with users' event types. */
  readonly types: readonly string[];
  readonly ring: RingBuffers;
  readonly topicNames: SharedArrayBuffer;
  readonly typeNames: SharedArrayBuffer;
  readonly originNames: SharedArrayBuffer;
  /** What the module connects to the bus by, when it does. */
  readonly bus: object;
  /** The reader slot, set up and holding the writer back since before this message was made. */
  readonly reader: number;
  /** Records below it were accepted before the subscription, or are not replayed to it. */
  readonly joinSequence: number;
  /** So were those, too; the thread is told of others as they become known. */
  readonly earlier: readonly SequenceRange[];
  /** Events that came in there are not for the subscription. */
  readonly exceptOrigins: ReadonlySet<number>;
  /** Where this life begins. */
  readonly life: LifeStart;
  readonly port: MessagePort;
  /** What both sides count in this life, see `signals.ts`. */
  readonly signals: SharedArrayBuffer;
}

/** Records that a life of the thread before this one had in hand. */
export interface Redelivery {
  /** Position behind the last of them. */
  readonly until: number;
  /** Sequences that are skipped: of the event that killed the thread, and of the dead letter about it. */
  readonly skips: readonly number[];
}

/** What one life of a thread continues from. */
export interface LifeStart {
  /** Wide position of the reader's cursor, and the sequence of the first record there. */
  readonly position: number;
  readonly nextSequence: number;
  /** Whether records from `nextSequence` on are gone already. */
  readonly missed: boolean;
  /** What the life before had in hand. */
  readonly redelivery: Redelivery | undefined;
  /** What the lives before have counted. */
  readonly counts: ReaderCounts;
  /** Missed records that no event has told of yet, only the `lagged` event. */
  readonly untold: number;
}

/** An error as it crosses: structured clone keeps name, message, stack and cause of the standard ones, and drops the rest. */
export interface CrossedError {
  readonly error: unknown;
  /** Own string fields that are dropped otherwise: `code`, and what the errors of this package carry. */
  readonly fields: Readonly<Record<string, string>>;
  /** What caused it: a clone has that without its fields, or not at all, as in Bun. */
  readonly cause?: CrossedError;
}

/** The wake word is AWAKE. A number, as the most frequent message: cloning an object costs the sender half as much again. */
export const WAKE_MESSAGE = 1;

/** Records from `fromSequence` on are decided by `filter`. */
export interface FilterChange {
  readonly filter: FilterInput;
  readonly fromSequence: number;
}

export type ToThread =
  | typeof WAKE_MESSAGE
  /** Records that were accepted before the subscription. In the order of their sequences, and before they are written. */
  | { readonly kind: 'earlier'; readonly range: SequenceRange }
  /** In the order of their sequences. */
  | { readonly kind: 'filters'; readonly changes: readonly FilterChange[] }
  /** Deliver what has a sequence below `endSequence`, then end. */
  | { readonly kind: 'stop'; readonly endSequence: number };

/** What a thread was at when it found that it cannot serve. */
export type RefusedStep = 'types' | 'module' | 'loop' | 'setup';

/** What a thread says of the connection of its module to the bus. */
export type ConnectionNews =
  /** There is one: what the module publishes from now on is in the uplink that is told of here. */
  | { readonly kind: 'connected'; readonly hello: object; readonly port: MessagePort }
  /** Everything is handled, and the connection closes: the reader must not hold up what is still on its way. */
  | { readonly kind: 'passed' };

export type FromThread =
  | ConnectionNews
  /** The module is set up and reads. */
  | { readonly kind: 'ready' }
  /** The module cannot be used; the thread ends. */
  | { readonly kind: 'refused'; readonly step: RefusedStep; readonly error: CrossedError }
  /** The writer waits in its event loop, and this thread has made the room it waits for. */
  | { readonly kind: 'room' }
  | { readonly kind: 'lagged'; readonly gaps: MissedGaps }
  | {
      readonly kind: 'handler-failed';
      readonly topic: string;
      readonly sequence: number;
      readonly error: CrossedError;
      readonly leftOut: number;
    }
  /** Nothing more will be handled; teardown is done, or failed. */
  | { readonly kind: 'stopped'; readonly error: CrossedError | undefined };

const CROSSING_FIELDS = ['code', 'reason', 'url', 'typeUrl'] as const;

/** Causes of causes that cross with all that an error carries. */
const MAX_CAUSES = 4;

/** Makes whatever was thrown fit to cross a port. Never throws: users throw anything, getters that throw included. */
export function crossError(error: unknown, causes = MAX_CAUSES): CrossedError {
  const fields: Record<string, string> = {};
  let cause: CrossedError | undefined;
  try {
    if (error instanceof Error) {
      for (const name of CROSSING_FIELDS) {
        const value = (error as unknown as Record<string, unknown>)[name];
        if (typeof value === 'string') fields[name] = value;
      }
      // A clone lacks the fields of its causes, and in some runtimes the causes.
      if (error.cause !== undefined && causes > 0) cause = crossError(error.cause, causes - 1);
    }
  } catch {
    // It crosses without them.
  }
  return { error: cloneOrText(error, causes), fields, ...(cause && { cause }) };
}

function cloneOrText(error: unknown, causes: number): unknown {
  try {
    if (!inheritsMessage(error)) return structuredClone(error);
  } catch {
    // Functions, ports and the like inside: the text is all that can cross.
  }
  return textOnly(error, causes);
}

/**
 * Whether it, or a cause of it, only inherits from Error, as old libraries, esbuild and the DOM make them: a clone would lack
 * its message and its stack.
 */
function inheritsMessage(error: unknown): boolean {
  let thrown = error;
  for (let causes = 0; causes <= MAX_CAUSES && thrown instanceof Error; causes++) {
    if (!types.isNativeError(thrown)) return true;
    thrown = thrown.cause;
  }
  return false;
}

function textOnly(error: unknown, causes: number): Error {
  const text = showThrown(error);
  const plain = new Error(text);
  // First, as what is not set is made when it is read, by an `Error.prepareStackTrace` of the user's that may throw.
  plain.stack = text;
  try {
    if (error instanceof Error) {
      if (error.stack !== undefined) plain.stack = `${error.stack}`;
      if (error.cause !== undefined && causes > 0) plain.cause = cloneOrText(error.cause, causes - 1);
    }
  } catch {
    // The text it is.
  }
  return plain;
}

/** What was thrown, on the other side. */
export function uncrossError(crossed: CrossedError): unknown {
  const { error, fields, cause } = crossed;
  if (!(error instanceof Error)) return error;
  if (cause !== undefined) error.cause = uncrossError(cause);
  return Object.assign(error, fields);
}
