/** A bus that another thread owns, as this thread has it: the same calls, by way of an uplink of this thread's own. */
import { type BusHandle, checkHandle } from '../../connect/bus-handle.js';
import { abandonConnection, drained, giveUp, left, refused } from '../../connect/connection-end.js';
import { assembleConnection, type ConnectionParts } from '../../connect/connection-parts.js';
import { type ConnectionOwnStats, takeConnectionStats } from '../../connect/connection-stats.js';
import type { TellOwn } from '../../connect/modules/module-messages.js';
import { BusClosedError, InvalidOptionError, TooManyConnectionsError } from '../../errors.js';
import { guardEmitter } from '../../host/emitter-guard.js';
import { emitSafely } from '../../host/report.js';
import { workerThreads } from '../../host/worker-threads.js';
import { readOptions, timeoutOption } from '../../option-check.js';
import type { ForwardOptions, PublishOptions } from '../../publish/publish-options.js';
import { LAYOUT_VERSION } from '../../ring/control-descriptor.js';
import type { AnyTopics, EventFor, TopicOf } from '../../subscribe/typed-topics.js';
import { BusClient } from '../bus-client.js';
import { BUS_EVENTS } from '../bus-events.js';
import { type CloseResult, excuseCaller } from '../closing.js';

/** All optional, read once, by the first call in a thread. */
export interface ConnectOptions {
  /** In `stats().connections` of the bus and in its events; default `thread-` and the thread's number. */
  readonly name?: string;
}

const DEFAULT_DRAIN_TIMEOUT_MS = 10_000;
const NO_OPTIONS = {};

/** By bus, and shared by all copies of the package that the thread loads. */
const CONNECTIONS = Symbol.for(`ringcast.connections.${LAYOUT_VERSION}`);
const host = process.getBuiltinModule('node:process') as { [CONNECTIONS]?: Map<string, BusConnection> };

function connectionsHere(): Map<string, BusConnection> {
  host[CONNECTIONS] ??= new Map();
  return host[CONNECTIONS];
}

/**
 * Connects this thread to a bus that another thread owns. Publishing and subscribing work from the next line on; the owner is told
 * of the connection meanwhile.
 *
 * A second call in the same thread returns the same connection, which is closed when each of them has closed it. In the
 * owner's own thread it makes a connection like any other.
 *
 * Allocates: an uplink of half the bus's ring, in shared memory, of which only pages take memory that were written. Takes the
 * records that the bus takes. Does not keep the thread alive, except while accepted events wait on its heap.
 *
 * @param handle `bus.handle`, as it arrived in this thread
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no handle
 * @throws {LayoutMismatchError} `BUS_LAYOUT_MISMATCH` when another version of the package made it
 * @throws {TypesModuleError} `BUS_TYPES_MODULE` when a module in `types` of the bus does not load here
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when `topicTypes` of the bus names a type that only the owner's thread has
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY` when there is none for its uplink
 * @throws {FakeTimersError} `BUS_FAKE_TIMERS`
 * @example
 * const bus = connectBus(workerData.bus);
 * bus.publish('/images/resized', { id, width });
 */
export function connectBus<Topics extends object = AnyTopics>(
  handle: BusHandle<Topics>,
  options: ConnectOptions = NO_OPTIONS,
): BusConnection<Topics> {
  const checked = checkHandle(handle);
  const { name = `thread-${workerThreads().threadId}` } = readOptions('options', options, ['name']);
  if (typeof name !== 'string' || name === '') throw new InvalidOptionError('name', name, 'a non-empty string');
  const connection = connectionsHere().get(checked.busId) ?? new BusConnection(checked, name);
  connection.use();
  return connection as unknown as BusConnection<Topics>;
}

export class BusConnection<Topics extends object = AnyTopics> extends BusClient<Topics> implements AsyncDisposable {
  /**
   * A function: sending a connection to another thread fails with its text; send its `handle`.
   *
   * @internal
   */
  readonly notCloneable = () => 'a connection stays on its thread; send its handle';
  readonly name: string;
  /** The handle that this connection was made from, to be passed on. */
  readonly handle: BusHandle<Topics>;
  readonly #parts: ConnectionParts;
  #users = 0;
  #closing: Promise<CloseResult> | undefined;
  #refusal: TooManyConnectionsError | undefined;
  static {
    guardEmitter(BusConnection.prototype, BUS_EVENTS);
  }

  /** Use {@link connectBus}. @internal */
  constructor(handle: BusHandle, name: string) {
    let parts!: ConnectionParts;
    super((client) => {
      parts = assembleConnection(client, handle, name, {
        onClosing: () => this.refuse(),
        onEnd: () => {
          this.#stopAccepting();
          giveUp(this.#parts);
        },
        onOwn: (event, told) => this.tellOwn(event, told),
        onRefused: (connections) => {
          this.#refusal ??= new TooManyConnectionsError(connections);
          this.#stopAccepting();
          void refused(this.#parts);
        },
      });
      return parts;
    });
    this.name = name;
    this.handle = handle as unknown as BusHandle<Topics>;
    this.#parts = parts;
    connectionsHere().set(handle.busId, this as unknown as BusConnection);
    parts.link.start();
  }

  /** Somebody in this thread has connected. @internal */
  use(): void {
    this.#users++;
  }

  override publish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options?: PublishOptions,
  ): boolean {
    const isWritable = super.publish(topic, event, options);
    this.#checkCounted('publish', true);
    return isWritable;
  }

  override tryPublish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options?: PublishOptions,
  ): boolean {
    const isAccepted = super.tryPublish(topic, event, options);
    this.#checkCounted('tryPublish', isAccepted);
    return isAccepted;
  }

  override publishSync<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options?: PublishOptions & { readonly timeoutMs?: number },
  ): void {
    const { backpressure } = this.#parts;
    const isOutermost = backpressure.beginBlocking();
    try {
      super.publishSync(topic, event, options);
    } finally {
      if (isOutermost) backpressure.endBlocking();
    }
    this.#checkCounted('publishSync', true);
  }

  override forward(envelope: Uint8Array | { toBinary(): Uint8Array }, options?: ForwardOptions): boolean {
    const isWritable = super.forward(envelope, options);
    this.#checkCounted('forward', true);
    return isWritable;
  }

  /** As on the bus. Where the bus is closed meanwhile, it throws, and `consumedBytes` of the error is what the bus has of the run. */
  override forwardAll(run: Uint8Array, options?: ForwardOptions): number {
    const consumed = super.forwardAll(run, options);
    this.#checkCounted('forwardAll', true, consumed);
    return consumed;
  }

  /** One look at the counters. Any time, also after the connection was closed. */
  stats(): ConnectionOwnStats {
    return takeConnectionStats(this.#parts);
  }

  /**
   * Waits until the bus has all that was accepted here, and subscriptions here have delivered what was accepted before; then
   * disconnects. From the call on publishing is refused; where somebody else in this thread has connected, it only waits.
   *
   * @param options `drainTimeoutMs`: how long to wait for the owner, 0 to 2^31 - 1 or `Infinity`, default 10,000
   * @returns `undelivered`: accepted events that the owner had not taken over by then
   */
  close(options: { readonly drainTimeoutMs?: number } = NO_OPTIONS): Promise<CloseResult> {
    const given = readOptions('options', options, ['drainTimeoutMs']).drainTimeoutMs;
    const drainTimeoutMs = timeoutOption('drainTimeoutMs', given, DEFAULT_DRAIN_TIMEOUT_MS, 0);
    excuseCaller();
    if (this.#closing !== undefined) return this.#closing;
    if (--this.#users > 0) return drained(this.#parts, drainTimeoutMs);
    this.#stopAccepting();
    this.#closing = left(this.#parts, drainTimeoutMs);
    return this.#closing;
  }

  /** Disconnects at once: what waits on the heap is dropped, what is in the uplink is still delivered. */
  destroy(): void {
    this.#users = 1;
    void this.close({ drainTimeoutMs: 0 });
    abandonConnection(this.#parts);
  }

  /** Whether nobody else in this thread has connected. @internal */
  protected get isLastUser(): boolean {
    return this.#users <= 1;
  }

  /** Closes it for all who have connected in this thread. @internal */
  leave(): Promise<CloseResult> {
    this.#users = 1;
    return this.close({ drainTimeoutMs: Number.POSITIVE_INFINITY });
  }

  /** Something happened to a subscription of this thread. @internal */
  protected tellOwn(...[event, told]: Parameters<TellOwn>): void {
    emitSafely(this, event, told);
  }

  /** What it works with. @internal */
  get parts(): ConnectionParts {
    return this.#parts;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What the owner has said before this call counts for what is published. @internal */
  protected override checkOpen(operation: string): void {
    const { link } = this.#parts;
    if (link.hasNews) {
      link.hear();
      if (link.isClosing) this.refuse();
    }
    if (this.#refusal !== undefined) throw this.#refusal;
    super.checkOpen(operation);
  }

  /** Nothing more is accepted, and whoever connects gets another connection. */
  #stopAccepting(): void {
    this.refuse();
    const { busId } = this.handle;
    if (connectionsHere().get(busId) === (this as unknown)) connectionsHere().delete(busId);
  }

  /** @param wasCounted whether the call has counted an event as accepted that the bus does not have, where the last one came too late */
  #checkCounted(operation: string, wasCounted: boolean, consumedBytes?: number): void {
    const { writer, publisher } = this.#parts;
    if (!writer.refused) return;
    if (wasCounted) publisher.pending.revoked();
    const error = new BusClosedError(operation);
    if (consumedBytes !== undefined) error.consumedBytes = consumedBytes;
    throw error;
  }
}
