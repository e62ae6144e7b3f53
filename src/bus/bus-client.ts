/** What any client of a bus can do with it, whoever owns it. */
import type { EventEmitter } from 'node:events';
import type { Envelope } from '../envelope/envelope.js';
import { InvalidOptionError } from '../errors.js';
import { hrefOf } from '../option-check.js';
import type { EventStream } from '../subscribe/event-stream.js';
import type { Handler } from '../subscribe/handler-delivery.js';
import type { NextOptions } from '../subscribe/next-event.js';
import type { HandlerOptions, ModuleOptions, SubscribeOptions } from '../subscribe/subscribe-options.js';
import type { Subscribing } from '../subscribe/subscribing.js';
import type { Subscription } from '../subscribe/subscription.js';
import type { AnyTopics, CheckedFilter, SelectedEnvelope } from '../subscribe/typed-topics.js';
import type { FilterInput } from '../topic/filter.js';
import { warnOfSlip } from '../topic/filter-slip.js';
import type { BusEvents } from './bus-events.js';
import { BusPacking } from './bus-packing.js';
import type { ClientParts } from './bus-parts.js';

const NO_OPTIONS = {};

/** Publishes and subscribes; a bus is the client that owns what it works with. */
export abstract class BusClient<Topics extends object = AnyTopics> extends BusPacking<Topics> {
  readonly #subscriptions: Subscribing;

  /**
   * @param assemble puts the parts together that this client works with
   * @internal
   */
  constructor(assemble: (client: EventEmitter<BusEvents>) => ClientParts) {
    let parts!: ClientParts;
    super((client) => {
      parts = assemble(client);
      return parts;
    });
    this.#subscriptions = parts.subscriptions;
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
   * On a connection: in order with what the connection publishes; events of other threads from when `ready` has resolved, at
   * the latest. What only the owner can know, such as that no reader is left, rejects `ready`. A module's thread is started and
   * supervised by the owner; the module is stopped when this thread ends.
   *
   * A filter that is valid and surely not meant, such as `tasks` for `/tasks`, is a process warning: `BUS_SUSPICIOUS_FILTER`.
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
    this.checkOpen('subscribe');
    const subscription = this.#make(filter as FilterInput, subscriber, options);
    warnOfSlip(subscription.filter);
    return subscription;
  }

  #make(
    input: FilterInput,
    subscriber: Handler<never> | URL | SubscribeOptions | undefined,
    options: HandlerOptions | ModuleOptions,
  ): Subscription {
    if (typeof subscriber === 'function') return this.#subscriptions.handler(input, subscriber as Handler, options);
    const moduleUrl = hrefOf(subscriber);
    if (moduleUrl !== undefined) return this.#subscriptions.module(input, moduleUrl, options);
    if (subscriber === undefined || (typeof subscriber === 'object' && subscriber !== null)) {
      return this.#subscriptions.stream(input, subscriber ?? NO_OPTIONS);
    }
    throw new InvalidOptionError(
      'subscriber',
      subscriber,
      "a function, options, or a module URL, such as new URL('./module.js', import.meta.url)",
    );
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
    this.checkOpen('next');
    return this.#subscriptions.next(filter as FilterInput, options);
  }
}
