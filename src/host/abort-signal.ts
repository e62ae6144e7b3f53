/** One listener per AbortSignal, however many subscriptions it stops: Node warns of the eleventh as of a leak. */

interface Listening {
  readonly runs: Set<() => void>;
  readonly tell: () => void;
}

const bySignal = new WeakMap<AbortSignal, Listening>();

/** Why a signal was aborted. Polyfills have no reason. */
export function abortReason({ reason }: AbortSignal): unknown {
  return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : (reason as unknown);
}

/**
 * Calls `run` once when `signal`, which is not aborted yet, is.
 *
 * @returns takes `run` back
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  const { runs, tell } = bySignal.get(signal) ?? listen(signal);
  runs.add(run);
  return () => {
    runs.delete(run);
    // The signal may outlive all that it stops.
    if (runs.size > 0 || bySignal.get(signal)?.runs !== runs) return;
    bySignal.delete(signal);
    signal.removeEventListener('abort', tell);
  };
}

function listen(signal: AbortSignal): Listening {
  const runs = new Set<() => void>();
  const tell = (): void => {
    bySignal.delete(signal);
    for (const run of runs) run();
  };
  const listening = { runs, tell };
  bySignal.set(signal, listening);
  signal.addEventListener('abort', tell, { once: true });
  return listening;
}
