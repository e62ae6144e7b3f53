/** What is sent on the diagnostics channels. Every message is a plain object, made only when somebody listens. */
import type { EventEmitter } from 'node:events';
import type { Envelope } from '../envelope/envelope.js';
import type { FilterInput } from '../topic/filter.js';

interface OfBus {
  /** The `Bus` that it happened to, or the connection. */
  readonly bus: EventEmitter;
}

interface OfSubscription extends OfBus {
  /** Its name. */
  readonly subscription: string;
}

interface OfConnection extends OfBus {
  /** Its name. */
  readonly connection: string;
  /** The connected thread. */
  readonly threadId: number;
}

interface OfBridge extends OfBus {
  /** Its name. */
  readonly bridge: string;
}

/** Message by name of the channel. */
export interface ChannelMessages {
  'ringcast:bus:created': OfBus & { readonly capacityBytes: number; readonly namespace: string };
  /** `undelivered`: as `close()` returns it. */
  'ringcast:bus:closed': OfBus & { readonly undelivered: number };
  'ringcast:subscription:started': OfSubscription & {
    readonly filter: FilterInput;
    readonly thread: 'bus' | 'own' | 'connection';
  };
  'ringcast:subscription:ended': OfSubscription & {
    readonly delivered: number;
    readonly failed: number;
    readonly lagged: number;
  };
  /** `count` records from sequence `first` on were overwritten unread. */
  'ringcast:subscription:lagged': OfSubscription & { readonly first: number; readonly count: number };
  'ringcast:subscription:evicted': OfSubscription & { readonly error: Error };
  'ringcast:subscription:restart': OfSubscription & { readonly error: Error; readonly delayMs: number };
  'ringcast:subscription:error': OfSubscription & { readonly error: Error };
  /** The ring, or the uplink, is full, and `publish` begins to queue. `heldBy` as in `stats().ring`; of an uplink, its owner. */
  'ringcast:publish:full': OfBus & { readonly heldBy: string | undefined };
  /** `tryPublish` did not accept an event. */
  'ringcast:publish:refused': OfBus & { readonly topic: string };
  'ringcast:dead-letter': OfSubscription & {
    readonly topic: string;
    readonly sequence: number;
    readonly deaths: number;
    readonly error: Error;
  };
  /** A thread has connected with `connectBus`. */
  'ringcast:connection:opened': OfConnection;
  /** `reason` and `lost` as in the event `disconnect` of the bus. */
  'ringcast:connection:closed': OfConnection & { readonly reason: string; readonly lost: number };
  'ringcast:bridge:connected': OfBridge;
  'ringcast:bridge:disconnected': OfBridge & { readonly reason: string };
  'ringcast:bridge:gap': OfBridge & { readonly count: number | undefined; readonly reason: string };
}

/** The message of the TracingChannel `ringcast.publish`: one per call of a method that publishes one event. */
export interface PublishTrace extends OfBus {
  readonly operation: 'publish' | 'tryPublish' | 'publishSync';
  readonly topic: string;
  readonly event: unknown;
  /** The trace context that the event carries. Whoever listens to `start` may set another. */
  traceparent: string | undefined;
  /** What the method returned; undefined before its end, and of `publishSync`. */
  result?: boolean | undefined;
  /** What it threw. */
  error?: unknown;
}

/** The message of the TracingChannel `ringcast.handle`: one per call of a handler, on the thread where that runs. */
export interface HandleTrace {
  /** The `Bus` or the connection whose handler it is; undefined for those of modules. */
  readonly bus: EventEmitter | undefined;
  /** The name of the subscription. */
  readonly subscription: string;
  /** The event in hand, or those of a batch. */
  readonly envelopes: readonly Envelope[];
  /** At `end`: whether the handler returned a promise. `asyncEnd` follows when that has settled. */
  isPending: boolean;
  /** What the handler threw, or its promise rejected with. */
  error?: unknown;
  /**
   * Set by whoever listens to `start`: is called with what calls the handler, and returns what that returns. To make a
   * span active around it, for example.
   */
  around?: ((handle: () => unknown) => unknown) | undefined;
}
