/**
 * What a thread that a bus has started knows of its start.
 *
 * Preloads (`--import`, `--require`) run in every thread. One that subscribes a module would start a thread that runs it
 * again, and so on without end.
 */

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
  const { workerData } = process.getBuiltinModule('node:worker_threads');
  const data = workerData as Partial<SubscriberThreadData> | null | undefined;
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

/** Why none may be started at all, where making one has thrown `cause` because of that. */
export function whyForbidden(cause: unknown): string | undefined {
  const { code, permission } = cause as { readonly code?: unknown; readonly permission?: unknown };
  if (code !== 'ERR_ACCESS_DENIED' || permission !== 'WorkerThreads') return undefined;
  return `Node's permission model forbids threads; run node with --allow-worker`;
}
