/** How the threads of a module are made and made again, what they run in, and how long they are waited for. */
import type { Transferable } from 'node:worker_threads';
import type { Attachment } from '../worker-protocol.js';
import { END_LOOK_MS } from './end-watch.js';
import type { PrintedOutput } from './printed-output.js';
import type { RestartPolicy } from './restart-policy.js';
import type { ThreadOptions } from './thread-options.js';
import { WorkerHost } from './worker-host.js';

/** The thread that a life is lived in. */
export type Host = Pick<WorkerHost, keyof WorkerHost>;

export interface Hosting {
  /** Throws what `new Worker` throws when the system has no thread to give. */
  start(options: ThreadOptions, attachment: Attachment, transferList: readonly Transferable[]): Host;
  /** Between two looks at a thread that was told to stop. */
  readonly endLookMs: number;
  /** How long a thread that was ended may take to exit: one that still loads has ten seconds for that first. */
  readonly exitPatienceMs: number;
}

/** Threads of piscina's. */
export const PISCINA: Hosting = {
  start: (options, attachment, transferList) => new WorkerHost(options, attachment, transferList),
  endLookMs: END_LOOK_MS,
  exitPatienceMs: 20_000,
};

export interface ThreadRun {
  readonly options: ThreadOptions;
  /** What is handed over with the module's data: to one thread only. */
  readonly transferList: readonly Transferable[];
  readonly policy: RestartPolicy;
  readonly printed: PrintedOutput;
  readonly hosting: Hosting;
}

/** Starts a thread with one end of the port, which is closed where that fails: the other end listens. */
export function startHost({ hosting, options, transferList }: ThreadRun, attachment: Attachment): Host {
  const { port } = attachment;
  try {
    return hosting.start(options, attachment, [port, ...transferList]);
  } catch (error) {
    port.close();
    throw error;
  }
}
