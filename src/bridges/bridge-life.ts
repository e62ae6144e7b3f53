/** What the bridges of this package have in common: being attached, telling what happens to them, and ending. */
import { EventEmitter } from 'node:events';
import { onAbort } from '../host/abort-signal.js';
import { emitSafely, unwatched } from '../host/report.js';
import type {
  Bridge,
  BridgeAttachment,
  BridgeCounts,
  BridgeEvents,
  BridgeGap,
  Envelope,
  FilterInput,
  ForwardOptions,
  HandlerOptions,
  Subscription,
} from '../index.js';
import { BridgeClosedError } from './bridge-errors.js';

/** What the topics begin with on which a bus tells of itself. */
export const RESERVED = '/ringcast/';

/** What bridges use of a bus: any `Bus` is one, whatever its topics. */
export interface BridgedBus {
  forward(envelope: Uint8Array, options?: ForwardOptions): boolean;
  forwardAll(run: Uint8Array, options?: ForwardOptions): number;
  writable(): Promise<void>;
  subscribe(
    filter: FilterInput,
    handler: (envelope: Envelope) => void | Promise<void>,
    options?: HandlerOptions,
  ): Subscription;
  attach(bridge: Bridge): BridgeAttachment;
}

export abstract class BridgeLife extends EventEmitter<BridgeEvents> implements Bridge, AsyncDisposable {
  readonly name: string;
  /** Resolves when the bridge works for the first time; rejects when it never will, or was closed before. */
  readonly ready: Promise<void>;
  readonly #settle: { resolve(): void; reject(error: Error): void };
  #connected: boolean | undefined;
  #closing: Promise<void> | undefined;
  #attachment: BridgeAttachment | undefined;
  #stopListening = (): void => {};

  constructor(name: string) {
    super();
    this.name = name;
    let settle!: { resolve(): void; reject(error: Error): void };
    this.ready = unwatched(
      new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
      }),
    );
    this.#settle = settle;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Its counters since it began. */
  abstract stats(): BridgeCounts;

  /** What {@link close} does, once. */
  protected abstract end(): Promise<void>;

  /** Ends the bridge; resolves when what was in hand is dealt with. Calling it again returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Registers the bridge with its bus, and ends it when `signal` is aborted.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when the bus has a bridge of that name
   * @throws {BusClosedError} `BUS_CLOSED`
   */
  protected attachTo(bus: Pick<BridgedBus, 'attach'>, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    this.#attachment = bus.attach(this);
    if (signal !== undefined) this.#stopListening = onAbort(signal, () => void this.close());
  }

  protected toldConnected(): void {
    if (this.closed || this.#connected === true) return;
    this.#connected = true;
    this.#settle.resolve();
    emitSafely(this, 'connected');
  }

  protected toldDisconnected(error: Error): void {
    if (this.closed || this.#connected === false) return;
    this.#connected = false;
    emitSafely(this, 'disconnected', error);
  }

  protected toldGap(gap: BridgeGap): void {
    emitSafely(this, 'gap', gap);
  }

  /** It will never work: the caller has to change something. */
  protected toldFailed(error: Error): void {
    this.#settle.reject(error);
    this.toldDisconnected(error);
  }

  async #close(): Promise<void> {
    this.#stopListening();
    try {
      // What it calls finds it closed.
      await undefined;
      await this.end();
    } finally {
      this.#settle.reject(new BridgeClosedError(`bridge ${this.name}`));
      this.#attachment?.detach();
    }
  }
}
