/**
 * What a thread that a bus has started knows of its start.
 *
 * Preloads (`--import`, `--require`) run in every thread. One that subscribes a module would start a thread that runs it
 * again, and so on without end.
 */
import * as threads from 'node:worker_threads';

/** Subscriber threads that start one another: a module may have a bus and a module of its own. */
const MAX_DEPTH = 4;

interface ThreadStart {
  /** 1 for a thread that was started from one that no bus has started. */
  readonly depth: number;
  /** Until then only preloads run. */
  loaded: boolean;
}

/** `workerData` of a subscriber thread. */
export interface SubscriberThreadData {
  readonly ringcast: ThreadStart;
}

/** Undefined in a thread that no bus has started. */
function ownStart(): ThreadStart | undefined {
  const data = threads.workerData as Partial<SubscriberThreadData> | null | undefined;
  return typeof data === 'object' ? data?.ringcast : undefined;
}

/** What a thread that is started here is given. */
export function nextStart(): SubscriberThreadData {
  return { ringcast: { depth: (ownStart()?.depth ?? 0) + 1, loaded: false } };
}

/** The preloads of this thread have run. */
export function startLoaded(): void {
  const start = ownStart();
  if (start !== undefined) start.loaded = true;
}

/** Why no thread may be started from here, or undefined. */
export function whyNoThread(): string | undefined {
  const start = ownStart();
  if (start === undefined) return undefined;
  if (!start.loaded) {
    return 'a preload (--import, --require) subscribes a module, and runs again in each thread; let it do so only if isMainThread';
  }
  if (start.depth < MAX_DEPTH) return undefined;
  return `${MAX_DEPTH} subscriber threads have started one another; does a preload subscribe a module in each of them?`;
}
