/** The diagnostics channels, made when this file is loaded. Looking whether somebody listens costs less than 1 ns. */
import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { ChannelMessages, HandleTrace, PublishTrace } from './messages.js';

interface TypedChannel<Name extends keyof ChannelMessages> {
  readonly hasSubscribers: boolean;
  /** Calls the subscribers. What they throw, Node makes an uncaught exception of. */
  publish(message: ChannelMessages[Name]): void;
}

function open<Name extends keyof ChannelMessages>(name: Name): TypedChannel<Name> {
  return channel(name);
}

export const busCreated = open('ringcast:bus:created');
export const busClosed = open('ringcast:bus:closed');
export const subscriptionStarted = open('ringcast:subscription:started');
export const subscriptionEnded = open('ringcast:subscription:ended');
export const subscriptionLagged = open('ringcast:subscription:lagged');
export const subscriptionEvicted = open('ringcast:subscription:evicted');
export const subscriptionRestart = open('ringcast:subscription:restart');
export const subscriptionError = open('ringcast:subscription:error');
export const publishFull = open('ringcast:publish:full');
export const publishRefused = open('ringcast:publish:refused');
export const deadLetter = open('ringcast:dead-letter');
export const connectionOpened = open('ringcast:connection:opened');
export const connectionClosed = open('ringcast:connection:closed');
export const bridgeConnected = open('ringcast:bridge:connected');
export const bridgeDisconnected = open('ringcast:bridge:disconnected');
export const bridgeGap = open('ringcast:bridge:gap');

/** Each publish, in the way of `traceSync`. */
export const publishTracing = tracingChannel<unknown, PublishTrace>('ringcast.publish');
/** Each call of a handler, in the way of `tracePromise`, but for what the handler returns: that stays as it is. */
export const handleTracing = tracingChannel<unknown, HandleTrace>('ringcast.handle');
