/** How the threads of a module are made and made again. */
import type { ResourceLimits, Transferable, WorkerOptions } from 'node:worker_threads';
import type { PrintedOutput } from './printed-output.js';
import type { RestartPolicy } from './restart-policy.js';

/** What `new Worker` takes. */
export interface ThreadOptions {
  /** Shown by debuggers, and by the system where Node tells it. */
  readonly name: string;
  readonly resourceLimits: ResourceLimits | undefined;
  readonly env: WorkerOptions['env'];
  readonly argv: readonly string[] | undefined;
  readonly execArgv: readonly string[] | undefined;
  /** Whether what the thread prints is handed to the owner, instead of printed by the process. */
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export interface ThreadRun {
  readonly options: ThreadOptions;
  /** What is handed over with the module's data: to one thread only. */
  readonly transferList: readonly Transferable[];
  readonly policy: RestartPolicy;
  readonly printed: PrintedOutput;
}
