/** What connects a bus with a world outside the process: the interface that bridges implement, ours and users' own. */

/** Events that a bridge knows it lost, or may have lost. */
export interface BridgeGap {
  /** How many; undefined where that cannot be known. */
  readonly count: number | undefined;
  /** Why, in a few words: `the server's stream was trimmed`. */
  readonly reason: string;
}

/** What a bridge counts, by names of its own: numbers, strings and booleans, which `bus.stats()` shows as they are, and anything else as text. */
export type BridgeCounts = Readonly<Record<string, number | string | boolean | undefined>>;

/** What happens to a bridge, as events. */
export interface BridgeEvents {
  /** The other side is there, for the first time or again. */
  connected: [];
  /** The other side is away. The bridge tries again by itself. */
  disconnected: [error?: Error];
  /** Events were lost. */
  gap: [gap: BridgeGap];
}

/** Hears of {@link BridgeEvents}. Any `EventEmitter` that emits them has this. */
interface ListenToBridge {
  (event: 'connected', listener: () => void): unknown;
  (event: 'disconnected', listener: (error?: Error) => void): unknown;
  (event: 'gap', listener: (gap: BridgeGap) => void): unknown;
}

/**
 * What is attached to a bus with `bus.attach`. A class that extends `EventEmitter` and has the other members is one.
 *
 * Threads: that of the bus. None of it is called in a publish.
 */
export interface Bridge {
  /** One segment of a topic, and the only one of that name on its bus: `nats`, `containerd-2`. */
  readonly name: string;
  /** Resolves when the bridge works for the first time; rejects when it never will. */
  readonly ready: Promise<unknown>;
  readonly on: ListenToBridge;
  readonly off: ListenToBridge;
  /** Its counters since it began. Called by `bus.stats()`: quick, and without effects. */
  stats(): BridgeCounts;
  /**
   * Ends the bridge: nothing comes in from now on, what its subscriptions still get goes out, then the promise resolves.
   * Called when the bus begins to close, which waits for it within `drainTimeoutMs`. May be called more than once.
   */
  close(): unknown;
}

/** A bridge as `bus.stats()` shows it. */
export interface BridgeStats {
  readonly name: string;
  /**
   * `connecting` until it is ready or says `connected`; `failed`: it never will be; `closing` once the bus closes it.
   */
  readonly state: 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closing';
  /** Milliseconds since it has been so. */
  readonly stateMs: number;
  /** Times that it told of a gap. */
  readonly gaps: number;
  /** Events lost in those gaps, as far as their count is known. */
  readonly lost: number;
  /** Why it is disconnected or failed, or why its counters could not be read. */
  readonly error: string | undefined;
  /** What it counts itself; empty when its `stats()` threw. */
  readonly counts: BridgeCounts;
}

/** What the bus publishes about a bridge by itself, on `/ringcast/bridge/NAME`, as MessagePack. */
export type BridgeReport =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | ({ readonly kind: 'gap' } & BridgeGap);

/** What whoever attached a bridge holds. */
export interface BridgeAttachment extends Disposable {
  /** `/ringcast/bridge/NAME`. */
  readonly topic: string;
  /**
   * Publishes an event on the bridge's topic, where `publish` refuses to. Queues as `publish` does.
   *
   * @returns whether somebody wanted it
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when it cannot be encoded
   * @throws {EventTooLargeError} `BUS_EVENT_TOO_LARGE`
   * @throws {QueueFullError} `BUS_QUEUE_FULL`
   * @throws {BusClosedError} `BUS_CLOSED` once the bus closes, or when the bridge was detached
   */
  report(event: unknown): boolean;
  /** The bridge has ended by itself: it is no longer shown, nor closed with the bus. Calling it again is harmless. */
  detach(): void;
}
