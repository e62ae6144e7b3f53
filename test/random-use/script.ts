/**
 * What a round does, as data: written from a seed, run any number of times, and cut down when something is found.
 *
 * Actions name subscriptions by a number, taken modulo those there are, so that a script that was cut down still runs.
 */
import type { Shape } from './events.js';
import type { Temper } from './temper.js';

export type Verb = 'publish' | 'tryPublish' | 'publishSync' | 'forward';

export interface Sending {
  readonly do: 'send';
  readonly verb: Verb;
  /** Index of the topic; beyond the last one: a topic of its own. */
  readonly topic: number;
  readonly shape: Shape;
  readonly size: number;
  readonly namespace: string | undefined;
  /** Times that it is done, the first `room` of which are followed by a wait for room if it was queued. */
  readonly times: number;
  readonly waits: boolean;
  /** What happens while it is encoded: in a getter, or in `toJSON`. */
  readonly inside: readonly Action[];
  readonly byToJson: boolean;
}

/** A run of envelopes that is forwarded in one call. */
export interface Running {
  readonly do: 'forwardAll';
  readonly topic: number;
  readonly size: number;
  /** Envelopes. */
  readonly length: number;
}

export interface Subscribing {
  readonly do: 'subscribe';
  /** Indices of the origins that it excepts. */
  readonly except?: readonly number[];
  readonly form: 'handler' | 'isolated' | 'stream' | 'pulled' | 'thread' | 'batches';
  readonly filter: number;
  readonly lossy: boolean;
  readonly from: 'now' | 'oldest' | { readonly last: number } | { readonly back: number };
  readonly limit: number | undefined;
  readonly dedicated: boolean;
  readonly diesOnce: boolean;
  /** Of a thread that sticks now and then. */
  readonly hangTimeoutMs?: number | undefined;
  readonly temper: Temper;
}

export type Action =
  | Sending
  | Running
  | Subscribing
  /** Calls that must be refused and change nothing. */
  | { readonly do: 'refuse'; readonly how: number }
  | {
      readonly do: 'next';
      readonly except?: readonly number[];
      readonly filter: number;
      readonly timeoutMs: number | undefined;
      readonly aborts: boolean;
    }
  | { readonly do: 'stop' | 'drain' | 'abort' | 'return'; readonly which: number }
  | { readonly do: 'setFilter'; readonly which: number; readonly filter: number }
  | { readonly do: 'pull'; readonly which: number; readonly times: number }
  | { readonly do: 'kill'; readonly which: number }
  /** Blocks the thread of the bus. */
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'sleep'; readonly ms: number }
  /** The getter throws. */
  | { readonly do: 'throw' }
  | { readonly do: 'turn' | 'flush' | 'writable' };

export type Ending =
  /** Emptied first: every subscription is stopped, and all readers are taken again. */
  | { readonly do: 'close'; readonly where: 'here' | 'emptied' | 'handler' | 'stream' }
  | { readonly do: 'deadline'; readonly ms: number }
  | { readonly do: 'destroy'; readonly closingFirst: boolean };

export interface Script {
  readonly seed: number;
  readonly round: number;
  readonly capacityBytes: number;
  /** Where the positions of the ring begin, in units. */
  readonly startPosition: number;
  readonly stallTimeoutMs: number;
  readonly maxPendingBytes: number;
  readonly keepUnwanted: boolean;
  readonly flush: 'burst' | 'each';
  readonly actions: readonly Action[];
  readonly ending: Ending;
}
