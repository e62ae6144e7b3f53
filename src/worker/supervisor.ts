/**
 * Keeps one subscriber module going in a thread: starts it, passes on what it says, notices its end.
 *
 * The reader's slot belongs to the supervisor from the subscription until `onEnd`: it is given back only after the thread
 * has exited, for until then the thread may still touch it.
 */
import { MessageChannel, type MessagePort, type ResourceLimits, receiveMessageOnPort } from 'node:worker_threads';
import { ModuleLoadError, ModuleShapeError, TypesModuleError, WorkerExitedError } from '../errors.js';
import { type ThreadExit, WorkerHost } from './worker-host.js';
import {
  type Attachment,
  type CrossedError,
  type FromThread,
  type RefusedStep,
  type ToThread,
  uncrossError,
} from './worker-protocol.js';

/** What a supervisor tells its owner. None may throw. */
export interface SupervisorEvents {
  /** The module is set up and reads. */
  onReady(): void;
  onHandlerFailure(error: unknown, topic: string, sequence: number): void;
  /** The thread made the room that the parked writer waits for. */
  onRoom(): void;
  /** The thread has ended, and with it the subscription: as asked, or because of `error`. Called once. */
  onEnd(error: Error | undefined): void;
}

export class Supervisor {
  readonly #name: string;
  readonly #moduleUrl: string;
  readonly #events: SupervisorEvents;
  readonly #host: WorkerHost;
  readonly #port: MessagePort;
  #failure: Error | undefined;
  #stopping = false;
  /** The thread has said something. */
  #heard = false;

  constructor(
    attachment: Omit<Attachment, 'port'>,
    resourceLimits: ResourceLimits | undefined,
    events: SupervisorEvents,
  ) {
    this.#name = attachment.name;
    this.#moduleUrl = attachment.moduleUrl;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromThread) => this.#receive(message));
    // Whether a subscription holds the process open is decided in one place, by the bus.
    port1.unref();
    this.#host = new WorkerHost(resourceLimits);
    this.#host.run({ ...attachment, port: port2 }, [port2]).catch((error: unknown) => {
      // A thread that reads, or refused, says itself how it ends; anything else is an entry that does not load.
      if (this.#heard) return;
      this.#failure ??= new WorkerExitedError(this.#name, 'it could not be started', { cause: error });
      void this.#host.terminate();
    });
    void this.#host.exited.then((exit) => this.#end(exit));
  }

  /** Tells a cooperative loop that its wake word is AWAKE. Costs the caller some microseconds. */
  wake(): void {
    this.#send({ kind: 'wake' });
  }

  /** Lets the thread deliver what has a sequence below `endSequence`, tear its module down and end. */
  stop(endSequence: number): void {
    this.#stopping = true;
    this.#send({ kind: 'stop', endSequence });
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    this.#stopping = true;
    await this.#host.terminate();
  }

  #send(message: ToThread): void {
    this.#port.postMessage(message);
  }

  #receive(message: FromThread): void {
    this.#heard = true;
    switch (message.kind) {
      case 'ready':
        this.#events.onReady();
        break;
      case 'room':
        this.#events.onRoom();
        break;
      case 'handler-failed':
        this.#events.onHandlerFailure(uncrossError(message.error), message.topic, message.sequence);
        break;
      case 'refused':
        this.#failure = this.#refusal(message.step, message.error);
        void this.#host.terminate();
        break;
      case 'stopped':
        if (message.error !== undefined) {
          this.#failure = new WorkerExitedError(this.#name, 'its teardown failed', {
            cause: uncrossError(message.error),
          });
        }
        void this.#host.terminate();
        break;
    }
  }

  #refusal(step: RefusedStep, crossed: CrossedError): Error {
    const cause = uncrossError(crossed);
    const { code, reason, url } = crossed.fields;
    const text = reason ?? (cause instanceof Error ? cause.message : String(cause));
    if (step === 'types') return new TypesModuleError(url ?? '', text, { cause });
    if (step === 'setup') return new WorkerExitedError(this.#name, `its setup failed: ${text}`, { cause });
    if (code === 'BUS_MODULE_SHAPE') return new ModuleShapeError(this.#moduleUrl, text);
    return new ModuleLoadError(this.#moduleUrl, cause instanceof Error ? cause.cause : cause);
  }

  #end(exit: ThreadExit): void {
    // What the thread said last may still wait on the port.
    for (let entry = receiveMessageOnPort(this.#port); entry !== undefined; entry = receiveMessageOnPort(this.#port)) {
      this.#receive(entry.message as FromThread);
    }
    this.#port.close();
    if (exit.error !== undefined) {
      const text = exit.error instanceof Error ? exit.error.message : String(exit.error);
      this.#failure ??= new WorkerExitedError(this.#name, text, { cause: exit.error });
    } else if (!this.#stopping) {
      this.#failure ??= new WorkerExitedError(this.#name, `exit code ${exit.exitCode}`);
    }
    void this.#host.terminate();
    this.#events.onEnd(this.#failure);
  }
}
