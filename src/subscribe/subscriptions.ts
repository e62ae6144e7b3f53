/** Makes the subscriptions of a bus, and keeps track of them. */
import type { Envelope } from '../envelope/envelope.js';
import { HandlerError, ReentrantPublishError } from '../errors.js';
import type { KeepAlive } from '../host/keep-alive.js';
import { checkFunction } from '../option-check.js';
import { idsOf } from '../publish/origins.js';
import { type CompiledFilter, compileFilter, type FilterInput } from '../topic/filter.js';
import { warnOfSlip } from '../topic/filter-slip.js';
import type { Delivery, Selection } from './delivery.js';
import { EventStream } from './event-stream.js';
import { type Handler, HandlerDelivery } from './handler-delivery.js';
import type { LocalReader } from './local-reader.js';
import { LocalReaders } from './local-readers.js';
import { ModuleThreads, type ModuleWatch } from './module-threads.js';
import { type NextOptions, nextEvent, readNextOptions } from './next-event.js';
import { ReaderSlots } from './reader-slots.js';
import { findStart, type Start } from './replay.js';
import {
  type HandlerOptions,
  type ModuleOptions,
  manyOf,
  readHandlerOptions,
  readModuleOptions,
  readStreamOptions,
  type SubscribeOptions,
} from './subscribe-options.js';
import { limited, type Subscribing, stopOnAbort } from './subscribing.js';
import type { SubscribingParts } from './subscribing-parts.js';
import { Subscription, type SubscriptionSource } from './subscription.js';
import { tellEnded, tellError, tellEvicted, tellLagged, tellStarted } from './tell.js';
import { WaitHint } from './wait-hint.js';

export interface SubscriptionObserver {
  readonly started: (subscription: Subscription) => void;
  readonly ended: (subscription: Subscription) => void;
}

export class Subscriptions implements Subscribing {
  readonly #parts: SubscribingParts;
  readonly slots: ReaderSlots;
  readonly #readers: LocalReaders;
  readonly #threads: ModuleThreads;
  readonly #source: SubscriptionSource;
  readonly #all = new Set<Subscription>();
  /** Told of each subscription that begins or ends. */
  readonly observers = new Set<SubscriptionObserver>();
  #unnamed = 0;

  constructor(parts: SubscribingParts) {
    this.#parts = parts;
    this.slots = new ReaderSlots(parts);
    this.#readers = new LocalReaders(parts, this.slots);
    this.#threads = new ModuleThreads(parts, this.slots);
    const { publisher, backpressure, topics, writer } = parts;
    const { order } = publisher;
    this.#source = {
      whenEndSettled: (act) => order.whenEndSettled(act),
      wakeWhenWritten: (reader) => void backpressure.emptied().then(() => writer.waker.wakeNow(reader)),
      setFilter: (subscription, filter) => {
        // Whether the event that is being encoded comes before or after could not be said.
        if (order.isOpen) throw new ReentrantPublishError('setFilter');
        const { delivery } = subscription;
        delivery.setFilter(filter, order.nextSequence);
        topics.want(subscription, filter, delivery);
        order.wantTentative(delivery.reader);
        // Otherwise the connection warns.
        if (delivery.connection === undefined) warnOfSlip(filter.source);
      },
    };
  }

  /** Those that have not ended. */
  get all(): ReadonlySet<Subscription> {
    return this.#all;
  }

  handler(input: FilterInput, handler: Handler, given: HandlerOptions): Subscription {
    checkFunction('handler', handler);
    const options = readHandlerOptions(given);
    const selection = this.#select(input, options);
    const subscription = this.#make(Subscription, selection, options);
    const many = manyOf(options);
    const handle = limited(subscription, handler, many);
    const start = findStart(this.#parts, options.from, selection);
    const shares = options.isolate !== true && start.isNow;
    const delivery = options.delivery ?? 'lossless';
    const reader = shares ? this.#readers.shared(delivery) : this.#readers.open(delivery, start);
    this.#deliverTo(subscription, reader, selection, start, many, handle);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  stream(input: FilterInput, given: SubscribeOptions): EventStream {
    const options = readStreamOptions(given);
    const selection = this.#select(input, options);
    const stream = this.#make(EventStream, selection, options);
    const start = findStart(this.#parts, options.from, selection);
    const reader = this.#readers.open(options.delivery ?? 'lossless', start);
    this.#deliverTo(stream, reader, selection, start, Number.POSITIVE_INFINITY, stream.accept);
    stopOnAbort(stream, options.signal);
    return stream;
  }

  next(input: FilterInput, given: NextOptions): Promise<Envelope> {
    const options = readNextOptions(given);
    const selection = this.#select(input, options);
    const subscribe = (handler: Handler): Subscription => {
      const subscription = this.#make(Subscription, selection, {});
      // A reader for all of them, and only them: none is ever pending, so none waits for another.
      const reader = this.#readers.shared('next');
      this.#deliverTo(subscription, reader, selection, findStart(this.#parts), 1, handler);
      return subscription;
    };
    const hint = new WaitHint(this.#parts.arrivals, selection.filter);
    return nextEvent(subscribe, options, () => hint.cameInstead());
  }

  /** @param watch told of it, where it is subscribed for a connection */
  module(input: FilterInput, moduleUrl: string, given: ModuleOptions, watch?: ModuleWatch): Subscription {
    const options = readModuleOptions(given);
    const selection = this.#select(input, options);
    const subscription = this.#make(Subscription, selection, options);
    const delivery = this.#threads.start(subscription, selection, moduleUrl, options, watch);
    this.track(subscription, delivery);
    if ((options.from ?? 'now') === 'now') this.#passBy(delivery);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  #select(input: FilterInput, options: Pick<SubscribeOptions, 'exceptOrigins'>): Selection {
    const filter = compileFilter(input);
    return { filter, exceptOrigins: idsOf(this.#parts.origins, options.exceptOrigins) };
  }

  #make<S extends Subscription>(
    type: new (name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) => S,
    { filter }: Selection,
    options: SubscribeOptions,
  ): S {
    const name = options.name ?? `subscription-${++this.#unnamed}`;
    return new type(name, filter.source, this.#parts.keepAlive, this.#source);
  }

  #deliverTo(
    subscription: Subscription,
    reader: LocalReader,
    selection: Selection,
    { joinSequence, isNow }: Start,
    many: number,
    handler: Handler,
  ): void {
    const { writer, topics, bus } = this.#parts;
    const delivery = new HandlerDelivery(reader, selection, joinSequence, many, handler, {
      bus,
      name: subscription.name,
      report: (cause, topic, sequence) =>
        tellError(bus, subscription, new HandlerError(subscription.name, topic, sequence, cause)),
      onLagged: (range) => tellLagged(bus, subscription, range),
      onEvicted: (error) => tellEvicted(bus, subscription, error),
      onOverwritten: (error) => tellError(bus, subscription, error),
      onRemoved: () => topics.unwant(subscription),
      viewReader: () => this.slots.view(reader.reader),
      goneBefore: (position) => writer.retained.goneBefore(position),
    });
    topics.want(subscription, selection.filter, delivery);
    this.track(subscription, delivery);
    if (isNow) this.#passBy(delivery);
  }

  /** Keeps from a subscription that begins now what was accepted before it and is written behind an event on its way. */
  #passBy(delivery: Delivery): void {
    this.#parts.publisher.order.joined(delivery.reader, (first, next) => delivery.passBy({ first, next }));
  }

  /** A subscription that is carried out elsewhere, to be tied to what does. */
  make(name: string, filter: CompiledFilter): Subscription {
    return new Subscription(name, filter.source, this.#parts.keepAlive, this.#source);
  }

  /** Ties a subscription to what carries it out, and keeps track of it until that has ended. */
  track(subscription: Subscription, delivery: Delivery): void {
    this.#all.add(subscription);
    subscription.attach(delivery);
    const { bus } = this.#parts;
    tellStarted(bus, subscription);
    for (const { started } of this.observers) started(subscription);
    void delivery.ended.then(() => {
      this.#all.delete(subscription);
      tellEnded(bus, subscription);
      for (const { ended } of this.observers) ended(subscription);
    });
  }
}
