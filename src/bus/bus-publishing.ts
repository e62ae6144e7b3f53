/** What any client of a bus publishes with. */
import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import { types } from 'node:util';
import { publishRefused, publishTracing } from '../channels/channels.js';
import type { PublishTrace } from '../channels/messages.js';
import { BusClosedError, InvalidOptionError } from '../errors.js';
import { unwatched } from '../host/report.js';
import { attempted, readOptions, timeoutOption } from '../option-check.js';
import type { Backpressure } from '../publish/backpressure.js';
import type { Extensions } from '../publish/extensions.js';
import { bytesOf } from '../publish/forwarding.js';
import {
  type ForwardOptions,
  forwardOptionsOf,
  NO_OPTIONS,
  namespaceOf,
  PUBLISH_KEYS,
  type PublishOptions,
  SYNC_KEYS,
  type SyncOptions,
} from '../publish/publish-options.js';
import type { Publisher } from '../publish/publisher.js';
import type { RecordExtension } from '../ring/record-extension.js';
import type { AnyTopics, EventFor, TopicOf } from '../subscribe/typed-topics.js';
import type { BusEvents } from './bus-events.js';
import type { PublishingParts } from './bus-parts.js';
import { writableStream } from './writable-stream.js';

const DEFAULT_PUBLISH_TIMEOUT_MS = 1_000;

/** The part of a client that publishes. */
export abstract class BusPublishing<Topics extends object = AnyTopics> extends EventEmitter<BusEvents> {
  readonly #publisher: Publisher;
  readonly #backpressure: Backpressure;
  readonly #extensions: Extensions;
  #isClosed = false;

  /**
   * @param assemble puts the parts together that this client works with
   * @internal
   */
  constructor(assemble: (client: EventEmitter<BusEvents>) => PublishingParts) {
    super({ captureRejections: true });
    const { publisher, backpressure, extensions } = assemble(this);
    this.#publisher = publisher;
    this.#backpressure = backpressure;
    this.#extensions = extensions;
  }

  /**
   * Publishes an event, queueing it when the ring is full: the contract of `stream.write`.
   *
   * The event is encoded before the call returns and may be changed afterwards. Success means accepted: every subscription
   * in force now gets it, in the order of acceptance; with none, it costs a map lookup. No handler runs inside the call.
   *
   * Shapes: an instance of an event class, a plain object on a topic with a declared type, an Any `{ typeUrl, value }`, or
   * any other value, which is encoded as MessagePack.
   * Waits: never. Allocates: nothing but what the event's own getters do, and 88 bytes for a trace context or an origin that is
   * not the last one, unless it has to queue.
   *
   * @param topic see `checkTopic`: `/` and segments of letters and digits joined by single `.`, `_` or `-`
   * @returns true, or false when it was accepted but queued: `await bus.writable()` before publishing more
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   * @throws {InvalidTraceparentError} `BUS_INVALID_TRACEPARENT`
   * @throws {InvalidOriginError} `BUS_INVALID_ORIGIN`
   * @throws {TooManyOriginsError} `BUS_TOO_MANY_ORIGINS` for a 1,025th origin
   * @throws {InvalidEventError} `BUS_INVALID_EVENT` when it cannot be encoded as its type
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` when it is an Any whose type URL is longer than 1,024 bytes
   * @throws {EventTooLargeError} `BUS_EVENT_TOO_LARGE` when its record is larger than an eighth of the ring
   * @throws {QueueFullError} `BUS_QUEUE_FULL` when `maxPendingBytes` wait already
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  publish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options: PublishOptions = NO_OPTIONS,
  ): boolean {
    this.checkOpen('publish');
    if (publishTracing.hasSubscribers) return this.#traced('publish', topic, event, options) as boolean;
    return this.#publisher.publish(topic, event, namespaceOf(options), this.#extensionOf('publish', options));
  }

  /**
   * Publishes an event if there is room for it at this moment: never waits, never queues. Errors as {@link publish}.
   *
   * @returns false when it was not accepted; `stats().refused` counts them
   */
  tryPublish<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options: PublishOptions = NO_OPTIONS,
  ): boolean {
    this.checkOpen('tryPublish');
    const accepted = publishTracing.hasSubscribers
      ? (this.#traced('tryPublish', topic, event, options) as boolean)
      : this.#publisher.tryPublish(topic, event, namespaceOf(options), this.#extensionOf('tryPublish', options));
    if (!accepted && publishRefused.hasSubscribers) publishRefused.publish({ bus: this, topic });
    return accepted;
  }

  /**
   * Publishes an event, blocking this thread until there is room. Errors as {@link publish}, and:
   *
   * @param options `timeoutMs`: how long to wait, 0 to 2^31 - 1 or `Infinity`, default 1,000
   * @throws {PublishTimeoutError} `BUS_PUBLISH_TIMEOUT` when there was none; the event was not accepted
   * @throws {WouldDeadlockError} `BUS_WOULD_DEADLOCK` at once, when the reader that holds the ring is on this thread, or
   *   in one that has died and that only the event loop of this one can start again
   * @throws {CannotBlockError} `BUS_CANNOT_BLOCK` when there is none, and the host does not let this thread wait for it
   * @throws {ReentrantPublishError} `BUS_REENTRANT_PUBLISH` when called while an event is being encoded
   * @throws {BusClosedError} `BUS_CLOSED` also when a listener destroys the bus meanwhile
   */
  publishSync<Topic extends TopicOf<Topics>>(
    topic: Topic,
    event: EventFor<Topics, Topic>,
    options: SyncOptions = NO_OPTIONS,
  ): void {
    this.checkOpen('publishSync');
    if (publishTracing.hasSubscribers) this.#traced('publishSync', topic, event, options);
    else this.#publishSync(topic, event, readOptions('options', options, SYNC_KEYS));
  }

  #publishSync(topic: string, event: unknown, given: SyncOptions): void {
    const timeoutMs = timeoutOption('timeoutMs', given.timeoutMs, DEFAULT_PUBLISH_TIMEOUT_MS, 0);
    this.#publisher.publishSync(topic, event, given.namespace, this.#extensionOf('publishSync', given), timeoutMs);
  }

  /**
   * Puts an envelope from elsewhere on the bus, with its own time and namespace: canonical bytes to the byte, others made
   * canonical with their unknown fields kept. Queues as {@link publish} does, and returns what it returns.
   *
   * An envelope has no field for a trace context or an origin: those of a received one go along when they are given as options.
   *
   * @param envelope an encoded `containerd.types.Envelope`, or an envelope that a handler received
   * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE`
   * @throws {IncompleteEnvelopeError} `BUS_INCOMPLETE_ENVELOPE` when it has no time or no event
   * @throws {InvalidTypeUrlError} `BUS_INVALID_TYPE_URL` when its type URL is longer than 1,024 bytes
   * @throws {InvalidTopicError} `BUS_INVALID_TOPIC`
   * @throws {InvalidNamespaceError} `BUS_INVALID_NAMESPACE`
   * @throws {InvalidTraceparentError} `BUS_INVALID_TRACEPARENT`
   * @throws {InvalidOriginError} `BUS_INVALID_ORIGIN`
   * @throws {TooManyOriginsError} `BUS_TOO_MANY_ORIGINS`
   * @example
   * bus.forward(message.data, { traceparent: message.headers?.get('traceparent'), origin: 'nats' });
   */
  forward(envelope: Uint8Array | { toBinary(): Uint8Array }, options: ForwardOptions = NO_OPTIONS): boolean {
    const extension = this.#extensionOf('forward', forwardOptionsOf(options));
    const bytes = types.isUint8Array(envelope) ? envelope : bytesOf(envelope);
    this.checkOpen('forward');
    // Not a proxy: its bytes and its length need not agree.
    if (types.isUint8Array(bytes)) return this.#publisher.forwarding.forward(bytes, extension);
    throw new InvalidOptionError('envelope', bytes, 'the bytes of an envelope, or a received envelope');
  }

  /**
   * Forwards a run of envelopes, each after its length as a varint (length-delimited messages, as protobuf libraries write
   * and streams carry them), in one call. As {@link forward}, with the same errors, but nothing is queued: it stops where
   * there is no room in the ring, and at an envelope of which a part is missing.
   *
   * What is thrown has `consumedBytes`: what was forwarded before the envelope that is at fault, whose length begins there.
   *
   * Waits: never. Allocates: nothing per envelope that is like one before.
   *
   * @param options those of each envelope of the run
   * @returns how many bytes of the run were forwarded. Called after `await bus.writable()`, and with nobody else publishing
   *   meanwhile, 0 says that the rest of the envelope is still to come
   * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` also for a length of more than 128 MiB
   * @example
   * // A run that ends with a whole envelope:
   * for (let rest = run; rest.length > 0; rest = rest.subarray(bus.forwardAll(rest))) await bus.writable();
   */
  forwardAll(run: Uint8Array, options: ForwardOptions = NO_OPTIONS): number {
    this.checkOpen('forwardAll');
    const extension = this.#extensionOf('forwardAll', forwardOptionsOf(options));
    if (types.isUint8Array(run)) return this.#publisher.forwarding.forwardAll(run, extension);
    throw new InvalidOptionError('run', run, 'the bytes of envelopes, each after its length');
  }

  /**
   * Resolves when nothing is queued and there is room in the ring. Holds the process open until then.
   *
   * Rejects with `BUS_WOULD_DEADLOCK` when there is no room before the event is dealt with that the caller has in hand, as a
   * handler or in a `for await`, and with `BUS_CLOSED` when the bus is destroyed meanwhile.
   */
  writable(): Promise<void> {
    const { error } = attempted(() => this.checkOpen('writable'));
    return error === undefined ? this.#backpressure.wait() : unwatched(Promise.reject(error));
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
    const given = readOptions('options', options, PUBLISH_KEYS);
    return writableStream(this as unknown as Parameters<typeof writableStream>[0], topicOf, given);
  }

  /** Wakes sleeping subscribers now, and not at the end of this burst. */
  flush(): void {
    if (!this.#isClosed) this.#publisher.flush();
  }

  #extensionOf(operation: string, options: ForwardOptions): RecordExtension | undefined {
    if (options === NO_OPTIONS) return undefined;
    const { traceparent, origin } = options;
    // Getters of the options, or whoever traces, may have closed the bus.
    this.checkOpen(operation);
    return traceparent === undefined && origin === undefined ? undefined : this.#extensions.of(traceparent, origin);
  }

  /** Publishes while somebody listens to `ringcast.publish`. A method of its own: a closure makes each call of its function slower. */
  #traced(
    operation: PublishTrace['operation'],
    topic: string,
    event: unknown,
    options: PublishOptions,
  ): boolean | undefined {
    const keys = operation === 'publishSync' ? SYNC_KEYS : PUBLISH_KEYS;
    const read = attempted(() => readOptions<SyncOptions>('options', options, keys));
    const trace: PublishTrace = { bus: this, operation, topic, event, traceparent: read.value?.traceparent };
    return publishTracing.traceSync<undefined, [], boolean | undefined>(() => {
      if (read.value === undefined) throw read.error;
      // Whoever listens may have given it one.
      const given = { ...read.value, traceparent: trace.traceparent };
      if (operation === 'publishSync') return void this.#publishSync(topic, event, given);
      return this.#publisher[operation](topic, event, given.namespace, this.#extensionOf(operation, given));
    }, trace);
  }

  /** From now on nothing is accepted. @internal */
  protected refuse(): void {
    this.#isClosed = true;
  }

  /** @internal */
  protected checkOpen(operation: string): void {
    if (this.#isClosed) throw new BusClosedError(operation);
  }
}
