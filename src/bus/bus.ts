/** The bus: publish here, subscribe in this thread or any other. */
import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import { types } from 'node:util';
import { BusEmitter, type Emitter, type EmitterOptions } from '../emit/emitter.js';
import type { DeepReadonly, Envelope } from '../envelope/envelope.js';
import type { AnyEvent } from '../envelope/type-registry.js';
import { BusClosedError, InvalidOptionError } from '../errors.js';
import { refuseTopics } from '../host/emitter-guard.js';
import { unwatched } from '../host/report.js';
import { isUrl, readOptions, timeoutOption } from '../option-check.js';
import type { Publisher } from '../publish/publisher.js';
import type { EventStream } from '../subscribe/event-stream.js';
import type { Handler } from '../subscribe/handler-delivery.js';
import type { NextOptions } from '../subscribe/next-event.js';
import type { HandlerOptions, ModuleOptions, SubscribeOptions } from '../subscribe/subscribe-options.js';
import type { Subscription } from '../subscribe/subscription.js';
import { Subscriptions } from '../subscribe/subscriptions.js';
import type { AnyTopics, CheckedFilter, SelectedEnvelope, TopicOf } from '../subscribe/typed-topics.js';
import type { FilterInput } from '../topic/filter.js';
import type { BusEvents } from './bus-events.js';
import { type BusOptions, resolveBusOptions } from './bus-options.js';
import { assembleBus, type BusParts } from './bus-parts.js';
import { type BusStats, takeStats } from './bus-stats.js';
import { closeOn, closeOnNothing } from './close-on.js';
import { abandon, type CloseResult, closeDown, excuseCaller } from './closing.js';
import { writableStream } from './writable-stream.js';

export interface PublishOptions {
  /** Default: the bus's. */
  readonly namespace?: string;
}

const DEFAULT_PUBLISH_TIMEOUT_MS = 1_000;
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

export class Bus<Topics extends object = AnyTopics> extends EventEmitter<BusEvents> implements AsyncDisposable {
  readonly #parts: BusParts;
  readonly #publisher: Publisher;
  readonly #subscriptions: Subscriptions;
  /**
   * A function: sending a bus to another thread fails with its text, where what arrives could do nothing.
   *
   * @internal
   */
  readonly notCloneable = () => 'a bus stays on its thread';
  #closing: Promise<CloseResult> | undefined;
  #abandoned: Promise<number> | undefined;

  static {
    refuseTopics(Bus.prototype);
  }

  /** Use {@link createBus}. */
  constructor(options?: BusOptions);
  /**
   * @param startPosition where the ring's positions begin, in units: tests start below the edges of the counters
   * @internal
   */
  constructor(options: BusOptions | undefined, startPosition: number | undefined);
  constructor(options?: BusOptions, startPosition = 0) {
    super();
    this.#parts = assembleBus(this, resolveBusOptions(options), startPosition);
    this.#publisher = this.#parts.publisher;
    this.#subscriptions = new Subscriptions(this.#parts);
  }

  /**
   * Publishes an event, queueing it when the ring is full: the contract of `stream.write`.
   *
   * The event is encoded before the call returns and may be changed afterwards. Success means accepted: every subscription
   * in force now gets it, in the order of acceptance; with none, it costs a map look-up. No handler runs inside the call.
   *
   * Shapes: an instance of an event class, a plain object on a topic with a declared type, an Any `{ typeUrl, value }`, or
   * any other value, which is encoded as MessagePack.
   * Waits: never. Allocates: nothing but what the event's own getters do, unless it has to queue.
   *
   * @param topic see `checkTopic`: `/` and segments of letters and digits joined by single `.`, `_` or `-`
   * @returns true, or false when it was accepted but queued: `await bus.writable()` before publishing more
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when it cannot be encoded as its type
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` when it is an Any whose type URL is longer than 1,024 bytes
   * @throws {EventTooLargeError} `BUS_EVENT_TOO_LARGE` when its record is larger than an eighth of the ring
   * @throws {QueueFullError} `BUS_QUEUE_FULL` when `maxPendingBytes` wait already
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  publish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: DeepReadonly<Topics[Topic]>,
    options: PublishOptions = NO_OPTIONS,
  ): boolean {
    this.#checkOpen('publish');
    return this.#publisher.publish(topic, event, namespaceOf(options));
  }

  /**
   * Publishes an event if there is room for it at this moment: never waits, never queues. Errors as {@link publish}.
   *
   * @returns false when it was not accepted; `stats().refused` counts them
   */
  tryPublish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: DeepReadonly<Topics[Topic]>,
    options: PublishOptions = NO_OPTIONS,
  ): boolean {
    this.#checkOpen('tryPublish');
    return this.#publisher.tryPublish(topic, event, namespaceOf(options));
  }

  /**
   * Publishes an event, blocking this thread until there is room. Errors as {@link publish}, and:
   *
   * @param options `timeoutMs`: how long to wait, 0 to 2^31 - 1 or `Infinity`, default 1,000
   * @throws {PublishTimeoutError} `BUS_PUBLISH_TIMEOUT` when there was none; the event was not accepted
   * @throws {WouldDeadlockError} `BUS_WOULD_DEADLOCK` at once, when the reader that holds the ring is on this thread
   * @throws {CannotBlockError} `BUS_CANNOT_BLOCK` when there is none, and the host does not let this thread wait for it
   * @throws {ReentrantPublishError} `BUS_REENTRANT_PUBLISH` when called while an event is being encoded
   * @throws {BusClosedError} `BUS_CLOSED` also when a listener destroys the bus meanwhile
   */
  publishSync<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: DeepReadonly<Topics[Topic]>,
    options: PublishOptions & { readonly timeoutMs?: number } = NO_OPTIONS,
  ): void {
    this.#checkOpen('publishSync');
    const { namespace, timeoutMs } = readOptions('options', options, ['namespace', 'timeoutMs']);
    const timeout = timeoutOption('timeoutMs', timeoutMs, DEFAULT_PUBLISH_TIMEOUT_MS, 0);
    this.#publisher.publishSync(topic, event, namespace, timeout);
  }

  /**
   * Puts an envelope from elsewhere on the bus, with its own time and namespace: canonical bytes to the byte, others made
   * canonical with their unknown fields kept. Queues as {@link publish} does, and returns what it returns.
   *
   * @param envelope an encoded `containerd.types.Envelope`, or an envelope that a handler received
   * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE`
   * @throws {IncompleteEnvelopeError} `BUS_INCOMPLETE_ENVELOPE` when it has no time or no event
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` when its type URL is longer than 1,024 bytes
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   */
  forward(envelope: Uint8Array | { toBinary(): Uint8Array }): boolean {
    this.#checkOpen('forward');
    const bytes: unknown =
      types.isUint8Array(envelope) || typeof envelope?.toBinary !== 'function' ? envelope : envelope.toBinary();
    // Not a proxy: its bytes and its length need not agree.
    if (types.isUint8Array(bytes)) return this.#publisher.forward(bytes);
    throw new InvalidOptionError('envelope', bytes, 'the bytes of an envelope, or a received envelope');
  }

  /**
   * Resolves when nothing is queued and there is room in the ring. Holds the process open until then.
   *
   * Rejects with `BUS_WOULD_DEADLOCK` when there is no room before the event is dealt with that the caller has in hand, as a
   * handler or in a `for await`, and with `BUS_CLOSED` when the bus is destroyed meanwhile.
   */
  writable(): Promise<void> {
    if (this.#closing !== undefined) return unwatched(Promise.reject(new BusClosedError('writable')));
    return this.#parts.backpressure.wait();
  }

  /**
   * A Node stream in object mode that publishes what is written to it, and asks for no more while the bus is full: the end
   * of a `pipeline`. Its errors are those of {@link publish}. Ending or destroying the stream does nothing to the bus.
   *
   * @param topic where chunks are published, or what says so of each chunk
   * @example
   * await pipeline(createReadStream('orders.ndjson'), parseLines, bus.writableStream('/orders'));
   */
  writableStream<Topic extends TopicOf<Topics>>(
    topic: Topic | ((event: Topics[Topic]) => Topic),
    options: PublishOptions = NO_OPTIONS,
  ): Writable {
    const topicOf = typeof topic === 'function' ? (topic as (event: unknown) => Topic) : (): Topic => topic;
    return writableStream(this as unknown as Parameters<typeof writableStream>[0], topicOf, options);
  }

  /** Wakes sleeping subscribers now, and not at the end of this burst. */
  flush(): void {
    if (this.#closing === undefined) this.#publisher.flush();
  }

  /**
   * Subscribes a handler on this thread, a module on a thread of its own, or, with neither, returns a stream for
   * `for await`.
   *
   * Effective at once: what is accepted after the call returned is delivered, even if the thread is still starting; nothing
   * accepted before is.
   *
   * On a bus with typed topics the envelope has the payloads of the topics that the filter selects, and comparing its
   * `topic` tells which; a filter that selects none of them does not compile.
   *
   * @param filter a glob (`/service/**`), a containerd filter expression, a list of them (any of), or a structured filter
   * @throws {InvalidGlobError} `BUS_INVALID_GLOB`
   * @throws {GlobTooComplexError} `BUS_GLOB_TOO_COMPLEX`
   * @throws {InvalidFilterError} `BUS_INVALID_FILTER`
   * @throws {TooManyReadersError} `BUS_TOO_MANY_READERS` when a 65th reader would be needed
   */
  subscribe<const Filter extends FilterInput>(
    filter: CheckedFilter<Topics, Filter>,
    handler: Handler<SelectedEnvelope<Topics, Filter>>,
    options?: HandlerOptions,
  ): Subscription;
  subscribe<const Filter extends FilterInput>(
    filter: CheckedFilter<Topics, Filter>,
    module: URL,
    options?: ModuleOptions,
  ): Subscription;
  subscribe<const Filter extends FilterInput>(
    filter: CheckedFilter<Topics, Filter>,
    options?: SubscribeOptions,
  ): EventStream<SelectedEnvelope<Topics, Filter>>;
  subscribe(
    filter: unknown,
    subscriber?: Handler<never> | URL | SubscribeOptions,
    options: HandlerOptions | ModuleOptions = NO_OPTIONS,
  ): Subscription {
    this.#checkOpen('subscribe');
    const input = filter as FilterInput;
    if (typeof subscriber === 'function') return this.#subscriptions.handler(input, subscriber as Handler, options);
    if (isUrl(subscriber)) return this.#subscriptions.module(input, subscriber, options);
    if (subscriber === undefined || (typeof subscriber === 'object' && subscriber !== null)) {
      return this.#subscriptions.stream(input, subscriber ?? NO_OPTIONS);
    }
    throw new InvalidOptionError('subscriber', subscriber, 'a function, a module URL or options');
  }

  /**
   * The next event that the filter selects, of those accepted after the call. Not held up by handlers that are pending, so
   * it may be awaited in one. Holds the process open until it is settled; nobody has to watch it.
   *
   * Rejects with the signal's reason when that is aborted, with `BUS_TIMEOUT` after `timeoutMs`, and with
   * `BUS_SUBSCRIPTION_ENDED` when the bus is closed first. Waits that are pending together take one reader.
   *
   * @param filter see {@link subscribe}, whose errors this throws
   */
  next<const Filter extends FilterInput>(
    filter: CheckedFilter<Topics, Filter>,
    options?: NextOptions,
  ): Promise<SelectedEnvelope<Topics, Filter>>;
  next(filter: unknown, options: NextOptions = NO_OPTIONS): Promise<Envelope> {
    this.#checkOpen('next');
    return this.#subscriptions.next(filter as FilterInput, options);
  }

  /**
   * An emitter for this bus, to inject into a subsystem or to run it with (`runWithEmitter`).
   *
   * @param options `namespace`: default the bus's; `prefix`: the topic that relative topics are below
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC` when the prefix is no topic
   */
  emitter(options: EmitterOptions = NO_OPTIONS): Emitter {
    return new BusEmitter(this, options);
  }

  /**
   * The event as an Any, with the types of this bus: its class decides, a value of no class is MessagePack, an Any stays as
   * it is. For events inside other events; `publish` packs by itself.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when the event cannot be encoded
   */
  anyPack(event: unknown): AnyEvent {
    return this.#parts.registry.anyPack(event);
  }

  /**
   * The event in an Any, with the types of this bus.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when it is no Any
   * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when its type is not registered
   * @throws {MalformedPayloadError} `BUS_MALFORMED_PAYLOAD` when its value does not decode
   */
  anyUnpack(any: AnyEvent): unknown {
    return this.#parts.registry.anyUnpack(any);
  }

  /** One look at the counters. Any time, also after the bus was closed. */
  stats(): BusStats {
    return takeStats(this.#parts, this.#subscriptions.all);
  }

  /**
   * Finishes what is held: from the call on publishing is refused, everything accepted is delivered, streams end, threads
   * are torn down. Calling it again returns the same promise. Called in a handler or
   * in the body of a `for await`, it does not wait for that one.
   *
   * @param options `drainTimeoutMs`: how long to wait for subscribers, 0 to 2^31 - 1 or `Infinity`, default 10,000
   */
  close(options: { readonly drainTimeoutMs?: number } = NO_OPTIONS): Promise<CloseResult> {
    const given = readOptions('options', options, ['drainTimeoutMs']).drainTimeoutMs;
    const drainTimeoutMs = timeoutOption('drainTimeoutMs', given, DEFAULT_DRAIN_TIMEOUT_MS, 0);
    excuseCaller();
    closeOnNothing(this);
    this.#closing ??= closeDown(this.#parts, this.#subscriptions, drainTimeoutMs, () => this.#abandoned);
    return this.#closing;
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
    this.#checkOpen('closeOn');
    closeOn(this, signals);
    return this;
  }

  /** Abandons everything at once: what is undelivered stays so, threads are ended where they are. */
  destroy(): void {
    void this.close({ drainTimeoutMs: 0 });
    this.#abandoned ??= abandon(this.#parts, this.#subscriptions);
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(operation: string): void {
    if (this.#closing !== undefined) throw new BusClosedError(operation);
  }
}

/** Written out for speed: it is on the way of every publish. */
function namespaceOf(options: PublishOptions): string | undefined {
  if (options === NO_OPTIONS) return undefined;
  if (options === null || typeof options !== 'object')
    return readOptions<PublishOptions>('options', options, ['namespace']).namespace;
  for (const key in options) if (key !== 'namespace') return readOptions('options', options, ['namespace']).namespace;
  return options.namespace;
}
