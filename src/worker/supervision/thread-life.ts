/**
 * One life of a subscriber's thread as the bus sees it: the thread, the port to it and its watchdog, from the start to the
 * exit. It says how it ended; what comes after is up to the supervisor.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { WorkerExitedError } from '../../errors.js';
import { monotonicMs } from '../../host/timing.js';
import type { FilterTimeline } from '../dispatch/filter-timeline.js';
import { KeptLag, type MissedGaps } from '../kept-lag.js';
import { allocateSignals, FAILURES_HEARD, LAGS_HEARD, ROOMS_HEARD, signalCells, WAKES_HEARD } from '../signals.js';
import {
  type Attachment,
  type FromThread,
  type LifeStart,
  type RefusedStep,
  type ToThread,
  uncrossError,
  WAKE_MESSAGE,
} from '../worker-protocol.js';
import { FilterMessages } from './filter-messages.js';
import { exitError, refusal, type SupervisedModule } from './life-errors.js';
import type { ThreadRun } from './thread-options.js';
import { Watchdog } from './watchdog.js';
import { type ThreadExit, WorkerHost } from './worker-host.js';

/** How a life ended. */
export type LifeEnd =
  /** As the thread was told to; `error`: what went wrong nevertheless. */
  | { readonly kind: 'finished'; readonly error: Error | undefined }
  /** The thread could not make use of the module. */
  | { readonly kind: 'refused'; readonly step: RefusedStep; readonly error: Error }
  /** By itself; `isLoaded`: it came as far as to run code of ours, or hung on the way there. */
  | { readonly kind: 'died'; readonly isLoaded: boolean; readonly error: Error };

/** What a life tells its supervisor. None may throw. */
export interface LifeEvents {
  /** The module is set up and reads. */
  onReady(): void;
  /** @param leftOut failures before it that were counted and not told */
  onHandlerFailure(error: unknown, topic: string, sequence: number, leftOut: number): void;
  onLagged(gaps: MissedGaps): void;
  /** The thread made the room that the parked writer waits for. */
  onRoom(): void;
  /** The thread has exited, and everything that it said has been told. Called once. */
  onEnd(end: LifeEnd): void;
}

/** Between two looks whether a thread is gone. */
const PROBE_MS = 40;
/** Looks that a thread does not hear of before they become noticeably fewer. */
const PROBES_AT_FULL_PACE = 8;

export class ThreadLife {
  readonly #module: SupervisedModule;
  readonly #events: LifeEvents;
  readonly #port: MessagePort;
  readonly #host: WorkerHost;
  readonly #watchdog: Watchdog | undefined;
  readonly #signals = allocateSignals();
  readonly #cells = signalCells(this.#signals);
  readonly #filters: FilterMessages;
  /** The module is set up. */
  isReady = false;
  #wakes = 0;
  /** When it is looked again whether the thread is gone. */
  #probeAtMs = 0;
  #finished = false;
  #refusedStep: RefusedStep | undefined;
  #failure: Error | undefined;

  /**
   * Throws what `new Worker` throws when the system has no thread to give.
   *
   * @param filters what decides the records of this life and what changes it
   * @param heartbeat counts turns of the thread's event loop
   */
  constructor(
    module: SupervisedModule,
    filters: FilterTimeline,
    start: LifeStart,
    run: ThreadRun,
    heartbeat: () => number,
    events: LifeEvents,
  ) {
    this.#module = module;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromThread) => this.#receive(message));
    // Whether a subscription holds the process open is decided in one place, by the bus.
    port1.unref();
    const attachment = {
      ...module,
      filter: filters.entries[0]!.filter.source,
      life: start,
      port: port2,
      signals: this.#signals,
    } satisfies Attachment;
    const host = startHost(run, attachment, port2);
    this.#host = host;
    run.printed.append(host);
    this.#filters = new FilterMessages(filters, this.#cells, (message) => this.send(message));
    host.started.catch((cause: unknown) => {
      this.#kill(new WorkerExitedError(module.name, 'it could not be started', { cause }));
    });
    void host.exited.then((exit) => this.#end(exit));
    const { hangTimeoutMs, name } = module;
    if (hangTimeoutMs === undefined) return;
    this.#watchdog = new Watchdog(hangTimeoutMs, heartbeat, () =>
      this.#kill(new WorkerExitedError(name, `its event loop has not turned for ${hangTimeoutMs} ms`)),
    );
  }

  send(message: ToThread): void {
    this.#port.postMessage(message);
  }

  /** Tells a cooperative loop that its wake word is AWAKE. */
  wake(): unknown {
    this.#wakes++;
    return this.#port.postMessage(WAKE_MESSAGE) as unknown;
  }

  /** The last of the filters was changed. */
  filterChanged(): void {
    this.#filters.changed();
  }

  /** Sends what the thread was not told yet, if it has heard enough. */
  catchUp(): void {
    this.#filters.catchUp();
  }

  /**
   * Whether the thread has ended, or is past running anything: it has let go of the other end of the port. Only a message
   * tells, so the fewer a thread hears, the more seldom it is looked.
   */
  get isGone(): boolean {
    const nowMs = monotonicMs();
    if (nowMs < this.#probeAtMs) return false;
    const unheard = this.#wakes - Atomics.load(this.#cells, WAKES_HEARD);
    this.#probeAtMs = nowMs + PROBE_MS * (1 + unheard / PROBES_AT_FULL_PACE);
    // False once the other end is closed, which a thread's end does after its last code has run, 'exit' listeners included.
    // Documented nowhere, and so on Node 20, 22, 24 and 26, however a thread ends; where it is not, nothing is gone before
    // its exit is heard.
    return this.wake() === false;
  }

  /** Takes what a thread that {@link isGone} has said last. Returns whether it ended by itself. */
  hearLast(): boolean {
    this.#hearAll();
    return !this.#finished && this.#refusedStep === undefined && this.#failure === undefined;
  }

  /** Ends the thread at once, as if it had been told to. */
  terminate(failure?: Error): void {
    this.#finished = true;
    this.#failure ??= failure;
    void this.#host.terminate();
  }

  /** Ends a thread that does not get anywhere. */
  #kill(failure: Error): void {
    this.#failure ??= failure;
    void this.#host.terminate();
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.isReady = true;
        this.#events.onReady();
        break;
      case 'room':
        // First: from now on the thread says it anew.
        Atomics.add(this.#cells, ROOMS_HEARD, 1);
        this.#events.onRoom();
        break;
      case 'lagged':
        Atomics.add(this.#cells, LAGS_HEARD, 1);
        this.#events.onLagged(message.gaps);
        break;
      case 'handler-failed':
        Atomics.add(this.#cells, FAILURES_HEARD, 1);
        this.#events.onHandlerFailure(uncrossError(message.error), message.topic, message.sequence, message.leftOut);
        break;
      case 'refused':
        this.#refusedStep = message.step;
        this.#failure = refusal(this.#module, message.step, message.error);
        void this.#host.terminate();
        break;
      case 'stopped':
        if (message.error !== undefined) {
          const cause = uncrossError(message.error);
          this.#failure = new WorkerExitedError(this.#module.name, 'its teardown failed', { cause });
        }
        this.terminate();
        break;
    }
  }

  #end(exit: ThreadExit): void {
    this.#hearAll();
    this.#filters.end();
    this.#port.close();
    void this.#host.terminate();
    this.#watchdog?.stop();
    this.#events.onEnd(this.#describeEnd(exit));
  }

  /** What the thread said last may still wait there, or not be said at all. */
  #hearAll(): void {
    const port = this.#port;
    for (let entry = receiveMessageOnPort(port); entry !== undefined; entry = receiveMessageOnPort(port)) {
      this.#receive(entry.message as FromThread);
    }
    const untold = new KeptLag(this.#signals).untold(Atomics.load(this.#cells, LAGS_HEARD));
    if (untold === undefined) return;
    Atomics.add(this.#cells, LAGS_HEARD, 1);
    this.#events.onLagged(untold);
  }

  #describeEnd(exit: ThreadExit): LifeEnd {
    const error = this.#failure;
    if (this.#finished) return { kind: 'finished', error };
    if (this.#refusedStep !== undefined) return { kind: 'refused', step: this.#refusedStep, error: error! };
    const isLoaded = this.#host.hasLoaded || this.#watchdog?.isHanging === true;
    return { kind: 'died', isLoaded, error: error ?? exitError(this.#module.name, exit) };
  }
}

function startHost({ options, transferList }: ThreadRun, attachment: Attachment, port: MessagePort): WorkerHost {
  try {
    return new WorkerHost(options, attachment, [port, ...transferList]);
  } catch (error) {
    // And with it the other end, which listens.
    port.close();
    throw error;
  }
}
