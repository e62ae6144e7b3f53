/** The subpath `ringcast/ttrpc`: publishing to a bus from other processes of the machine, and from containerd's shims. */
export {
  AddressInUseError,
  BridgeClosedError,
  CallFailedError,
  CallTimeoutError,
  ConnectionLostError,
  ProtocolError,
  TooManyCallsError,
} from '../bridge-errors.js';
export type { BridgedBus } from '../bridge-life.js';
export { type TtrpcCallOptions, TtrpcClient } from './client.js';
export { EventPublisher, type EventPublisherOptions, type PublishToOptions, publishTo } from './event-publisher.js';
export { EventServer, type EventServerStats, type ServeEventsOptions, serveEvents } from './event-server.js';
export { TtrpcServer, type TtrpcServerOptions } from './server.js';
export type { TtrpcCall, TtrpcMethod, TtrpcServices } from './server-connection.js';
export { TtrpcStatus } from './status.js';
