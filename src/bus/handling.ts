/**
 * Which subscription's handler the current code runs for, across awaits and timers.
 *
 * Tells a wait that can never end from one that can: a handler that waits for its own reader to read on.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

const current = new AsyncLocalStorage<object | undefined>();

/** The token given to {@link captureContext} by whoever's handler this code runs for. */
export function currentHandling(): object | undefined {
  return current.getStore();
}

/**
 * Runs what the bus does on its own behalf: a handler may have set it off by publishing, but whoever it calls, such as a
 * listener, is not that handler.
 */
export function outsideHandlers(act: () => void): void {
  if (current.getStore() === undefined) act();
  else current.run(undefined, act);
}

/** The caller's async context, with `token` marked as what is being handled in it. */
export function captureContext(token: object): AsyncResource {
  return current.run(token, () => new AsyncResource('RINGCAST_HANDLER'));
}
