/** The call of a handler while somebody listens to `ringcast.handle`. */
import { handleTracing } from '../../channels/channels.js';
import type { HandleTrace } from '../../channels/messages.js';
import { pendingOutcome } from './outcome.js';

type Handled = Pick<HandleTrace, 'bus' | 'subscription' | 'envelopes'>;

/** Calls `handle`, and tells how that goes. Returns undefined, or a promise where the handler's outcome is pending. */
export function traceHandler(handled: Handled, handle: () => unknown): unknown {
  const trace: HandleTrace = { ...handled, isPending: false };
  // Publishes the message of `start` before it calls the function.
  return handleTracing.start.runStores(trace, () => {
    try {
      const pending = pendingOutcome(trace.around === undefined ? handle() : trace.around(handle));
      if (pending === undefined) return undefined;
      trace.isPending = true;
      return settled(pending, trace);
    } catch (error) {
      tellError(error, trace);
      throw error;
    } finally {
      handleTracing.end.publish(trace);
    }
  });
}

async function settled(pending: PromiseLike<unknown>, trace: HandleTrace): Promise<void> {
  try {
    await pending;
  } catch (error) {
    tellError(error, trace);
    throw error;
  } finally {
    handleTracing.asyncStart.publish(trace);
    handleTracing.asyncEnd.publish(trace);
  }
}

function tellError(error: unknown, trace: HandleTrace): void {
  trace.error = error;
  handleTracing.error.publish(trace);
}
