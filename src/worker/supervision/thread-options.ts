/** What the thread of a module is made with. */
import type { ResourceLimits, WorkerOptions } from 'node:worker_threads';

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
