/**
 * One thread for one subscriber module, hosted by piscina.
 *
 * A pool of exactly one thread, so that a subscription's crash and resource limits are its own. The task attaches the
 * subscriber and returns; the subscriber then lives in the thread's event loop. (A task that stays would hold the process
 * open beyond `unref`, which piscina gives no other way to undo.) `atomics: 'disabled'`: piscina's default blocks an idle
 * thread in `Atomics.wait`, and with it the subscriber. Never an AbortSignal: aborting a running task kills the thread.
 *
 * piscina is loaded for the first thread: whoever starts none does not pay for it. With `require` rather than `import()`,
 * because the thread has to be under way when `subscribe` returns.
 */
import type { Readable } from 'node:stream';
import type { Transferable, Worker, WorkerOptions } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { nextStart } from '../../host/thread-start.js';
import { setTimeout } from '../../host/timing.js';
import { nodeRequire, requireDependency, workerEntry } from '../../package-files.js';
import type { Output } from './printed-output.js';
import type { ThreadOptions } from './thread-options.js';

/** Why a thread ended: its exit code, and the error that ended it if there was one. */
export interface ThreadExit {
  readonly exitCode: number;
  readonly error: unknown;
}

/** A thread that has not loaded a bundled entry that long after it was started hangs in something that it was told to load first. */
const LOAD_PATIENCE_MS = 10_000;

export class WorkerHost implements Output {
  readonly #pool: Piscina;
  readonly #thread: Piscina['threads'][number];
  /** Settles when the thread can be ended without harm. Never rejects. */
  readonly #endable: Promise<unknown>;
  /** Rejects when the entry does not load. When the thread ends, by itself or not, only {@link exited} says so. */
  readonly started: Promise<void>;
  /** Resolves when the thread has ended, by itself or not: from then on it touches no shared memory. Never rejects. */
  readonly exited: Promise<ThreadExit>;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  #hasLoaded = false;
  #ending = false;

  /**
   * Starts the thread, and the entry's task in it.
   *
   * @param transferList of what is in the task
   */
  constructor(options: ThreadOptions, task: object, transferList: readonly Transferable[]) {
    const { Piscina: Pool } = requireDependency('piscina') as typeof import('piscina');
    const { name, stdout, stderr, resourceLimits, env, argv, execArgv } = options;
    const entry = workerEntry();
    const poolOptions: ConstructorParameters<typeof Piscina>[0] = {
      filename: entry.href,
      // At once: a thread that is only made for the task gets it by way of this thread's event loop, which a publishSync
      // may be blocking until that very thread reads.
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      workerHistogram: false,
      workerData: nextStart(),
      env: env ?? process.env,
      argv: [...(argv ?? [])],
      ...(resourceLimits && { resourceLimits }),
      ...(execArgv && { execArgv: [...execArgv] }),
    };
    this.#pool = withWorkerOptions({ name, stdout, stderr }, () => new Pool(poolOptions));
    // From now on none: a thread that dies would be replaced by one that nobody uses.
    (this.#pool.options as { minThreads: number }).minThreads = 0;
    // The thread's own events say all that these would, and an unheard 'error' would end the process.
    this.#pool.on('error', () => {});
    const thread = this.#pool.threads[0]!;
    this.exited = new Promise((resolve) => {
      let error: unknown;
      thread.once('error', (cause) => {
        this.#ending = true;
        error = cause;
      });
      thread.once('exit', (exitCode) => {
        this.#ending = true;
        resolve({ exitCode, error });
      });
    });
    if (stdout) this.stdout = thread.stdout;
    if (stderr) this.stderr = thread.stderr;
    const started = this.#pool.run(task, { transferList: [...transferList] });
    this.started = started.catch((error: unknown) => {
      // The pool fails the task of a thread that ends, which may be long after that thread has begun to read.
      if (!this.#ending) throw error;
    });
    this.#thread = thread;
    // The host's first message says that it is ready.
    const loaded = new Promise<void>((resolve) => {
      thread.once('message', () => {
        this.#hasLoaded = true;
        resolve();
      });
    });
    this.#endable = entry.pathname.endsWith('.cjs')
      ? Promise.resolve()
      : Promise.race([loaded, this.exited, patience()]);
  }

  /** Whether the thread has ever come as far as to load the entry. */
  get hasLoaded(): boolean {
    return this.#hasLoaded;
  }

  /**
   * Ends the thread, wherever it is; resolves when it has ended. It does not hold the process open any more.
   *
   * Where a bundler has made the entry an ES module, the thread first loads it, or has had ten seconds for that: piscina loads
   * it with `require`, and a thread that is ended while that links the module takes the whole process with it (Node 20).
   */
  async terminate(): Promise<void> {
    this.#ending = true;
    this.#thread.unref();
    await this.#endable;
    await this.#pool.destroy();
    await this.exited;
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOAD_PATIENCE_MS).unref());
}

/** Makes threads with options that piscina passes on to none: it makes them while `make` runs. */
function withWorkerOptions<T>(options: WorkerOptions, make: () => T): T {
  const module = nodeRequire('node:worker_threads') as { Worker: typeof Worker };
  const NodeWorker = module.Worker;
  class NamedWorker extends NodeWorker {
    constructor(filename: string | URL, others?: WorkerOptions) {
      super(filename, { ...others, ...options });
    }
  }
  // Where a runtime does not let it be set, threads go without.
  Reflect.set(module, 'Worker', NamedWorker);
  try {
    return make();
  } finally {
    Reflect.set(module, 'Worker', NodeWorker);
  }
}
