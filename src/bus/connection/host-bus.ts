/** A bus in a thread of its own: whoever is busy on the thread that asked for it delays nobody but itself. */
import type { Worker } from 'node:worker_threads';
import type { BusHandle } from '../../connect/bus-handle.js';
import { revive } from '../../connect/crossed-error.js';
import { HostEndedError, InvalidOptionError } from '../../errors.js';
import { postToWorker } from '../../host/ports.js';
import { emitSafely, reportError } from '../../host/report.js';
import { nextStart, whyForbidden, whyNoThread } from '../../host/thread-start.js';
import { clearTimeout, MAX_TIMER_MS, setTimeout } from '../../host/timing.js';
import { workerThreads } from '../../host/worker-threads.js';
import type { BusStats } from '../../observe/bus-stats.js';
import { readOptions, timeoutOption } from '../../option-check.js';
import { hostThreadEntry } from '../../package-files.js';
import { checkCapacity } from '../../ring/ring-memory.js';
import { showThrown } from '../../shown.js';
import type { AnyTopics } from '../../subscribe/typed-topics.js';
import { BUS_OPTIONS, type BusOptions, resolveBusOptions } from '../bus-options.js';
import { type CloseResult, excuseCaller } from '../closing.js';
import { BusConnection } from './bus-connection.js';
import type { FromHost, HostedOptions, HostStart, ToHost } from './host-protocol.js';

/** Those of `createBus`, but for what cannot cross to another thread. */
export interface HostOptions extends Omit<BusOptions, 'clock' | 'types'> {
  /** Modules with event types, by URL. */
  readonly types?: readonly (URL | string)[];
}

const DEFAULT_DRAIN_TIMEOUT_MS = 10_000;
/** How long a host may take to say that its bus is closed, beyond the time that the bus has for it. */
const PATIENCE_MS = 5_000;
const NO_OPTIONS = {};

/**
 * Starts a thread that owns a bus and does nothing else, and connects this thread to the bus. For processes whose main thread is
 * busy: a thread that blocks delays nobody but itself.
 *
 * Allocates: a thread, which does not hold the process open, and what `createBus` and `connectBus` allocate. Started by another
 * thread than the main one, it ends with that.
 *
 * @param options those of `createBus`, but for `clock`, and for event classes in `types`, which cannot be sent to a thread
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`; all errors reject the promise
 * @throws {InvalidCapacityError} `BUS_INVALID_CAPACITY`
 * @throws {OutOfMemoryError} `BUS_OUT_OF_MEMORY`
 * @throws {HostEndedError} `BUS_HOST_ENDED` when the thread cannot be started
 * @throws {TypesModuleError} `BUS_TYPES_MODULE`
 * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE`
 * @example
 * await using bus = await hostBus({ capacityBytes: 8 * 1024 * 1024 });
 * new Worker(new URL('./resizer.js', import.meta.url), { workerData: { bus: bus.handle } });
 */
export async function hostBus<Topics extends object = AnyTopics>(
  options: HostOptions = NO_OPTIONS,
): Promise<HostedBus<Topics>> {
  const checked = checkOptions(options);
  const why = whyNoThread();
  if (why !== undefined) throw new HostEndedError(why);
  const worker = startHost({ ...nextStart(), options: checked });
  return await new Promise((resolve, reject) => {
    const onMessage = (message: FromHost): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      if (message.kind === 'refused') reject(revive(message.error));
      else if (message.kind === 'ready') {
        try {
          resolve(new HostedBus<Topics>(message.handle, worker));
        } catch (error) {
          // It cannot connect here: nobody has the bus.
          void worker.terminate();
          reject(error);
        }
      }
    };
    const onError = (cause: unknown): void => reject(new HostEndedError(showThrown(cause), { cause }));
    const onExit = (code: number): void => reject(new HostEndedError(`exit code ${code}`));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

function startHost(start: HostStart): Worker {
  const entry = hostThreadEntry();
  // Threads inherit it, and Node takes text with it alone.
  const isText = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const text = `import(${JSON.stringify(entry.href)})`;
  try {
    const { Worker } = workerThreads();
    return new Worker(isText ? text : entry, { name: 'ringcast-host', workerData: start, eval: isText });
  } catch (cause) {
    throw new HostEndedError(whyForbidden(cause) ?? showThrown(cause), { cause });
  }
}

function checkOptions(given: HostOptions): HostedOptions {
  const { clock, ...options }: BusOptions = readOptions<BusOptions>('options', given, BUS_OPTIONS);
  if (clock !== undefined) {
    throw new InvalidOptionError('clock', clock, 'omitted: no function can be sent to a thread');
  }
  const { capacityBytes, types, classes, topicTypes } = resolveBusOptions(options);
  checkCapacity(capacityBytes);
  if (classes.length > 0) {
    throw new InvalidOptionError('types', options.types, 'URLs of modules: no class can be sent to a thread');
  }
  return { ...options, types, topicTypes: Object.fromEntries(topicTypes) };
}

/** The connection of the thread that asked for a bus in a thread of its own. Closing it closes the bus. */
export class HostedBus<Topics extends object = AnyTopics> extends BusConnection<Topics> {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #asked = new Map<number, (stats: BusStats | undefined) => void>();
  #lastId = 0;
  #end: Promise<CloseResult> | undefined;
  #closed: CloseResult | undefined;
  #failure: unknown;
  /** Ends a host that does not say that its bus is closed. */
  #patience: NodeJS.Timeout | undefined;
  /** Why the thread has ended. */
  #endReason = 'its bus was closed';

  /** Use {@link hostBus}. @internal */
  constructor(handle: BusHandle, worker: Worker) {
    super(handle, 'host');
    this.use();
    this.#worker = worker;
    worker.on('message', (message: FromHost) => this.#receive(message));
    worker.on('error', (cause) => {
      this.#failure = cause;
    });
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.parts.link.end();
        for (const answer of this.#asked.values()) answer(undefined);
        this.#asked.clear();
        if (this.#end === undefined) {
          const cause = this.#failure;
          this.#endReason = cause === undefined ? `exit code ${code}` : showThrown(cause);
          reportError(new HostEndedError(this.#endReason, { cause }), this);
        }
        resolve();
      });
    });
    worker.unref();
  }

  /**
   * One look at everything that the bus counts: what `bus.stats()` returns on the thread that owns one. Holds the process open
   * until the thread of the bus has answered.
   *
   * @throws {HostEndedError} `BUS_HOST_ENDED` rejects the promise when the bus has ended
   */
  async busStats(): Promise<BusStats> {
    const stats = await new Promise<BusStats | undefined>((resolve) => {
      if (this.#worker.threadId < 0) {
        resolve(undefined);
        return;
      }
      const id = ++this.#lastId;
      this.#asked.set(id, resolve);
      if (this.#asked.size === 1) this.#worker.ref();
      this.#tell({ kind: 'stats', id });
    });
    if (this.#asked.size === 0 && this.#end === undefined) this.#worker.unref();
    if (stats === undefined) throw new HostEndedError(this.#endReason, { cause: this.#failure });
    return stats;
  }

  /**
   * Closes the bus, as `close()` does on the thread that owns one: for everyone who has connected to it. Its thread ends.
   *
   * Where this thread has connected to the bus more than once, all but the last call only wait for what was published here.
   */
  override close(options: { readonly drainTimeoutMs?: number } = NO_OPTIONS): Promise<CloseResult> {
    const given = readOptions('options', options, ['drainTimeoutMs']).drainTimeoutMs;
    const drainTimeoutMs = timeoutOption('drainTimeoutMs', given, DEFAULT_DRAIN_TIMEOUT_MS, 0);
    excuseCaller();
    if (this.#end !== undefined) return this.#end;
    if (!this.isLastUser) return super.close({ drainTimeoutMs });
    this.refuse();
    this.#end = this.#close(drainTimeoutMs);
    return this.#end;
  }

  /** Abandons the bus at once, as `destroy()` does on the thread that owns one. */
  override destroy(): void {
    super.destroy();
    if (this.#worker.threadId < 0) return;
    // Also where a close that waits longer is on its way.
    this.#tell({ kind: 'destroy' });
    this.#endWithin(0);
  }

  async #close(drainTimeoutMs: number): Promise<CloseResult> {
    // Somebody waits for it to end.
    this.#worker.ref();
    this.#tell({ kind: 'close', drainTimeoutMs });
    this.#endWithin(drainTimeoutMs);
    await this.#exited;
    clearTimeout(this.#patience);
    // A host that has ended without saying so: what it had not taken over is known here.
    return this.#closed ?? (await super.close({ drainTimeoutMs: 0 }));
  }

  #endWithin(drainTimeoutMs: number): void {
    clearTimeout(this.#patience);
    if (drainTimeoutMs === Number.POSITIVE_INFINITY) return;
    const patienceMs = Math.min(drainTimeoutMs + PATIENCE_MS, MAX_TIMER_MS);
    this.#patience = setTimeout(() => void this.#worker.terminate(), patienceMs);
  }

  /** The host tells of all subscriptions. @internal */
  protected override tellOwn(): void {}

  #tell(message: ToHost): void {
    postToWorker(this.#worker, message);
  }

  #receive(message: FromHost): void {
    switch (message.kind) {
      case 'stats':
        this.#asked.get(message.id)?.(message.stats);
        this.#asked.delete(message.id);
        break;
      case 'closed':
        this.#closed = { undelivered: message.undelivered };
        break;
      case 'error':
        reportError(revive(message.error), this);
        break;
      case 'evicted':
        emitSafely(this, 'evicted', revive(message.error));
        break;
      case 'deadLetter':
        emitSafely(this, 'deadLetter', { ...message.report, error: revive(message.error) });
        break;
      case 'disconnect':
        emitSafely(this, 'disconnect', message.report);
        break;
    }
  }
}
