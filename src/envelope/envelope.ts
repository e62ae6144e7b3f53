/** What handlers receive: one event with its topic, time and origin. */

/** `T` with every property, element and entry read-only, all the way down. */
export type DeepReadonly<T> = unknown extends T
  ? T
  : T extends ((...args: never) => unknown) | Primitive | Date | Uint8Array
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<DeepReadonly<V>>
        : { readonly [K in keyof T]: DeepReadonly<T[K]> };

type Primitive = bigint | boolean | number | string | symbol | null | undefined;

/**
 * One event as a subscription receives it.
 *
 * Valid for as long as it is kept; it keeps the 64 KiB that its thread copied it into, so {@link detach} what is kept for
 * long.
 * The subscriptions of a thread share what is in it: `event` is decoded once for all of them.
 *
 * An `Envelope<T>` is an `Envelope` of all that a `T` is: a function that takes any `Envelope` takes each.
 *
 * @typeParam T what was published
 * @typeParam Read what `event` is: follows from `T`, and is never given. A parameter, so that the compiler compares envelopes
 *   by it; by `T`, which `DeepReadonly` hides, no envelope would be another
 */
export interface Envelope<T = unknown, Read = DeepReadonly<T>> {
  /** Where it was published, `/tasks/exit`. */
  readonly topic: string;
  /** Of the publisher. */
  readonly namespace: string;
  /** When it was accepted (forwarded: when its origin accepted it), in ns since 1970-01-01T00:00Z; negative before. */
  readonly timestamp: bigint;
  /** Number of its record on this bus, counted from 0; rises by one per record. */
  readonly sequence: number;
  /** The full name of the event's type, `containerd.events.TaskExit`. */
  readonly typeUrl: string;
  /**
   * The trace context that the event was published or forwarded with, as in a `traceparent` header of W3C Trace Context,
   * version 00; undefined without. Not part of {@link toBinary}.
   */
  readonly traceparent: string | undefined;
  /**
   * Where the event came into this process, as whoever forwarded or published it named it; undefined for events that began
   * here. Not part of {@link toBinary}.
   */
  readonly origin: string | undefined;
  /**
   * The event, decoded on first use. Where this thread does not know the type it is the Any `{ typeUrl, value }`.
   *
   * All handlers of a thread that get the event may share this object, so none should change it: what one changes, those
   * after it see. Which of them get the event is decided before the first of them runs.
   *
   * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when the payload does not decode as its type
   */
  readonly event: Read;
  /** The event's bytes: a view that the handlers of a thread share, not to be written to. */
  readonly payload: Uint8Array;
  /** True where the subscriber had this event in hand when its thread ended, and gets it again. */
  readonly redelivered: boolean;
  /**
   * How many records this subscription, being lossy, missed since the event that it got before this one: all that were
   * overwritten while it was awake, wanted or not, and none of those that it slept through because it wanted none of them.
   */
  readonly lagged: number;
  /**
   * The envelope as protobuf (containerd.types.Envelope): a copy of its own. It has no fields for `traceparent` and `origin`:
   * give them to `forward` as options.
   */
  toBinary(): Uint8Array;
  /** The same envelope over a copy of just its own bytes, to be kept for long. */
  detach(): Envelope<T, Read>;
}
