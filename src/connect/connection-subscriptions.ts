/**
 * Makes the subscriptions of a connection, on its own thread: each is asked for in the uplink, in the order of the thread's
 * events, and carried out here when the owner has answered.
 */
import type { Envelope } from '../envelope/envelope.js';
import { HandlerError } from '../errors.js';
import type { KeepAlive } from '../host/keep-alive.js';
import { checkFunction } from '../option-check.js';
import { checkOrigins } from '../publish/origins.js';
import { EventStream } from '../subscribe/event-stream.js';
import { type Handler, HandlerDelivery } from '../subscribe/handler-delivery.js';
import { type NextOptions, nextEvent, readNextOptions } from '../subscribe/next-event.js';
import {
  type DeliveryMode,
  type HandlerOptions,
  type ModuleOptions,
  manyOf,
  readHandlerOptions,
  readModuleOptions,
  readStreamOptions,
  type SubscribeOptions,
} from '../subscribe/subscribe-options.js';
import { limited, type Subscribing, stopOnAbort } from '../subscribe/subscribing.js';
import { Subscription, type SubscriptionSource } from '../subscribe/subscription.js';
import { tellError, tellEvicted, tellLagged, tellStarted } from '../subscribe/tell.js';
import { compileFilter, type FilterInput } from '../topic/filter.js';
import { warnOfSlip } from '../topic/filter-slip.js';
import { AskedDelivery, type BeginDelivery } from './asked-delivery.js';
import type { Asked, AskedSubscriptions, ConnectionSubscribingParts } from './asked-subscriptions.js';
import { viewOf } from './modules/asked-module-delivery.js';
import { crossingOptions } from './modules/module-offer.js';
import { SharedCounts } from './shared-counts.js';

export class ConnectionSubscriptions implements Subscribing {
  readonly #parts: ConnectionSubscribingParts;
  readonly #asked: AskedSubscriptions;
  #keys = 0;
  #unnamed = 0;

  constructor(parts: ConnectionSubscribingParts, asked: AskedSubscriptions) {
    this.#parts = parts;
    this.#asked = asked;
  }

  handler(input: FilterInput, handler: Handler, given: HandlerOptions): Subscription {
    checkFunction('handler', handler);
    const options = readHandlerOptions(given);
    const { isolate, from = 'now', delivery = 'lossless' } = options;
    const use = isolate === true || from !== 'now' ? undefined : delivery;
    const many = manyOf(options);
    const handle = (subscription: Subscription): Handler => limited(subscription, handler, many);
    return this.#ask(Subscription, input, options, use, many, handle);
  }

  stream(input: FilterInput, given: SubscribeOptions): EventStream {
    const options = readStreamOptions(given);
    return this.#ask(EventStream, input, options, undefined, Number.POSITIVE_INFINITY, (stream) => stream.accept);
  }

  next(input: FilterInput, given: NextOptions): Promise<Envelope> {
    const { exceptOrigins, ...wait } = readNextOptions(given);
    const options = exceptOrigins === undefined ? {} : { exceptOrigins };
    // As on the bus: what can never be waited for is thrown, and does not reject the promise.
    const { source } = compileFilter(input);
    checkOrigins(exceptOrigins ?? []);
    let key = 0;
    const subscribe = (handler: Handler): Subscription => {
      const subscription = this.#ask(Subscription, source, options, 'next', 1, () => handler);
      key = this.#keys;
      return subscription;
    };
    return nextEvent(subscribe, wait, () => this.#parts.askedWaits.cameInstead(key));
  }

  /** The module's thread is started by the thread that owns the bus. */
  module(input: FilterInput, moduleUrl: string, given: ModuleOptions): Subscription {
    const options = readModuleOptions(given);
    const filter = compileFilter(input);
    checkOrigins(options.exceptOrigins ?? []);
    this.#asked.checkNotEncoding('subscribe');
    // Before it has a key: what is cloned may have getters that subscribe.
    const crossing = crossingOptions(options);
    const name = options.name ?? `subscription-${++this.#unnamed}`;
    const subscription = this.#asked.modules.ask(++this.#keys, name, filter, moduleUrl, crossing);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  #ask<S extends Subscription>(
    type: new (name: string, filter: FilterInput, keepAlive: KeepAlive, source: SubscriptionSource) => S,
    input: FilterInput,
    options: SubscribeOptions,
    use: DeliveryMode | 'next' | undefined,
    many: number,
    handle: (subscription: S) => Handler,
  ): S {
    const { client, keepAlive, link } = this.#parts;
    const filter = compileFilter(input);
    const { delivery: mode = 'lossless', from = 'now', exceptOrigins = [] } = options;
    checkOrigins(exceptOrigins);
    this.#asked.checkNotEncoding('subscribe');
    const key = ++this.#keys;
    const readerKey = this.#asked.readers.keyFor(use);
    const name = options.name ?? `subscription-${++this.#unnamed}`;
    this.#asked.send(
      {
        ...{
          kind: 'subscribe',
          key,
          name,
          filter: filter.source,
          delivery: mode,
          from,
          exceptOrigins,
          reader: readerKey,
        },
        many: many === Number.POSITIVE_INFINITY ? undefined : many,
      },
      false,
    );
    const subscription = new type(name, filter.source, keepAlive, this.#sourceOf(key));
    const handler = handle(subscription);
    const begin: BeginDelivery = (reader, joinSequence, origins) =>
      new HandlerDelivery(reader, { filter, exceptOrigins: origins }, joinSequence, many, handler, {
        bus: client,
        name,
        report: (cause, topic, sequence) =>
          tellError(client, subscription, new HandlerError(name, topic, sequence, cause)),
        onLagged: (range) => tellLagged(client, subscription, range),
        onEvicted: (error) => tellEvicted(client, subscription, error),
        onOverwritten: (error) => tellError(client, subscription, error),
        onRemoved: () => link.say({ kind: 'removed', key }),
        viewReader: () => viewOf(reader.reader, reader.ring),
        goneBefore: () => asked.goneBefore,
      });
    const delivery = new AskedDelivery(link.hello.name, name, filter, begin);
    const counts = use === 'next' ? undefined : new SharedCounts();
    const asked: Asked = {
      key,
      subscription,
      delivery,
      readerKey,
      counts,
      awaited: 0,
      unconfirmed: [],

      goneBefore: 0,
    };
    this.#asked.add(asked, filter);
    subscription.attach(delivery);
    tellStarted(client, subscription);
    stopOnAbort(subscription, options.signal);
    return subscription;
  }

  #sourceOf(key: number): SubscriptionSource {
    return {
      // The owner says where that is.
      whenEndSettled: () => this.#asked.askEnd(key),
      wakeWhenWritten: () => {},
      setFilter: (_subscription, filter) => {
        this.#asked.checkNotEncoding('setFilter');
        this.#asked.changeFilter(key, filter);
        warnOfSlip(filter.source);
      },
    };
  }
}
