/** ringcast: an in-process event bus for Node worker threads. */

export { Bus, createBus } from './bus/bus.js';
export type { BusEvents } from './bus/bus-events.js';
export type { BusOptions } from './bus/bus-options.js';
export type { CloseResult } from './bus/closing.js';
export { BusConnection, type ConnectOptions, connectBus } from './bus/connection/bus-connection.js';
export { HostedBus, type HostOptions, hostBus } from './bus/connection/host-bus.js';
export type {
  SubscriberContext,
  SubscriberFunction,
  SubscriberModule,
  SubscriberObject,
  SubscriberOfViews,
} from './bus/connection/subscriber.js';
export { formatCtrLine } from './bus/ctr-line.js';
export type { ChannelMessages, HandleTrace, PublishTrace } from './channels/messages.js';
export type { BusHandle } from './connect/bus-handle.js';
export type { DisconnectReport } from './connect/connection-news.js';
export type { ConnectionOwnStats, ConnectionStats } from './connect/connection-stats.js';
export { currentEmitter, emit, runWithEmitter, tryEmit, withNamespace } from './emit/emission-context.js';
export type { EmitOptions, Emitter, EmitterHandle, EmitterOptions } from './emit/emitter.js';
export type { AnyEvent } from './envelope/any-event.js';
export type { DeepReadonly, Envelope } from './envelope/envelope.js';
export * from './errors.js';
export type {
  Bridge,
  BridgeAttachment,
  BridgeCounts,
  BridgeEvents,
  BridgeGap,
  BridgeReport,
  BridgeStats,
} from './observe/bridge.js';
export type { BusStats } from './observe/bus-stats.js';
export type { BusHealth, HealthProblem } from './observe/health.js';
export type { Sample, SampledSubscription } from './observe/serving/protocol.js';
export type { ServeStatsOptions, StatsServer } from './observe/stats-server.js';
export { anyPack, anyUnpack } from './publish/any-pack.js';
export type { Flush } from './publish/burst-flush.js';
export type { ForwardOptions, PublishOptions } from './publish/publish-options.js';
export type { DeadLetterReport } from './subscribe/dead-letters.js';
export type { EventStream } from './subscribe/event-stream.js';
export type { Handler } from './subscribe/handler-delivery.js';
export type { NextOptions } from './subscribe/next-event.js';
export type {
  DeliveryMode,
  From,
  HandlerOptions,
  ModuleOptions,
  SubscribeOptions,
} from './subscribe/subscribe-options.js';
export type { Subscription } from './subscribe/subscription.js';
export type { SubscriptionEvents } from './subscribe/subscription-events.js';
export type { SubscriptionStats } from './subscribe/subscription-stats.js';
export type {
  AnyTopics,
  CheckedFilter,
  EventFor,
  SelectedEnvelope,
  TopicEnvelope,
  TopicOf,
} from './subscribe/typed-topics.js';
export { explain } from './topic/explain.js';
export type { FilterInput, FilterSpec } from './topic/filter.js';
export type { EnvelopeViews } from './worker/dispatch/envelope-views.js';
export type { LagRange } from './worker/dispatch/lag.js';
export type { RestartOptions } from './worker/supervision/restart-policy.js';
export type { Loop } from './worker/worker-protocol.js';
