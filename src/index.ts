/** ringcast: an in-process event bus for Node worker threads. */
export { anyPack, anyUnpack } from './bus/any-pack.js';
export type { Flush } from './bus/burst-flush.js';
export { Bus, createBus, type PublishOptions } from './bus/bus.js';
export type { BusEvents } from './bus/bus-events.js';
export type { BusOptions } from './bus/bus-options.js';
export type { BusStats } from './bus/bus-stats.js';
export type { CloseResult } from './bus/closing.js';
export { formatCtrLine } from './bus/ctr-line.js';
export type { DeadLetterReport } from './bus/dead-letters.js';
export { currentEmitter, emit, runWithEmitter, tryEmit, withNamespace } from './bus/emission-context.js';
export type { EmitOptions, Emitter, EmitterOptions } from './bus/emitter.js';
export type { EventStream } from './bus/event-stream.js';
export type { Handler } from './bus/handler-delivery.js';
export type { NextOptions } from './bus/next-event.js';
export type { DeliveryMode, From, HandlerOptions, ModuleOptions, SubscribeOptions } from './bus/subscribe-options.js';
export type { Subscription, SubscriptionEvents, SubscriptionStats } from './bus/subscription.js';
export type { AnyTopics, CheckedFilter, SelectedEnvelope, TopicEnvelope, TopicOf } from './bus/typed-topics.js';

export type { DeepReadonly, Envelope } from './envelope/envelope.js';
export type { AnyEvent } from './envelope/type-registry.js';
export * from './errors.js';
export { explain } from './topic/explain.js';
export type { FilterInput, FilterSpec } from './topic/filter.js';
export type { LagRange } from './worker/lag.js';
export type { RestartOptions } from './worker/restart-policy.js';
export type {
  SubscriberContext,
  SubscriberFunction,
  SubscriberModule,
  SubscriberObject,
} from './worker/subscriber-module.js';
export type { Loop } from './worker/worker-protocol.js';
