/** The bus: publish here, subscribe in this thread or any other. */
import { busClosed, busCreated } from '../channels/channels.js';
import type { BusHandle } from '../connect/bus-handle.js';
import { guardEmitter } from '../host/emitter-guard.js';
import { reportError, unwatched } from '../host/report.js';
import type { Bridge, BridgeAttachment } from '../observe/bridge.js';
import type { BusStats } from '../observe/bus-stats.js';
import { type BusHealth, healthOf } from '../observe/health.js';
import type { ServeStatsOptions, StatsServer } from '../observe/stats-server.js';
import { readOptions, timeoutOption } from '../option-check.js';
import type { AnyTopics } from '../subscribe/typed-topics.js';
import { BusClient } from './bus-client.js';
import { BUS_EVENTS } from './bus-events.js';
import { type BusOptions, resolveBusOptions } from './bus-options.js';
import { assembleBus, type BusParts } from './bus-parts.js';
import { takeStats } from './bus-stats.js';
import { closeOn, closeOnNothing } from './close-on.js';
import { abandon, type CloseResult, closeDown, excuseCaller } from './closing.js';
import { LazyConnections } from './connection/lazy-connections.js';

const DEFAULT_DRAIN_TIMEOUT_MS = 10_000;
const NO_OPTIONS = {};

/**
 * Creates a bus, owned by the calling thread: it publishes and subscribes there; modules read in threads of their own.
 *
 * Allocates: the ring (`capacityBytes`) and the topic table, in shared memory, once. Starts no thread.
 *
 * @typeParam Topics an interface from topic to payload: `publish` and `subscribe` are checked by it, by the compiler alone.
 *   Without one, any topic takes any event.
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
 * @throws {InvalidCapacityError} `BUS_INVALID_CAPACITY`
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY`
 * @throws {FakeTimersError} `BUS_FAKE_TIMERS` when fake timers were installed before this package was loaded
 * @throws {TypesModuleError} `BUS_TYPES_MODULE` when a module in `types` does not load or exports no event type
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when `topicTypes` names a type that is not registered
 * @example
 * const bus = createBus();
 * bus.subscribe('/service/**', (envelope) => console.log(envelope.topic, envelope.event));
 * bus.publish('/service/container/exit', { id: 'c1', status: 0 });
 */
export function createBus<Topics extends object = AnyTopics>(options?: BusOptions): Bus<Topics>;
// The last signature is what ReturnType<typeof createBus> sees.
export function createBus(options?: BusOptions): Bus;
export function createBus(options?: BusOptions): Bus {
  return new Bus(options);
}

export class Bus<Topics extends object = AnyTopics> extends BusClient<Topics> implements AsyncDisposable {
  /**
   * A function: sending a bus to another thread fails with its text, where what arrives could do nothing.
   *
   * @internal
   */
  readonly notCloneable = () => 'a bus stays on its thread';
  readonly #parts: BusParts;
  readonly #connections: LazyConnections;
  #closing: Promise<CloseResult> | undefined;
  #closed = false;
  readonly #servers = new Set<StatsServer>();
  #abandoned: Promise<number> | undefined;

  static {
    guardEmitter(Bus.prototype, BUS_EVENTS);
  }

  /** Use {@link createBus}. */
  constructor(options?: BusOptions);
  /**
   * @param startPosition where the ring's positions begin, in units: tests start below the edges of the counters
   * @internal
   */
  constructor(options: BusOptions | undefined, startPosition: number | undefined);
  constructor(options?: BusOptions, startPosition = 0) {
    let parts!: BusParts;
    const resolved = resolveBusOptions(options);
    super((bus) => {
      parts = assembleBus(bus, resolved, startPosition);
      return parts;
    });
    this.#parts = parts;
    this.#connections = new LazyConnections(parts, resolved);
    if (busCreated.hasSubscribers) {
      const { namespace } = resolved;
      busCreated.publish({ bus: this, capacityBytes: parts.writer.memory.capacityBytes, namespace });
    }
    if (process.env.RINGCAST_STATS === '1') this.serveStats().catch((error: Error) => reportError(error, this));
  }

  /**
   * What {@link connectBus} in another thread connects by: shared buffers, numbers and strings, for `workerData`, a message or a
   * task, as often as one likes, without a transfer list.
   *
   * Asking for it opens the bus to connections: a BroadcastChannel, unref'd.
   *
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  get handle(): BusHandle<Topics> {
    this.checkOpen('handle');
    return this.#connections.open() as unknown as BusHandle<Topics>;
  }

  /** One look at the counters. Any time, also after the bus was closed. */
  stats(): BusStats {
    return takeStats(this.#parts, this.#connections.opened);
  }

  /**
   * Whether the bus works as it should, and if not, what is wrong in one sentence each: for health endpoints. Any time, also
   * after the bus was closed.
   */
  health(): BusHealth {
    return healthOf(this.stats(), this.#closingState);
  }

  /**
   * Registers what connects this bus with a world outside: it shows in {@link stats} and {@link health}, is closed with the
   * bus, and is published about on `/ringcast/bridge/NAME`.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when something of a bridge is missing, or its name is taken
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  attach(bridge: Bridge): BridgeAttachment {
    this.checkOpen('attach');
    return this.#parts.bridges.attach(bridge);
  }

  /**
   * Serves the statistics of this bus to other processes of the user, such as `ringcast top`, on a unix socket that nobody
   * else can open. A small thread answers, also while the thread of the bus is blocked. Ends with the bus.
   *
   * Allocates: a thread. Does not hold the process open. With the environment variable `RINGCAST_STATS=1` every bus of a
   * process does so by itself. Nobody has to watch the promise.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
   * @throws {CannotServeError} `BUS_CANNOT_SERVE` when that path cannot be served at
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  serveStats(options: ServeStatsOptions = NO_OPTIONS): Promise<StatsServer> {
    return unwatched(this.#serve(options));
  }

  async #serve(options: ServeStatsOptions): Promise<StatsServer> {
    this.checkOpen('serveStats');
    const { attachment, publisher, subscriptions, writer } = this.#parts;
    const { StatsServer: Server } = await import('../observe/stats-server.js');
    const server = await Server.start(
      {
        subscriptions,
        connections: () => this.#connections.opened?.all ?? [],
        gates: (reader) => writer.gate.gates(reader),
        control: attachment.ring.control,
        counters: publisher.counters,
        stats: () => this.stats(),
        closing: () => this.#closingState,
        report: (error) => reportError(error, this),
      },
      options,
    );
    this.#servers.add(server);
    // Closed meanwhile: nobody else ends it.
    if (this.#closed) await server.close();
    return server;
  }

  get #closingState(): 'closing' | 'closed' | undefined {
    return this.#closed ? 'closed' : this.#closing && 'closing';
  }

  /**
   * Finishes what is held: from the call on publishing is refused, everything accepted is delivered, streams end, threads
   * are torn down, bridges closed. Calling it again returns the same promise. Called in a handler or
   * in the body of a `for await`, it does not wait for that one.
   *
   * When the time is over, handlers are called no more and threads are ended. They have 250 ms to exit; then `undelivered` is
   * counted where they stand, and the promise resolves. A thread that still loads, or is in a call into the system, exits
   * later: it handles nothing any more. With `Infinity` a handler is waited for as long as it takes, but a thread that is owed
   * nothing any more has ten seconds to end, and one that was ended, or is gone, 20 at most.
   *
   * @param options `drainTimeoutMs`: how long to wait for subscribers, 0 to 2^31 - 1 or `Infinity`, default 10,000
   */
  close(options: { readonly drainTimeoutMs?: number } = NO_OPTIONS): Promise<CloseResult> {
    const given = readOptions('options', options, ['drainTimeoutMs']).drainTimeoutMs;
    const drainTimeoutMs = timeoutOption('drainTimeoutMs', given, DEFAULT_DRAIN_TIMEOUT_MS, 0);
    excuseCaller();
    closeOnNothing(this);
    if (this.#closing === undefined) {
      this.#closing = this.#closeDown(drainTimeoutMs);
    }
    this.refuse();
    return this.#closing;
  }

  async #closeDown(drainTimeoutMs: number): Promise<CloseResult> {
    const result = await closeDown(this.#parts, this.#connections, drainTimeoutMs, () => this.#abandoned);
    this.#closed = true;
    await Promise.all([...this.#servers].map((server) => server.close()));
    if (busClosed.hasSubscribers) busClosed.publish({ bus: this, undelivered: result.undelivered });
    return result;
  }

  /**
   * Closes the bus at the first of these signals, with what is unread delivered, and raises the signal again once the bus is
   * closed, so that the process ends as it would have. A second signal meanwhile destroys the bus and ends at once.
   *
   * Several buses of a process close together, and the signal is raised again once. Other listeners of the signal are called
   * both times. Threads: the main thread alone, because no signal reaches others.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` for names of no signal, and on other threads
   * @example
   * bus.closeOn('SIGTERM', 'SIGINT');
   */
  closeOn(...signals: readonly NodeJS.Signals[]): this {
    this.checkOpen('closeOn');
    closeOn(this, signals);
    return this;
  }

  /** Abandons everything at once: what is undelivered stays so, threads are ended where they are, as by {@link close} in the end. */
  destroy(): void {
    void this.close({ drainTimeoutMs: 0 });
    this.#abandoned ??= abandon(this.#parts, this.#connections);
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
