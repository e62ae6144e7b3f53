/** Serves the statistics of a bus to other processes of the user: starts the thread that answers, and tells it what changes. */
import { join, resolve } from 'node:path';
import { isMainThread, threadId, Worker } from 'node:worker_threads';
import type { ConnectedThread } from '../connect/connected-thread.js';
import { CannotServeError, InvalidOptionError } from '../errors.js';
import { postToWorker } from '../host/ports.js';
import { processMs } from '../host/timing.js';
import { readOptions } from '../option-check.js';
import { statsThreadEntry } from '../package-files.js';
import type { OwnerCounters } from '../publish/owner-counters.js';
import { showThrown } from '../shown.js';
import type { Subscription } from '../subscribe/subscription.js';
import type { Subscriptions } from '../subscribe/subscriptions.js';
import { namespaceFault } from '../topic/topic.js';
import type { BusStats } from './bus-stats.js';
import type {
  FromServer,
  ServedConnection,
  ServedSubscription,
  ServingStart,
  Snapshot,
  ToServer,
} from './serving/protocol.js';
import { checkPath, makeFolder, remove, removeOwn, socketFolder } from './serving/socket-path.js';

export interface ServeStatsOptions {
  /** What `ringcast top` calls the bus: one segment of a topic. Default: `bus`, for further ones `bus-2` and so on; in another thread than the main one, `bus-thread-N`. */
  readonly name?: string;
  /** Where the socket lies; default `<pid>-<name>.sock` in `$XDG_RUNTIME_DIR/ringcast`, or in `ringcast-<uid>` in the temporary directory. */
  readonly path?: string;
}

/** What is served. */
export interface StatsSource {
  readonly subscriptions: Subscriptions;
  readonly control: SharedArrayBuffer;
  readonly counters: OwnerCounters;
  stats(): BusStats;
  connections(): Iterable<ConnectedThread>;
  /** Whether a reader holds the writer up. */
  gates(reader: number): boolean;
  closing(): Snapshot['closing'];
  /** The thread that serves ended by itself. */
  report(error: Error): void;
}

/** Megabytes of heap, at most, for a thread that does next to nothing, unless there are tens of thousands of subscriptions. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4 };

/** Those that may have a socket. A process that ends without closing its buses leaves none behind. */
const open = new Set<StatsServer>();
/** One listener, however many buses there are. */
const removeAll = (): void => {
  for (const server of open) server.removeSocket();
};

let served = 0;

export class StatsServer implements AsyncDisposable {
  readonly path: string;
  readonly #source: StatsSource;
  readonly #worker: Worker;
  readonly #ids = new WeakMap<Subscription, number>();
  #lastId = 0;
  readonly #exited: Promise<void>;
  #closed = false;
  readonly #observer = {
    started: (subscription: Subscription): void =>
      this.#tell({ kind: 'started', subscription: this.#served(subscription) }),
    ended: (subscription: Subscription): void => this.#tell({ kind: 'ended', id: this.#idOf(subscription) }),
  };
  readonly #isOwnPath: boolean;
  readonly #ending = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** Of the socket, once it is known to be there. */
  #inode: number | undefined;
  #isListening = false;

  private constructor(source: StatsSource, path: string, name: string, makesFolder: boolean) {
    this.#source = source;
    this.path = path;
    this.#isOwnPath = makesFolder;
    const start: ServingStart = {
      path,
      name,
      makesFolder,
      ending: this.#ending.buffer,
      startedMs: processMs(),
      control: source.control,
      counters: source.counters.buffer,
      snapshot: this.#snapshot(),
    };
    // What observes the process otherwise has nothing to see there.
    this.#worker = new Worker(statsThreadEntry(), { workerData: start, execArgv: [], resourceLimits: RESOURCE_LIMITS });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => resolve());
    });
    source.subscriptions.observers.add(this.#observer);
    if (open.size === 0) process.on('exit', removeAll);
    open.add(this);
  }

  /**
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
   * @throws {CannotServeError} `BUS_CANNOT_SERVE`
   */
  static async start(source: StatsSource, given: ServeStatsOptions): Promise<StatsServer> {
    const { name = defaultName(), path: givenPath } = readOptions('options', given, ['name', 'path']);
    const fault = namespaceFault(name);
    if (fault !== undefined) throw new InvalidOptionError('name', name, `one segment of a topic (${fault})`);
    if (givenPath !== undefined && (typeof givenPath !== 'string' || givenPath === '' || givenPath.includes('\0'))) {
      throw new InvalidOptionError('path', givenPath, 'the path of a socket');
    }
    // Also where the process changes its folder.
    const path = resolve(givenPath ?? join(socketFolder(), `${process.pid}-${name}.sock`));
    checkPath(path);
    if (givenPath === undefined) makeFolder(socketFolder());
    const server = new StatsServer(source, path, name, givenPath === undefined);
    await server.#listening();
    return server;
  }

  /** Ends the thread and removes the socket. Calling it again is harmless. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#end();
      // Somebody waits for it to end.
      this.#worker.ref();
      this.#tell({ kind: 'close' });
    }
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(): void {
    this.#closed = true;
    this.#source.subscriptions.observers.delete(this.#observer);
    open.delete(this);
    if (open.size === 0) process.off('exit', removeAll);
  }

  /** @internal */
  removeSocket(): void {
    Atomics.store(this.#ending, 0, 1);
    // Nobody else's socket is ever at a path with our own pid; at another, not before we listen there.
    if (this.#inode !== undefined) removeOwn(this.path, this.#inode);
    else if (this.#isOwnPath) remove(this.path);
  }

  #listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (reason: string, cause?: unknown): void => {
        this.#end();
        reject(new CannotServeError(this.path, reason, { cause }));
      };
      this.#worker.on('message', (message: FromServer) => {
        if (message.kind === 'listening') {
          this.#listens(message.inode);
          resolve();
        } else if (message.kind === 'refused') refuse(message.reason);
        else this.#tell({ kind: 'snapshot', snapshot: this.#snapshot() });
      });
      this.#worker.on('error', (error) => {
        const reason = `the thread that serves has ended: ${showThrown(error)}; call serveStats again`;
        refuse(reason, error);
        this.removeSocket();
        // Before, whoever called serveStats is told.
        if (this.#isListening) this.#source.report(new CannotServeError(this.path, reason, { cause: error }));
      });
      void this.#exited.then(() => refuse('the thread that serves has ended; call serveStats again'));
    });
  }

  #listens(inode: number | undefined): void {
    this.#inode = inode;
    this.#isListening = true;
    // From now on it is not what the process lives for.
    if (!this.#closed) this.#worker.unref();
  }

  #tell(message: ToServer): void {
    postToWorker(this.#worker, message);
  }

  #snapshot(): Snapshot {
    const { subscriptions } = this.#source;
    const { subscriptions: _, connections: __, ...stats } = this.#source.stats();
    return {
      stats,
      subscriptions: [...subscriptions.all].map((subscription) => this.#served(subscription)),
      connections: [...this.#source.connections()].map(servedConnection),
      closing: this.#source.closing(),
    };
  }

  #served(subscription: Subscription): ServedSubscription {
    const { reader } = subscription.delivery;
    const gates = reader >= 0 && this.#source.gates(reader);
    return { id: this.#idOf(subscription), reader, gates, stats: subscription.stats() };
  }

  #idOf(subscription: Subscription): number {
    const id = this.#ids.get(subscription) ?? ++this.#lastId;
    this.#ids.set(subscription, id);
    return id;
  }
}

function servedConnection(connection: ConnectedThread): ServedConnection {
  const { counters, uplink } = connection.hello;
  return { stats: connection.stats(), counters, uplink: uplink.control };
}

/** Threads know nothing of each other's names. */
function defaultName(): string {
  const name = isMainThread ? 'bus' : `bus-thread-${threadId}`;
  return ++served === 1 ? name : `${name}-${served}`;
}
