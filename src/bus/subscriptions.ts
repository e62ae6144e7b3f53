/** Makes subscriptions, keeps track of them, and of the reader slots they use. */
import type { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Envelope } from '../envelope/envelope.js';
import { BusError, HandlerError, InvalidOptionError, ReentrantPublishError, TooManyReadersError } from '../errors.js';
import { MAX_READERS } from '../ring/control-descriptor.js';
import { NO_COUNTS } from '../ring/reader-counters.js';
import { UNIT_BYTES } from '../ring/record-descriptor.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { type CompiledFilter, compileFilter, type FilterInput } from '../topic/filter.js';
import { RestartPolicy } from '../worker/restart-policy.js';
import type { Attachment } from '../worker/worker-protocol.js';
import { moduleUrl } from './bus-options.js';
import { publishDeadLetter } from './dead-letters.js';
import { EventStream } from './event-stream.js';
import { HandlerDelivery } from './handler-delivery.js';
import type { KeepAlive } from './keep-alive.js';
import { LocalReader, type ReadingContext } from './local-reader.js';
import { ModuleDelivery, type ModuleDeliveryEvents } from './module-delivery.js';
import { checkNextOptions, type NextOptions, nextEvent } from './next-event.js';
import type { Publisher } from './publisher.js';
import type { Readers } from './readers.js';
import { findStart, type Start } from './replay.js';
import { emitSafely, reportError } from './report.js';
import type { Room } from './room.js';
import {
  checkHandlerOptions,
  checkModuleOptions,
  checkStreamOptions,
  type DeliveryMode,
  type From,
  type HandlerOptions,
  type ModuleOptions,
  type SubscribeOptions,
} from './subscribe-options.js';
import { type ReaderView, Subscription, type SubscriptionSource, stopOnAbort } from './subscription.js';
import type { TopicTable } from './topic-table.js';

/** Longest wait awake before a dedicated thread sleeps: a few times what a wake takes to arrive. */
const MAX_SPIN_US = 100;

/** Called with each event; a returned promise is awaited before the next one. */
export type Handler<E extends Envelope = Envelope> = (envelope: E) => void | Promise<void>;

/** What of an {@link Attachment} is the same for all threads of a bus. */
export type SharedAttachment = Pick<Attachment, 'ring' | 'topicNames' | 'typeNames' | 'types'>;

/** The parts of a bus that subscriptions work with. */
export interface SubscriptionParts {
  readonly bus: EventEmitter;
  readonly writer: RingWriter;
  readonly topics: TopicTable;
  readonly publisher: Publisher;
  readonly readers: Readers;
  readonly room: Room;
  readonly keepAlive: KeepAlive;
  readonly reading: ReadingContext;
  readonly attachment: SharedAttachment;
}

export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #all = new Set<Subscription>();
  readonly #source: SubscriptionSource;
  readonly #shared = new Map<DeliveryMode | 'next', LocalReader>();
  #made = 0;
  /** Threads of modules. */
  #threads = 0;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    const { publisher, room, topics, writer } = parts;
    this.#source = {
      nextSequence: () => publisher.nextSequence,
      wakeWhenWritten: (reader) => void room.emptied().then(() => writer.waker.wakeNow(reader)),
      setFilter: (subscription, input) => {
        const filter = compileFilter(input);
        // Whether the event that is being encoded comes before or after could not be said.
        if (publisher.encoding) throw new ReentrantPublishError('setFilter');
        const { delivery } = subscription;
        delivery.setFilter(filter, publisher.nextSequence);
        topics.want(subscription, filter, delivery.reader);
      },
    };
  }

  /** Those that have not ended. */
  get all(): ReadonlySet<Subscription> {
    return this.#all;
  }

  handler(filter: FilterInput, handler: Handler, options: HandlerOptions): Subscription {
    checkHandlerOptions(options);
    const compiled = compileFilter(filter);
    const subscription = this.#make(Subscription, compiled, options);
    const many = options.once === true ? 1 : options.many;
    const handle = many === undefined ? handler : limited(subscription, handler, many);
    const start = this.#startOf(compiled, options.from);
    const shares = options.isolate !== true && start.isNow;
    const delivery = options.delivery ?? 'lossless';
    const reader = shares ? this.#sharedReader(delivery) : this.#openReader(subscription.name, delivery, start);
    this.#deliverTo(subscription, reader, compiled, handle, start.joinSequence);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  next(filter: FilterInput, options: NextOptions): Promise<Envelope> {
    checkNextOptions(options);
    const compiled = compileFilter(filter);
    return nextEvent((handler) => {
      const subscription = this.#make(Subscription, compiled, {});
      // A reader for all of them, and only them: none is ever pending, so none waits for another.
      const { joinSequence } = this.#startOf(compiled, 'now');
      this.#deliverTo(subscription, this.#sharedReader('next'), compiled, handler, joinSequence);
      return subscription;
    }, options);
  }

  stream(filter: FilterInput, options: SubscribeOptions): EventStream {
    checkStreamOptions(options);
    const compiled = compileFilter(filter);
    const stream = this.#make(EventStream, compiled, options);
    const start = this.#startOf(compiled, options.from);
    const reader = this.#openReader(stream.name, options.delivery ?? 'lossless', start);
    this.#deliverTo(stream, reader, compiled, stream.accept, start.joinSequence);
    stopOnAbort(stream, options.signal);
    return stream;
  }

  module(filter: FilterInput, module: URL, options: ModuleOptions): Subscription {
    checkModuleOptions(options);
    const compiled = compileFilter(filter);
    const { readers, topics, attachment, writer } = this.#parts;
    const subscription = this.#make(Subscription, compiled, options);
    const { name } = subscription;
    const data = cloneData(options.data);
    const url = moduleUrl('module', module);
    const start = this.#startOf(compiled, options.from);
    const reader = this.#takeSlot(options.delivery ?? 'lossless', start);
    topics.want(subscription, compiled, reader);
    const { position } = start.place;
    const delivery = new ModuleDelivery(
      {
        ...attachment,
        name,
        moduleUrl: url,
        data,
        loop: options.loop ?? 'cooperative',
        reader,
        joinSequence: start.joinSequence,
        startSequence: start.sequence,
        hangTimeoutMs: options.hangTimeoutMs,
      },
      compiled,
      { position, nextSequence: start.sequence, missed: start.missed, redelivery: undefined, counts: NO_COUNTS },
      { resourceLimits: options.resourceLimits, policy: new RestartPolicy(options.restart ?? {}) },
      writer,
      this.#moduleEvents(subscription, reader),
      () => this.#viewReader(reader),
    );
    readers.set(reader, {
      local: false,
      describe: () => describe(name),
      wake: () => delivery.wake(),
      hurry: () => delivery.hurry(),
      evict: (error) => this.#tellEvicted(error, [subscription]),
    });
    this.#track(subscription, delivery);
    this.#budgetSpinning(1);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  /** Lets dedicated threads wait awake only while every thread of the bus can have a core of its own. */
  #budgetSpinning(threads: number): void {
    this.#threads += threads;
    const fits = this.#threads + 1 <= availableParallelism();
    this.#parts.writer.setSpinBudget(fits ? MAX_SPIN_US : 0);
  }

  #moduleEvents(subscription: Subscription, reader: number): ModuleDeliveryEvents {
    const { bus, writer, publisher, room, topics } = this.#parts;
    return {
      onError: (error) => reportError(error, subscription, bus),
      onLagged: (range) => emitSafely(subscription, 'lagged', range),
      onRestart: (error, delayMs) => emitSafely(subscription, 'restart', error, delayMs),
      onDeadLetter: (sequence, deaths, error) => {
        const { name } = subscription;
        const { report, published } = publishDeadLetter(writer, publisher, reader, name, sequence, deaths, error);
        emitSafely(bus, 'deadLetter', report);
        return published;
      },
      onRoom: () => room.made(),
      onExit: () => {
        this.#budgetSpinning(-1);
        topics.unwant(subscription);
        this.#giveSlotBack(reader);
      },
    };
  }

  /** Where a subscription begins. */
  #startOf(filter: CompiledFilter | undefined, from: From | undefined): Start {
    const { writer, publisher, reading, room } = this.#parts;
    return findStart(writer, publisher.nextSequence, filter, from ?? 'now', reading, () => room.made());
  }

  #make<S extends Subscription>(
    type: new (name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) => S,
    filter: CompiledFilter,
    options: SubscribeOptions,
  ): S {
    const { keepAlive } = this.#parts;
    const name = options.name ?? `subscription-${++this.#made}`;
    return new type(name, filter.source, keepAlive, this.#source);
  }

  #deliverTo(
    subscription: Subscription,
    reader: LocalReader,
    filter: CompiledFilter,
    handler: Handler,
    joinSequence: number,
  ): void {
    const { writer, topics, bus } = this.#parts;
    topics.want(subscription, filter, reader.reader);
    const delivery = new HandlerDelivery(reader, filter, joinSequence, handler, {
      report: (cause, envelope) => {
        const error = new HandlerError(subscription.name, envelope.topic, envelope.sequence, cause);
        reportError(error, subscription, bus);
      },
      onLagged: (range) => emitSafely(subscription, 'lagged', range),
      onRemoved: () => topics.unwant(subscription),
      viewReader: () => this.#viewReader(reader.reader),
      written: () => writer.sequence,
    });
    this.#track(subscription, delivery);
  }

  #track(subscription: Subscription, delivery: HandlerDelivery | ModuleDelivery): void {
    this.#all.add(subscription);
    subscription.attach(delivery);
    void delivery.ended.then(() => this.#all.delete(subscription));
  }

  /** The reader that handlers of this thread with the same delivery share; or that those of `next` do. */
  #sharedReader(use: DeliveryMode | 'next'): LocalReader {
    let reader = this.#shared.get(use);
    if (reader === undefined) {
      const start = this.#startOf(undefined, 'now');
      reader = this.#openReader(`${use} handlers`, use === 'next' ? 'lossless' : use, start);
      this.#shared.set(use, reader);
    }
    return reader;
  }

  #openReader(name: string, delivery: DeliveryMode, start: Start): LocalReader {
    const { readers, room, reading } = this.#parts;
    const slot = this.#takeSlot(delivery, start);
    const { position } = start.place;
    const reader: LocalReader = new LocalReader(
      slot,
      reading,
      { position, sequence: start.sequence, missed: start.missed },
      () => room.made(),
      () => {
        this.#unshare(reader);
        this.#giveSlotBack(slot);
      },
    );
    readers.set(slot, {
      local: true,
      describe: () => describe(name),
      wake: () => reader.wake(),
      hurry: () => {},
      evict: (error) => {
        // Handlers that come later want what they were promised: a reader that holds the writer back.
        this.#unshare(reader);
        this.#tellEvicted(
          error,
          [...this.#all].filter((subscription) => subscription.delivery.reader === slot),
        );
      },
    });
    return reader;
  }

  /** Loudly: what was promised to be lossless is not any more. */
  #tellEvicted(error: Error, subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) emitSafely(subscription, 'evicted', error);
    emitSafely(this.#parts.bus, 'evicted', error);
    process.emitWarning(error);
  }

  #unshare(reader: LocalReader): void {
    for (const [use, shared] of this.#shared) if (shared === reader) this.#shared.delete(use);
  }

  #takeSlot(delivery: DeliveryMode, start: Start): number {
    const { writer, publisher } = this.#parts;
    const { position } = start.place;
    const reader = writer.join(delivery === 'lossless', { position, sequence: start.sequence });
    if (reader < 0) throw new TooManyReadersError(MAX_READERS);
    // Records that wait on the heap come after those replayed: the reader must not sleep through them.
    if (!start.isNow) publisher.queue.want(reader);
    return reader;
  }

  #giveSlotBack(reader: number): void {
    const { writer, readers, room } = this.#parts;
    readers.clear(reader);
    writer.leave(reader);
    // It may have been what held the ring.
    room.made();
  }

  #viewReader(reader: number): ReaderView {
    const { writer } = this.#parts;
    const { gate, tail } = writer;
    return { backlogBytes: (tail - gate.released(reader, tail)) * UNIT_BYTES, asleep: gate.isAsleep(reader) };
  }
}

/** Calls `handler` with `many` events at most. */
function limited(subscription: Subscription, handler: Handler, many: number): Handler {
  let left = many;
  return (envelope) => {
    if (--left === 0) void subscription.stop();
    return handler(envelope);
  };
}

function describe(name: string): string {
  return `subscription ${JSON.stringify(name)}`;
}

/** A clone, made now: what cannot be cloned is refused here, and later changes do not show. */
function cloneData(data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch (error) {
    if (error instanceof BusError) throw error;
    throw new InvalidOptionError('data', data, `something that can be cloned (${(error as Error).message})`);
  }
}
