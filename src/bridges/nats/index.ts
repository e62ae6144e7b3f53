/** The subpath `ringcast/nats`: events between machines, by a stream of NATS JetStream. */
export { ConnectionLostError, MissingPeerError, StreamUnusableError } from '../bridge-errors.js';
export type { BridgedBus } from '../bridge-life.js';
export type { NatsConnection } from './jetstream-package.js';
export { NatsBridge, type NatsBridgeStats, natsBridge } from './nats-bridge.js';
export type { NatsBridgeOptions, NatsInOptions, NatsOutOptions } from './nats-options.js';
export type { NatsFrom } from './positions.js';
