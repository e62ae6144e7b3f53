/**
 * The bus as a subscriber module has it in its thread: `context.bus`, and what `emit` emits to. Connects when it is first asked
 * for; what that takes is loaded then.
 */
import type { MessagePort } from 'node:worker_threads';
import { reportError } from '../host/report.js';
import { setThreadEmitter } from '../host/thread-emitter.js';
import { requireModuleBus } from '../package-files.js';
import { errorOf } from '../shown.js';
import { sendToBus } from './thread-reports.js';
import type { Attachment } from './worker-protocol.js';

/** What of an emitter a thread needs. */
interface ModuleEmitter {
  emit(topic: string, event: unknown, options?: { readonly throws?: boolean }): boolean;
  withNamespace?(namespace: string): ModuleEmitter;
}

/** What connects a module: see `src/module-bus.ts`, which the thread loads for it. */
export interface ModuleConnector {
  connect(way: ModuleWay): ModuleConnection;
}

/** How a module connects. */
export interface ModuleWay extends Pick<Attachment, 'bus' | 'ring' | 'reader' | 'name'> {
  /** Says hello to the owner. */
  greet(hello: object, port: MessagePort): void;
  /** Whether the reader waits for what the module does now. */
  isBusy(): boolean;
}

/** The connection of a module, once there is one. */
export interface ModuleConnection {
  /** What the module gets. */
  readonly bus: { emitter(): ModuleEmitter };
  /** Accepted events wait on this thread's heap, behind a full uplink. */
  readonly isQueued: boolean;
  /** Calls a handler as one that has events in hand, in the async context of the caller. */
  call<E>(handle: (events: E) => unknown, events: E): unknown;
  /** Takes what the owner has said, where no event loop brings it. */
  hear(): void;
  /** Resolves when the owner has everything that was accepted. */
  close(): Promise<unknown>;
}

export class ModuleBus {
  /** Undefined until the module has asked for it. */
  connection: ModuleConnection | undefined;
  /** Whether the reader waits for what the module does now: while that sets itself up, and while it handles. */
  isBusy = (): boolean => true;
  #hasPassed = false;
  readonly #attachment: Attachment;
  #emitter: ModuleEmitter | undefined;

  constructor(attachment: Attachment) {
    this.#attachment = attachment;
    setThreadEmitter({
      emit: (topic, event, options) => this.#emit(topic, event, options),
      withNamespace: (namespace) => this.#ownEmitter().withNamespace!(namespace),
    } satisfies ModuleEmitter);
  }

  /**
   * The connection as the module gets it.
   *
   * @throws {TypesModuleError} `BUS_TYPES_MODULE`
   * @throws {UnknownTypeError} `BUS_UNKNOWN_TYPE` when `topicTypes` of the bus names a type that only the owner's thread has
   * @throws {DependencyNotFoundError} `BUS_DEPENDENCY_NOT_FOUND` in a bundle that runs where the package is not installed
   */
  get bus(): object {
    this.connection ??= this.#connect();
    return this.connection.bus;
  }

  /** Calls a handler of the module. */
  call<E>(handle: (events: E) => unknown, events: E): unknown {
    return this.connection === undefined ? handle(events) : this.connection.call(handle, events);
  }

  /** The module handles nothing any more: what its reader has passed must not hold up what it publishes now. */
  passed(): void {
    this.#hasPassed = true;
    this.isBusy = () => false;
    if (this.connection !== undefined) sendToBus(this.#attachment.port, { kind: 'passed' });
  }

  /** Resolves when the owner has everything that was accepted. */
  async close(): Promise<void> {
    await this.connection?.close();
  }

  #connect(): ModuleConnection {
    const { bus, ring, reader, name, port } = this.#attachment;
    const { connect } = requireModuleBus() as ModuleConnector;
    const greet = (hello: object, own: MessagePort): void =>
      sendToBus(port, { kind: 'connected', hello, port: own }, [own]);
    const connection = connect({ bus, ring, reader, name, greet, isBusy: () => this.isBusy() });
    if (this.#hasPassed) sendToBus(port, { kind: 'passed' });
    return connection;
  }

  #ownEmitter(): ModuleEmitter {
    if (this.#emitter === undefined) {
      void this.bus;
      this.#emitter = this.connection!.bus.emitter();
    }
    return this.#emitter;
  }

  #emit(topic: string, event: unknown, options: { readonly throws?: boolean } | undefined): boolean {
    let emitter: ModuleEmitter;
    try {
      emitter = this.#ownEmitter();
    } catch (error) {
      if (options?.throws === true) throw error;
      reportError(errorOf(error));
      return false;
    }
    return emitter.emit(topic, event, options);
  }
}
