/** The connections of a bus, which costs nothing for them until it is asked for its handle, or a module connects. */
import type { MessagePort } from 'node:worker_threads';
import { type BusHandle, makeHandle } from '../../connect/bus-handle.js';
import type { Hello } from '../../connect/connection-messages.js';
import { Connections } from '../../connect/connections.js';
import { ConnectionTopics } from '../../connect/waits/connection-topics.js';
import { ModuleDelivery } from '../../subscribe/module-delivery.js';
import type { ResolvedBusOptions } from '../bus-options.js';
import type { BusParts } from '../bus-parts.js';

export class LazyConnections {
  readonly #parts: BusParts;
  readonly #options: ResolvedBusOptions;
  #id: string | undefined;
  /** Undefined until somebody may connect. */
  opened: Connections | undefined;
  #isClosing = false;

  constructor(parts: BusParts, options: ResolvedBusOptions) {
    this.#parts = parts;
    this.#options = options;
    parts.modules.handle = () => this.#handle;
    parts.modules.meet = (hello, port) => this.#meet(hello as Hello, port);
  }

  /** Opens the bus to connections: a BroadcastChannel, unref'd. */
  open(): BusHandle {
    const handle = this.#handle;
    if (this.opened === undefined) {
      const opened = new Connections(this.#parts, handle.busId);
      this.opened = opened;
      this.#parts.arrivals.elsewhere = new ConnectionTopics(() => opened.all);
      this.#parts.readers.onHeld = (reader) => this.#lookForDeadlock(reader);
    }
    return handle;
  }

  /** The bus is closing: connections accept nothing more. Resolves when what they had accepted has been taken over. */
  async close(): Promise<void> {
    // What a module had accepted, it had accepted after it said that it connects.
    for (const { delivery } of this.#parts.subscriptions.all) if (delivery instanceof ModuleDelivery) delivery.hear();
    this.#isClosing = true;
    await this.opened?.close();
  }

  /** Ends all connections at once. Returns how many accepted events were not taken over. */
  abandon(): number {
    this.#isClosing = true;
    return this.opened?.abandon() ?? 0;
  }

  get #handle(): BusHandle {
    this.#id ??= process.getBuiltinModule('node:crypto').randomUUID();
    return makeHandle(this.#id, this.#parts.attachment, this.#options);
  }

  /** Somebody waits for what a reader holds. */
  #lookForDeadlock(reader: number): void {
    const { gate, tail } = this.#parts.writer;
    if (reader < 0) return;
    const released = gate.released(reader, tail);
    for (const connection of this.opened!.all) connection.lookForDeadlock(reader, released);
  }

  #meet(hello: Hello, port: MessagePort): () => void {
    if (this.opened === undefined && this.#isClosing) {
      // A module that connects to a closing bus has accepted nothing.
      port.close();
      return () => {};
    }
    this.open();
    return this.opened!.greet(hello, port);
  }
}
