/**
 * One life of a subscriber's thread as the bus sees it: the thread, the port to it and its watchdog, from the start to the
 * exit. It says how it ended; what comes after is up to the supervisor.
 */
import { MessageChannel, type MessagePort, type ResourceLimits, receiveMessageOnPort } from 'node:worker_threads';
import {
  CannotBlockError,
  ModuleLoadError,
  ModuleShapeError,
  TypesModuleError,
  WorkerExitedError,
} from '../../errors.js';
import { showThrown } from '../../shown.js';
import type { FilterInput } from '../../topic/filter.js';
import { hearReport } from '../failure-reports.js';
import type { LagRange } from '../lag.js';
import {
  type Attachment,
  type CrossedError,
  type FromThread,
  type LifeStart,
  type RefusedStep,
  type ToThread,
  uncrossError,
  WAKE_MESSAGE,
} from '../worker-protocol.js';
import { Watchdog } from './watchdog.js';
import { type ThreadExit, WorkerHost } from './worker-host.js';

/** What all lives of a thread have in common. */
export type SupervisedModule = Omit<Attachment, 'port' | 'life' | 'filter' | 'reportsHeard'>;

/** How a life ended. */
export type LifeEnd =
  /** As the thread was told to; `error`: what went wrong nevertheless. */
  | { readonly kind: 'finished'; readonly error: Error | undefined }
  /** The thread could not make use of the module. */
  | { readonly kind: 'refused'; readonly step: RefusedStep; readonly error: Error }
  /** By itself. */
  | { readonly kind: 'died'; readonly error: Error };

/** What a life tells its supervisor. None may throw. */
export interface LifeEvents {
  /** The module is set up and reads. */
  onReady(): void;
  /** @param leftOut failures before it that were counted and not told */
  onHandlerFailure(error: unknown, topic: string, sequence: number, leftOut: number): void;
  /** @param handledBefore events that were handled before what was missed, failed ones included */
  onLagged(range: LagRange, handledBefore: number): void;
  /** The thread made the room that the parked writer waits for. */
  onRoom(): void;
  /** The thread has exited, and everything that it said has been told. Called once. */
  onEnd(end: LifeEnd): void;
}

export class ThreadLife {
  readonly #module: SupervisedModule;
  readonly #events: LifeEvents;
  readonly #port: MessagePort;
  readonly #host: WorkerHost;
  readonly #watchdog: Watchdog | undefined;
  readonly #reportsHeard = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  #finished = false;
  #refusedStep: RefusedStep | undefined;
  #failure: Error | undefined;

  /**
   * Throws what `new Worker` throws when the system has no thread to give.
   *
   * @param filter decides the first records
   * @param heartbeat counts turns of the thread's event loop
   */
  constructor(
    module: SupervisedModule,
    filter: FilterInput,
    start: LifeStart,
    resourceLimits: ResourceLimits | undefined,
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
      filter,
      life: start,
      port: port2,
      reportsHeard: this.#reportsHeard,
    } satisfies Attachment;
    const host = startHost(resourceLimits, attachment, port2);
    this.#host = host;
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

  /** Whether the thread has ended, or is past running anything: it has let go of the other end of the port. */
  get isGone(): boolean {
    // False once the other end is closed, which a thread's end does after its last code has run, 'exit' listeners included.
    // Documented nowhere, and so on Node 20, 22, 24 and 26, however a thread ends; where it is not, nothing is gone before
    // its exit is heard.
    return (this.#port.postMessage(WAKE_MESSAGE) as unknown) === false;
  }

  /** Takes what a thread that {@link isGone} has said last. Returns whether it ended by itself. */
  hearLast(): boolean {
    this.#readPort();
    return !this.#finished && this.#refusedStep === undefined && this.#failure === undefined;
  }

  /** Ends the thread at once, as if it had been told to. */
  terminate(): void {
    this.#finished = true;
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
        this.#events.onReady();
        break;
      case 'room':
        this.#events.onRoom();
        break;
      case 'lagged':
        this.#events.onLagged(message.range, message.handledBefore);
        break;
      case 'handler-failed':
        hearReport(this.#reportsHeard);
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
    // What the thread said last may still wait there.
    this.#readPort();
    this.#port.close();
    void this.#host.terminate();
    this.#watchdog?.stop();
    this.#events.onEnd(this.#describeEnd(exit));
  }

  #readPort(): void {
    const port = this.#port;
    for (let entry = receiveMessageOnPort(port); entry !== undefined; entry = receiveMessageOnPort(port)) {
      this.#receive(entry.message as FromThread);
    }
  }

  #describeEnd(exit: ThreadExit): LifeEnd {
    const error = this.#failure;
    if (this.#finished) return { kind: 'finished', error };
    if (this.#refusedStep !== undefined) return { kind: 'refused', step: this.#refusedStep, error: error! };
    return { kind: 'died', error: error ?? exitError(this.#module.name, exit) };
  }
}

function startHost(resourceLimits: ResourceLimits | undefined, attachment: Attachment, port: MessagePort): WorkerHost {
  try {
    return new WorkerHost(resourceLimits, attachment, [port]);
  } catch (error) {
    // And with it the other end, which listens.
    port.close();
    throw error;
  }
}

function exitError(name: string, { exitCode, error: cause }: ThreadExit): Error {
  if (cause === undefined) return new WorkerExitedError(name, `exit code ${exitCode}`);
  return new WorkerExitedError(name, showThrown(cause), { cause });
}

/** Why the thread could not make use of the module, in the words of this side. */
function refusal({ name, moduleUrl }: SupervisedModule, step: RefusedStep, crossed: CrossedError): Error {
  const cause = uncrossError(crossed);
  const { code, reason, url } = crossed.fields;
  const text = reason ?? showThrown(cause);
  if (code === 'BUS_CANNOT_BLOCK') return new CannotBlockError((cause as Error).cause);
  if (step === 'types') return new TypesModuleError(url ?? '', text, { cause });
  if (step === 'setup') return new WorkerExitedError(name, `its setup failed: ${text}`, { cause });
  if (code === 'BUS_MODULE_SHAPE') return new ModuleShapeError(moduleUrl, text);
  return new ModuleLoadError(moduleUrl, code === 'BUS_MODULE_LOAD' ? (cause as Error).cause : cause);
}
