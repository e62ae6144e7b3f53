/**
 * The threads of an unpacker, started when there is something to do. They end when they had nothing to do for a while.
 *
 * Piscina, with `atomics: 'disabled'`: by default an idle thread is blocked, where a connection to a bus could not end. Never
 * its `signal`, which ends the thread of a running task.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Piscina } from 'piscina';
import { onAbort } from '../../host/abort-signal.js';
import { nextTurn } from '../../host/timing.js';
import type { EmitterHandle } from '../../index.js';
import { uncrossError } from '../crossed-error.js';
import { MissingDependencyError, ThreadEndedError, WrongStateError } from '../service-errors.js';
import type { SnapshotCommitment } from './snapshot-files.js';
import { type ApplyTask, TASK, type UnpackResult, type UnpackTask } from './unpack-protocol.js';

/** Node's own, also where a test runner puts another in its place. */
const { createRequire } = process.getBuiltinModule('node:module');
const IDLE_TIMEOUT_MS = 10_000;
/** CommonJS: piscina loads it with `require`, and a thread that is ended while that links ES modules takes Node 20 with it. */
const ENTRY = 'unpack-thread.cjs';

export class UnpackPool {
  readonly #threads: number;
  readonly #running = new Set<Promise<unknown>>();
  #pool: Piscina | undefined;
  #isClosed = false;

  /** @param threads at a time */
  constructor(threads: number) {
    this.#threads = threads;
  }

  /**
   * Unpacks a layer in a thread. See `applyLayer`, which this rejects like.
   *
   * @param signal rejects at once where no thread has begun, else ends the unpacking between two entries, with its reason
   * @returns its diff id
   */
  async apply(task: Omit<ApplyTask, 'kind' | 'state'>, signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted();
    const state = new Int32Array(new SharedArrayBuffer(4));
    let forget: (() => void) | undefined;
    const cancelled = new Promise<never>((_, reject) => {
      forget =
        signal &&
        onAbort(signal, () => {
          if (Atomics.exchange(state, 0, TASK.cancelled) === TASK.waiting) reject(signal.reason);
        });
    });
    try {
      const result = await Promise.race([this.#run({ ...task, kind: 'apply', state }, task.source), cancelled]);
      return (result as UnpackResult & { kind: 'applied' }).diffId;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      forget?.();
    }
  }

  /**
   * Commits the files of a snapshot in a thread, and emits the event there.
   *
   * @returns whether the event is on the bus
   */
  async commit(commitment: SnapshotCommitment, emitter: EmitterHandle | undefined): Promise<boolean> {
    const result = await this.#run({ kind: 'commit', commitment, emitter }, `commit of ${commitment.committed.key}`);
    return (result as UnpackResult & { kind: 'committed' }).isTold;
  }

  /** Waits for what is under way; then the threads end. What comes later is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await this.#pool?.destroy();
  }

  async #run(task: UnpackTask, operation: string): Promise<UnpackResult> {
    if (this.#isClosed) throw new WrongStateError('unpack', operation, 'closed', 'open');
    this.#pool ??= this.#start();
    const run: Promise<UnpackResult> = this.#pool.run(task);
    this.#running.add(run);
    let result: UnpackResult;
    try {
      result = await run;
    } catch (cause) {
      // The task itself never rejects.
      throw new ThreadEndedError(operation, { cause });
    } finally {
      this.#running.delete(run);
    }
    if (result.kind === 'failed') throw uncrossError(result.error);
    return result;
  }

  #start(): Piscina {
    const entry = threadEntry();
    // From there: in a bundle of a user's, only the installed package has it beside itself; or behind a link that Node keeps.
    const file = fileURLToPath(entry);
    const require = createRequire(file);
    const found = require.resolve('piscina', { paths: [dirname(file), dirname(realpathSync(file))] });
    const { Piscina: Pool } = require(found) as typeof import('piscina');
    const pool = new Pool({
      filename: entry.href,
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout: IDLE_TIMEOUT_MS,
      atomics: 'disabled',
      recordTiming: false,
      workerHistogram: false,
    });
    // Unheard, it would end the process. Where a task has lost its thread by it, the task rejects.
    pool.on('error', () => {});
    pool.on('workerDestroy', () => void this.#lookForThreads(pool));
    return pool;
  }

  /** A pool whose thread has died before it was up starts no other: what waits would wait for ever. */
  async #lookForThreads(pool: Piscina): Promise<void> {
    await nextTurn();
    if (this.#pool !== pool || pool.threads.length > 0) return;
    this.#pool = undefined;
    await pool.destroy();
  }
}

function threadEntry(): URL {
  // A name of its own: bundlers copy the file of a `new URL('…', import.meta.url)` away from its neighbours.
  const here: string = import.meta.url ?? pathToFileURL(__filename).href;
  const beside = new URL(ENTRY, here);
  if (existsSync(beside)) return beside;
  try {
    return new URL(ENTRY, pathToFileURL(createRequire(here).resolve('ringcast/services')));
  } catch (cause) {
    const mend = "mark 'ringcast' as external, and install it where the bundle runs";
    throw new MissingDependencyError(`${ENTRY} of the package ringcast (from ${fileURLToPath(here)})`, mend, { cause });
  }
}
