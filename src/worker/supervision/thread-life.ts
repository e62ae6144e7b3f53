/**
 * One life of a subscriber's thread as the bus sees it: the thread, the port to it and its watchdog, from the start to the
 * exit. It says how it ended; what comes after is up to the supervisor.
 */
import type { MessagePort } from 'node:worker_threads';
import { WorkerExitedError } from '../../errors.js';
import { post, takeMessages } from '../../host/ports.js';
import { clearTimeout, setTimeout } from '../../host/timing.js';
import { workerThreads } from '../../host/worker-threads.js';
import type { FilterTimeline } from '../dispatch/filter-timeline.js';
import { KeptLag, type MissedGaps } from '../kept-lag.js';
import { allocateSignals, FAILURES_HEARD, LAGS_HEARD, READY, ROOMS_HEARD, signalCells } from '../signals.js';
import {
  type Attachment,
  type ConnectionNews,
  type FromThread,
  type LifeStart,
  type RefusedStep,
  type ToThread,
  uncrossError,
} from '../worker-protocol.js';
import { FilterMessages } from './filter-messages.js';
import { exitError, failureOf, refusal, type SupervisedModule } from './life-errors.js';
import { ThreadProbe } from './thread-probe.js';
import { type Host, startHost, type ThreadRun } from './thread-run.js';
import { Watchdog } from './watchdog.js';
import type { ThreadExit } from './worker-host.js';

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
  onConnection(news: ConnectionNews): void;
  /** The thread has exited, and everything that it said has been told. Called once. */
  onEnd(end: LifeEnd): void;
}

export class ThreadLife {
  readonly #module: SupervisedModule;
  readonly #events: LifeEvents;
  readonly #port: MessagePort;
  readonly #host: Host;
  readonly #watchdog: Watchdog | undefined;
  readonly #signals = allocateSignals();
  readonly #cells = signalCells(this.#signals);
  readonly #filters: FilterMessages;
  readonly #probe: ThreadProbe;
  #finished = false;
  #hasEnded = false;
  readonly #run: ThreadRun;
  #exitTimer: NodeJS.Timeout | undefined;
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
    this.#run = run;
    this.#events = events;
    const { port1, port2 } = new (workerThreads().MessageChannel)();
    this.#port = port1;
    port1.on('message', (message: FromThread) => this.#receive(message));
    this.#probe = new ThreadProbe(port1, this.#cells);
    // Whether a subscription holds the process open is decided in one place, by the bus.
    port1.unref();
    const attachment = {
      ...module,
      // A copy: a thread that takes it later is told of what follows, too.
      earlier: [...module.earlier],
      filter: filters.entries[0]!.filter.source,
      life: start,
      port: port2,
      signals: this.#signals,
    } satisfies Attachment;
    const host = startHost(run, attachment);
    this.#host = host;
    run.printed.append(host);
    this.#filters = new FilterMessages(filters, this.#cells, (message) => this.send(message));
    host.started.catch((cause: unknown) => {
      this.#kill(failureOf(module.name, 'it could not be started', cause));
    });
    void host.exited.then((exit) => this.#end(exit));
    const { hangTimeoutMs, name } = module;
    if (hangTimeoutMs === undefined) return;
    this.#watchdog = new Watchdog(hangTimeoutMs, heartbeat, () =>
      this.#kill(new WorkerExitedError(name, `its event loop has not turned for ${hangTimeoutMs} ms`)),
    );
  }

  send(message: ToThread): void {
    post(this.#port, message);
  }

  /** Tells a cooperative loop that its wake word is AWAKE. */
  wake(): void {
    this.#probe.wake();
  }

  /** The last of the filters was changed. */
  filterChanged(): void {
    this.#filters.changed();
  }

  /** Sends what the thread was not told yet, if it has heard enough. */
  catchUp(): void {
    this.#filters.catchUp();
  }

  /** Whether the module is set up, and the thread reads; known before it is heard of. */
  get isReady(): boolean {
    return Atomics.load(this.#cells, READY) === 1;
  }

  /** Whether the thread has ended, or is past running anything. */
  get isGone(): boolean {
    return this.#probe.isGone;
  }

  /** Takes what a thread that {@link isGone} has said last. Returns whether it ended by itself. */
  hearLast(): boolean {
    this.#hearLast();
    return !this.#finished && this.#refusedStep === undefined && this.#failure === undefined;
  }

  /** Ends the thread at once, as if it had been told to. */
  terminate(failure?: Error): void {
    this.#finished = true;
    this.#failure ??= failure;
    this.#endHost();
  }

  /** Takes it that the thread has exited: it runs nothing any more, and nobody says so. */
  abandon(): void {
    if (!this.#finished) this.#failure ??= new WorkerExitedError(this.#module.name, 'it is gone, and nothing said why');
    this.#end({ exitCode: 1, error: undefined });
  }

  /** Ends a thread that does not get anywhere. */
  #kill(failure: Error): void {
    this.#failure ??= failure;
    this.#endHost();
  }

  /** From now on the thread runs nothing, though it exits only when it returns from a call into the system. */
  #endHost(): void {
    void this.#host.terminate();
    this.#exitTimer ??= setTimeout(() => this.abandon(), this.#run.hosting.exitPatienceMs).unref();
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#events.onReady();
        break;
      case 'room':
        // First: from now on the thread says it anew.
        Atomics.add(this.#cells, ROOMS_HEARD, 1);
        this.#events.onRoom();
        break;
      case 'connected':
      case 'passed':
        this.#events.onConnection(message);
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
        this.#endHost();
        break;
      case 'stopped':
        if (message.error !== undefined) {
          this.#failure = failureOf(this.#module.name, 'its teardown failed', uncrossError(message.error));
        }
        this.terminate();
        break;
    }
  }

  #end(exit: ThreadExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#exitTimer);
    this.#hearLast();
    this.#filters.end();
    this.#port.close();
    void this.#host.terminate();
    this.#watchdog?.stop();
    this.#events.onEnd(this.#describeEnd(exit));
  }

  /** Takes all that the thread has said by now. */
  hear(): void {
    const port = this.#port;
    takeMessages(port, (message: FromThread) => this.#receive(message));
  }

  /** The thread is gone: what it said last may still wait there, or not be said at all. */
  #hearLast(): void {
    this.hear();
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
