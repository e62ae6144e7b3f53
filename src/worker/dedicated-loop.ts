/**
 * Drives a dispatcher in a thread of its own that blocks while there is nothing to read: the lowest latency, at the price
 * of the thread's event loop, which runs only while a handler's promise is pending.
 */
import type { RingReader } from '../ring/ring-reader.js';
import type { Dispatcher } from './dispatcher.js';

/** Longest blocked wait: then the loop looks at its port and for a wake-up that never came. */
const WAIT_SLICE_MS = 100;
const STEP_BUDGET_MS = 50;

export class DedicatedLoop {
  readonly #reader: RingReader;
  readonly #dispatcher: Dispatcher;
  readonly #onTurn: () => void;
  readonly #readPort: () => void;
  readonly #run = (): void => this.#turns();
  #stopped = false;
  #nudged = false;

  /**
   * @param onTurn called after each step of the dispatcher
   * @param readPort handles the messages that wait on the thread's port
   */
  constructor(reader: RingReader, dispatcher: Dispatcher, onTurn: () => void, readPort: () => void) {
    this.#reader = reader;
    this.#dispatcher = dispatcher;
    this.#onTurn = onTurn;
    this.#readPort = readPort;
  }

  start(): void {
    setImmediate(this.#run);
  }

  /** A batch whose handlers were pending has settled. */
  settled(): void {
    if (!this.#stopped) setImmediate(this.#run);
  }

  /** The blocked wait notices by itself. */
  notified(): void {}

  /** Ends the wait, so that records are looked at once more. */
  nudge(): void {
    this.#nudged = true;
  }

  stop(): void {
    this.#stopped = true;
  }

  #turns(): void {
    while (!this.#stopped) {
      this.#readPort();
      if (this.#stopped) return;
      const step = this.#dispatcher.step(STEP_BUDGET_MS);
      this.#onTurn();
      if (step === 'waiting') return;
      if (step === 'idle' && !this.#stopped && this.#reader.fallAsleep()) this.#sleep();
    }
  }

  #sleep(): void {
    let suspect: number | undefined;
    this.#nudged = false;
    while (!this.#reader.awake) {
      this.#reader.waitAwake(WAIT_SLICE_MS);
      this.#readPort();
      if (this.#reader.awake) break;
      const unread = this.#reader.flushedUnread;
      const certain = unread !== undefined && unread === suspect;
      suspect = unread;
      if ((certain || this.#nudged || this.#stopped) && this.#reader.wakeSelf()) {
        if (certain) this.#dispatcher.watchUntil(unread);
        break;
      }
    }
    const sequence = this.#reader.resume();
    if (sequence >= 0) this.#dispatcher.skipTo(sequence);
  }
}
