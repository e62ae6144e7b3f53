/**
 * Keeps one subscriber module going in a thread: starts it, passes on what it says, and starts it again at its own cursor
 * when it ends by itself.
 *
 * *Lives.* The reader's slot belongs to the supervisor from the subscription until `onEnd`: only after the thread has
 * exited may anybody else touch it. The next life begins at what the last one had released: nothing is skipped, and what
 * was in hand comes again, one event at a time.
 *
 * *Events that kill.* Only a death in that mode counts against the event that was in hand. At the third the event is left
 * out and reported, so that one bad event cannot stop a subscription for good.
 */
import { MessageChannel, type MessagePort, type ResourceLimits, receiveMessageOnPort } from 'node:worker_threads';
import { ModuleLoadError, ModuleShapeError, TypesModuleError, WorkerExitedError } from '../errors.js';
import type { CompiledFilter } from '../topic/filter.js';
import type { LagRange } from './dispatcher.js';
import { type FilterFrom, FilterTimeline } from './filter-timeline.js';
import type { RestartPolicy } from './restart-policy.js';
import { Watchdog } from './watchdog.js';
import { type ThreadExit, WorkerHost } from './worker-host.js';
import {
  type Attachment,
  type CrossedError,
  type FromThread,
  type Life,
  type RefusedStep,
  type ToThread,
  uncrossError,
} from './worker-protocol.js';

/** Deaths of the thread while it handles one event again, after which the event is left out. */
const MAX_DEATHS = 3;

/** What a supervisor tells its owner. None may throw. */
export interface SupervisorEvents {
  /** The module is set up and reads, for the first time. */
  onReady(): void;
  onHandlerFailure(error: unknown, topic: string, sequence: number): void;
  onLagged(range: LagRange): void;
  /** The thread made the room that the parked writer waits for. */
  onRoom(): void;
  /** The thread ended by itself and will be started again after `delayMs`. */
  onRestart(error: Error, delayMs: number): void;
  /**
   * An event is left out, because the thread died of it `deaths` times.
   *
   * @returns sequences that the subscription must not get: of the event, and of what was published about it
   */
  onDeadLetter(sequence: number, deaths: number, error: Error): readonly number[];
  /** The subscription is over: as asked, or because of `error`. The thread has exited. Called once. */
  onEnd(error: Error | undefined): void;
}

/** What a supervisor knows of its reader between two lives. */
export interface ReaderRecords {
  /** Sequence of the event that was being handled again; -1: none. */
  inHand(): number;
  /** Counts turns of the thread's event loop. */
  heartbeat(): number;
  /** Sequence up to which everything has settled. */
  settledUntil(): number;
  /** Makes the slot ready for the next life, and says where that begins. */
  nextLife(skips: readonly number[]): Life;
}

/** What all lives of a thread have in common. */
export type SupervisedModule = Omit<Attachment, 'port' | 'life' | 'filter'>;

export class Supervisor {
  readonly #attachment: SupervisedModule;
  readonly #filters: FilterTimeline;
  readonly #resourceLimits: ResourceLimits | undefined;
  readonly #policy: RestartPolicy;
  readonly #records: ReaderRecords;
  readonly #events: SupervisorEvents;
  #host: WorkerHost | undefined;
  #port: MessagePort | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #watchdog: Watchdog | undefined;
  #failure: Error | undefined;
  #stop: Extract<ToThread, { kind: 'stop' }> | undefined;
  #terminating = false;
  /** The module was ready in this life or an earlier one. */
  #wasReady = false;
  /** The event that the thread last died of while handling it again, and how often. */
  #suspect = -1;
  #deaths = 0;
  #skips: number[] = [];

  constructor(
    attachment: SupervisedModule,
    filter: CompiledFilter,
    life: Life,
    resourceLimits: ResourceLimits | undefined,
    policy: RestartPolicy,
    records: ReaderRecords,
    events: SupervisorEvents,
  ) {
    this.#attachment = attachment;
    this.#resourceLimits = resourceLimits;
    this.#policy = policy;
    this.#records = records;
    this.#events = events;
    this.#filters = new FilterTimeline(filter);
    this.#live(life);
  }

  /** Tells a cooperative loop that its wake word is AWAKE. Costs the caller some microseconds. */
  wake(): void {
    this.#send({ kind: 'wake' });
  }

  /** Starts a thread that is waiting to be started again now: somebody waits for its reader. */
  hurry(): void {
    if (this.#restartTimer !== undefined) this.#restart();
  }

  /** The filters that decide what the thread may still have to handle. */
  get filters(): readonly FilterFrom[] {
    return this.#filters.entries;
  }

  /**
   * Lets `filter` decide records from `fromSequence` on, in this life and in those after it.
   *
   * @param settledSequence no life begins before it any more
   */
  setFilter(filter: CompiledFilter, fromSequence: number, settledSequence: number): void {
    this.#filters.change(fromSequence, filter, settledSequence);
    this.#sendFilter(this.#filters.entries.at(-1)!);
  }

  /**
   * Lets the thread deliver what has a sequence below `endSequence`, tear its module down and end.
   *
   * @param written sequence of the next record
   */
  stop(endSequence: number, written: number): void {
    // An end that was said before stays: the next life must not go on beyond it.
    const earliest = Math.min(endSequence, this.#stop?.endSequence ?? endSequence);
    this.#stop = { kind: 'stop', endSequence: earliest, written };
    this.#send(this.#stop);
    if (this.#restartTimer === undefined) return;
    if (this.#isDone()) this.#conclude(undefined);
    else this.#restart();
  }

  /** Ends the thread at once, for good. */
  terminate(): void {
    this.#terminating = true;
    if (this.#restartTimer !== undefined) this.#conclude(undefined);
    void this.#host?.terminate();
  }

  #live(life: Life): void {
    this.#failure = undefined;
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: FromThread) => this.#receive(message));
    // Whether a subscription holds the process open is decided in one place, by the bus.
    port1.unref();
    const [first, ...changes] = this.#filters.entries as [FilterFrom, ...FilterFrom[]];
    const { source: filter } = first.filter;
    const attachment = { ...this.#attachment, filter, life, port: port2 } satisfies Attachment;
    const host = new WorkerHost(this.#resourceLimits, attachment, [port2]);
    this.#host = host;
    this.#port = port1;
    host.started.catch((error: unknown) => {
      if (this.#host !== host) return;
      this.#failure ??= new WorkerExitedError(this.#attachment.name, 'it could not be started', { cause: error });
      void host.terminate();
    });
    void host.exited.then((exit) => this.#end(exit));
    for (const change of changes) this.#sendFilter(change);
    if (this.#stop !== undefined) this.#send(this.#stop);
    this.#watchdog?.stop();
    const { hangTimeoutMs, name } = this.#attachment;
    if (hangTimeoutMs === undefined) return;
    this.#watchdog = new Watchdog(hangTimeoutMs, this.#records.heartbeat, () => {
      this.#failure ??= new WorkerExitedError(name, `its event loop has not turned for ${hangTimeoutMs} ms`);
      void host.terminate();
    });
  }

  #send(message: ToThread): void {
    this.#port?.postMessage(message);
  }

  #sendFilter({ filter, fromSequence }: FilterFrom): void {
    this.#send({ kind: 'filter', filter: filter.source, fromSequence });
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        if (!this.#wasReady) this.#events.onReady();
        this.#wasReady = true;
        break;
      case 'room':
        this.#events.onRoom();
        break;
      case 'lagged':
        this.#events.onLagged(message.range);
        break;
      case 'handler-failed':
        this.#events.onHandlerFailure(uncrossError(message.error), message.topic, message.sequence);
        break;
      case 'refused':
        this.#failure = this.#refusal(message.step, message.error);
        void this.#host?.terminate();
        break;
      case 'stopped':
        if (message.error !== undefined) {
          const cause = uncrossError(message.error);
          this.#failure = new WorkerExitedError(this.#attachment.name, 'its teardown failed', { cause });
        }
        this.#terminating = true;
        void this.#host?.terminate();
        break;
    }
  }

  #refusal(step: RefusedStep, crossed: CrossedError): Error {
    const { name, moduleUrl } = this.#attachment;
    const cause = uncrossError(crossed);
    const { code, reason, url } = crossed.fields;
    const text = reason ?? (cause instanceof Error ? cause.message : String(cause));
    // What cannot be used now will not be usable by being tried again.
    this.#terminating ||= step !== 'setup' || !this.#wasReady;
    if (step === 'types') return new TypesModuleError(url ?? '', text, { cause });
    if (step === 'setup') return new WorkerExitedError(name, `its setup failed: ${text}`, { cause });
    if (code === 'BUS_MODULE_SHAPE') return new ModuleShapeError(moduleUrl, text);
    return new ModuleLoadError(moduleUrl, cause instanceof Error ? cause.cause : cause);
  }

  #end(exit: ThreadExit): void {
    const port = this.#port!;
    // What the thread said last may still wait on the port.
    for (let entry = receiveMessageOnPort(port); entry !== undefined; entry = receiveMessageOnPort(port)) {
      this.#receive(entry.message as FromThread);
    }
    port.close();
    this.#port = undefined;
    void this.#host?.terminate();
    this.#host = undefined;
    this.#watchdog?.stop();
    if (this.#terminating) {
      this.#conclude(this.#failure);
      return;
    }
    this.#died(this.#failure ?? this.#exitError(exit));
    // The thread may have died between making room and saying so.
    this.#events.onRoom();
  }

  #exitError({ exitCode, error }: ThreadExit): Error {
    const { name } = this.#attachment;
    if (error === undefined) return new WorkerExitedError(name, `exit code ${exitCode}`);
    return new WorkerExitedError(name, error instanceof Error ? error.message : String(error), { cause: error });
  }

  /** The thread ended by itself. */
  #died(error: Error): void {
    this.#blame(error);
    if (this.#isDone()) {
      this.#conclude(error);
      return;
    }
    const delayMs = this.#policy.next(performance.now());
    if (delayMs === undefined) {
      const { maxRestarts } = this.#policy;
      const { name } = this.#attachment;
      const reason = `${error.message}; it was restarted ${maxRestarts} times within a minute and is not again`;
      this.#conclude(maxRestarts === 0 ? error : new WorkerExitedError(name, reason, { cause: error.cause ?? error }));
      return;
    }
    this.#events.onRestart(error, delayMs);
    this.#restartTimer = setTimeout(() => this.#restart(), this.#stop === undefined ? delayMs : 0);
    this.#restartTimer.unref();
  }

  /** Whether the thread was told to stop and has nothing left to deliver. */
  #isDone(): boolean {
    return this.#stop !== undefined && this.#records.settledUntil() >= this.#stop.endSequence;
  }

  #restart(): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#live(this.#records.nextLife(this.#skips));
  }

  /** Counts the death against the event that was being handled again, if one was. */
  #blame(error: Error): void {
    const sequence = this.#records.inHand();
    if (sequence < 0) return;
    this.#deaths = sequence === this.#suspect ? this.#deaths + 1 : 1;
    this.#suspect = sequence;
    if (this.#deaths === MAX_DEATHS) this.#skips.push(...this.#events.onDeadLetter(sequence, this.#deaths, error));
  }

  #conclude(error: Error | undefined): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#events.onEnd(error);
  }
}
