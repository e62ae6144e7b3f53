/** What makes the subscriptions of a client. */
import type { Envelope } from '../envelope/envelope.js';
import { onAbort } from '../host/abort-signal.js';
import type { FilterInput } from '../topic/filter.js';
import type { EventStream } from './event-stream.js';
import type { Handler } from './handler-delivery.js';
import type { NextOptions } from './next-event.js';
import type { HandlerOptions, ModuleOptions, SubscribeOptions } from './subscribe-options.js';
import type { Subscription } from './subscription.js';

export interface Subscribing {
  handler(input: FilterInput, handler: Handler, given: HandlerOptions): Subscription;
  stream(input: FilterInput, given: SubscribeOptions): EventStream;
  next(input: FilterInput, given: NextOptions): Promise<Envelope>;
  module(input: FilterInput, moduleUrl: string, given: ModuleOptions): Subscription;
}

/** Calls `handler` with `many` events at most. */
export function limited(subscription: Subscription, handler: Handler, many: number): Handler {
  if (many === Number.POSITIVE_INFINITY) return handler;
  let left = many;
  return (envelope) => {
    if (--left === 0) void subscription.stop();
    return handler(envelope);
  };
}

/** Stops `subscription` when `signal` is aborted. */
export function stopOnAbort(subscription: Subscription, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const stop = (): void => void subscription.stop();
  if (signal.aborted) {
    stop();
    return;
  }
  void subscription.delivery.ended.then(onAbort(signal, stop));
}
