/** The subscriber module that a user writes: what it may export, and what it is given. */
import type { Envelope } from '../../envelope/envelope.js';
import type { AnyTopics } from '../../subscribe/typed-topics.js';
import type { EnvelopeViews } from '../../worker/dispatch/envelope-views.js';
import type { BusConnection } from './bus-connection.js';

/** What a subscriber module is given besides events. */
export interface SubscriberContext<D = unknown, Topics extends object = AnyTopics> {
  /** The subscription's name. */
  readonly name: string;
  /** What the subscription was given as `data`: a clone for each life of the thread; shared buffers stay shared. */
  readonly data: D;
  /** Aborted when the subscription is stopped or the bus closes, before the last events are handled; in setup too. */
  readonly signal: AbortSignal;
  /**
   * The bus, from the thread of the module: made when it is first asked for, closed after `teardown`. `emit` in the module
   * goes there, unless it runs with another emitter. An event that is redelivered makes its handler publish again.
   *
   * Looking at it throws what `connectBus` throws.
   */
  readonly bus: BusConnection<Topics>;
}

/** A module that is a single function. A returned promise is awaited before the next event. */
export interface SubscriberFunction<D = unknown, E = unknown, Topics extends object = AnyTopics> {
  (envelope: Envelope<E>, context: SubscriberContext<D, Topics>): unknown;
  // So that TypeScript tells the kinds of modules apart by it.
  readonly views?: undefined;
}

/** A module with a life: set up once, events one by one or in batches, torn down at the end. */
export interface SubscriberObject<D = unknown, E = unknown, Topics extends object = AnyTopics> {
  setup?(context: SubscriberContext<D, Topics>): unknown;
  handle?(envelope: Envelope<E>, context: SubscriberContext<D, Topics>): unknown;
  /** In place of `handle`: the events of one batch, in order, never empty. */
  handleBatch?(envelopes: readonly Envelope<E>[], context: SubscriberContext<D, Topics>): unknown;
  readonly views?: false | undefined;
  teardown?(context: SubscriberContext<D, Topics>): unknown;
}

/**
 * A module that reads a few fields of very many events: `handleBatch` is given views, and no envelope is made for an event.
 *
 * A view counts until the next one is taken; one that is used later throws `BUS_VIEW_EXPIRED`. Keep what you read, or
 * `view.detach()`.
 */
export interface SubscriberOfViews<D = unknown, E = unknown, Topics extends object = AnyTopics> {
  readonly views: true;
  setup?(context: SubscriberContext<D, Topics>): unknown;
  /** The events of one batch, in order, at least one. A returned promise is awaited; until then it may go on reading. */
  handleBatch(views: EnvelopeViews<E>, context: SubscriberContext<D, Topics>): unknown;
  teardown?(context: SubscriberContext<D, Topics>): unknown;
}

/** What a subscriber module exports as `default`. */
export type SubscriberModule<D = unknown, E = unknown, Topics extends object = AnyTopics> =
  | SubscriberFunction<D, E, Topics>
  | SubscriberObject<D, E, Topics>
  | SubscriberOfViews<D, E, Topics>;
