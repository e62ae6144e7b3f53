/** What a subscription can be made with. */
import { InvalidOptionError } from '../errors.js';
import { choiceOption, flagOption, integerOption, readable, readOptions, signalOption } from '../option-check.js';
import {
  DEFAULT_BACKOFF_MS,
  DEFAULT_MAX_BACKOFF_MS,
  DEFAULT_MAX_RESTARTS,
  type RestartOptions,
} from '../worker/supervision/restart-policy.js';
import type { Loop } from '../worker/worker-protocol.js';
import {
  type CheckedThreadOptions,
  type ModuleThreadOptions,
  readThreadOptions,
  THREAD_OPTIONS,
} from './thread-options.js';

/**
 * Where a subscription begins among the records that the ring still holds: `now`, with what is accepted from the call on;
 * the `oldest` one; the `last` n that its filter selects; or a `sequence`. What is gone already is reported as lagged.
 */
export type From = 'now' | 'oldest' | { readonly last: number } | { readonly sequence: number };

/** `lossless`: holds the publisher back rather than miss anything. `lossy`: is overtaken, and told how much it missed. */
export type DeliveryMode = 'lossless' | 'lossy';

/** Of every subscription. All optional, read once. */
export interface SubscribeOptions {
  /** In errors, warnings and `stats()`, and the name of a module's thread; default: made up. */
  readonly name?: string;
  /** Stops the subscription when aborted. */
  readonly signal?: AbortSignal;
  /** Default `lossless`. */
  readonly delivery?: DeliveryMode;
  /** Default `now`. Others take a reader of their own. */
  readonly from?: From;
  /**
   * Skips events with one of these origins, whatever the filter selects, before anything of them is decoded: a bridge
   * names itself, so that what came in by it does not go out again. Default: none. `setFilter` does not change it.
   */
  readonly exceptOrigins?: readonly string[];
}

/** Of a handler on the thread of the bus. */
export interface HandlerOptions extends SubscribeOptions {
  /** Handle one event, then stop. The subscription has stopped by the time that the handler is called. */
  readonly once?: boolean;
  /** Handle that many events, 1 or more, then stop. The subscription has stopped by the time that the last one is handled. */
  readonly many?: number;
  /**
   * A reader of its own: siblings never wait for this handler, nor it for them. Default false: handlers of one thread share
   * one. A bus has 64 readers.
   */
  readonly isolate?: boolean;
}

/** Of a module in a thread of its own. */
export interface ModuleOptions extends SubscribeOptions, ModuleThreadOptions {
  /** Given to the module as `context.data`: a structured clone, in which shared buffers stay shared. */
  readonly data?: unknown;
  /**
   * How the thread waits: `cooperative` (default) in its event loop, which stays alive, or `dedicated`, blocked, with the
   * lowest latency; timers and I/O of a dedicated thread run only while a handler's promise is pending.
   */
  readonly loop?: Loop;
  /** What to do when the thread ends by itself: start it again within limits (default), or `'never'`. */
  readonly restart?: RestartOptions | 'never';
  /**
   * End and restart a thread whose event loop has not turned for that many ms, 1 to 2^31 - 1; default: never. Not with a
   * `dedicated` loop, which blocks on purpose.
   *
   * A thread that starts has ten seconds more until its loop first turns. Time in which the thread of the bus is blocked
   * itself does not count. A thread that hangs in a call into the system exits when that returns; after 20 seconds it is
   * restarted all the same, because it will run nothing any more.
   */
  readonly hangTimeoutMs?: number;
}

const COMMON = ['name', 'signal', 'delivery', 'from', 'exceptOrigins'] as const;

export function readHandlerOptions(given: HandlerOptions): HandlerOptions {
  const options = readCommon(readOptions('options', given, [...COMMON, 'once', 'many', 'isolate']));
  flagOption('once', options.once);
  integerOption('many', options.many, 1, 1, Number.MAX_SAFE_INTEGER);
  if (options.once === true && options.many !== undefined) {
    throw new InvalidOptionError('many', options.many, 'omitted when once is true');
  }
  flagOption('isolate', options.isolate);
  return options;
}

/** How many events a handler takes at most. */
export function manyOf({ once, many }: HandlerOptions): number {
  return once === true ? 1 : (many ?? Number.POSITIVE_INFINITY);
}

export function readStreamOptions(given: SubscribeOptions): SubscribeOptions {
  return readCommon(readOptions('options', given, COMMON));
}

export type CheckedModuleOptions = ModuleOptions & { readonly thread: CheckedThreadOptions };

export function readModuleOptions(given: ModuleOptions): CheckedModuleOptions {
  const known = [...COMMON, ...THREAD_OPTIONS, 'data', 'loop', 'restart', 'hangTimeoutMs'] as const;
  const options = readCommon(readOptions('options', given, known));
  choiceOption('loop', options.loop, ['cooperative', 'dedicated']);
  const restart = readRestart(options.restart);
  integerOption('hangTimeoutMs', options.hangTimeoutMs, 1, 1, 2 ** 31 - 1);
  if (options.hangTimeoutMs !== undefined && options.loop === 'dedicated') {
    throw new InvalidOptionError('hangTimeoutMs', options.hangTimeoutMs, 'omitted when loop is dedicated');
  }
  return { ...options, ...(restart && { restart }), thread: readThreadOptions(options) };
}

function readCommon<O extends SubscribeOptions>(options: O): O {
  if (options.name !== undefined && (typeof options.name !== 'string' || options.name === '')) {
    throw new InvalidOptionError('name', options.name, 'a non-empty string');
  }
  signalOption(options.signal);
  choiceOption('delivery', options.delivery, ['lossless', 'lossy']);
  const from = readFrom(options.from);
  const exceptOrigins = readOrigins(options.exceptOrigins);
  return { ...options, ...(from !== undefined && { from }), ...(exceptOrigins && { exceptOrigins }) };
}

/** A copy of a list; the origins in it are checked where they get their ids. */
export function readOrigins(given: readonly string[] | undefined): readonly string[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw new InvalidOptionError('exceptOrigins', given, 'a list of origins');
  return readable('exceptOrigins', () => [...given]);
}

function readFrom(from: From | undefined): From | undefined {
  if (from === undefined || from === 'now' || from === 'oldest') return from;
  if (from !== null && typeof from === 'object') {
    const [[key, value] = ['', undefined], ...others] = readable('from', () =>
      Object.entries(from as Record<string, unknown>),
    );
    if (others.length === 0 && (key === 'last' || key === 'sequence')) {
      const number = integerOption(`from.${key}`, value ?? Number.NaN, 0, 0, Number.MAX_SAFE_INTEGER);
      return key === 'last' ? { last: number } : { sequence: number };
    }
  }
  throw new InvalidOptionError('from', from, "'now', 'oldest', { last: n } or { sequence: n }");
}

function readRestart(given: ModuleOptions['restart']): ModuleOptions['restart'] {
  if (given === undefined || given === 'never') return given;
  const restart = readOptions('restart', given, ['maxRestarts', 'backoffMs', 'maxBackoffMs']);
  const { maxRestarts, backoffMs, maxBackoffMs } = restart;
  integerOption('restart.maxRestarts', maxRestarts, DEFAULT_MAX_RESTARTS, 1, 1_000);
  integerOption('restart.backoffMs', backoffMs, DEFAULT_BACKOFF_MS, 0, 60_000);
  integerOption('restart.maxBackoffMs', maxBackoffMs, DEFAULT_MAX_BACKOFF_MS, 0, 600_000);
  return restart;
}
