/** What happened in a round of threads, by whom no log is kept: printed where a law is broken, so that it explains itself. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Bus } from '../../src/bus/bus.js';
import type { ChannelMessages, Subscription } from '../../src/index.js';

const OPENED = 'ringcast:connection:opened';
/** The last ones are kept. */
const MAX_LINES = 80;

export class RoundHistory implements Disposable {
  readonly #bus: Bus;
  readonly #stamps: Int32Array;
  readonly #lines: string[] = [];
  readonly #onOpened = (message: unknown): void => {
    const { bus, connection } = message as ChannelMessages[typeof OPENED];
    if (bus === this.#bus) this.note(`has met ${connection}`);
  };

  /** @param stamps the counter that entries of logs are stamped from: it tells what came before what */
  constructor(bus: Bus, stamps: SharedArrayBuffer) {
    this.#bus = bus;
    this.#stamps = new Int32Array(stamps);
    subscribe(OPENED, this.#onOpened);
    bus.on('disconnect', ({ name, reason, lost }) => this.note(`${name} disconnected: ${reason}, ${lost} lost`));
    bus.on('deadLetter', ({ sequence, deaths }) => this.note(`${sequence} is skipped after ${deaths} deaths`));
  }

  /** Entries that were made so far, in all logs. */
  get stamp(): number {
    return Atomics.load(this.#stamps, 0);
  }

  note(text: string): void {
    this.#lines.push(`  at stamp ${this.stamp}: ${text}`);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** Where the reader of a module is, and what it has counted. */
  noteReader(what: string, subscription: Subscription): void {
    const { owedFrom, joinSequence, endSequence } = subscription.delivery;
    const { scanned, delivered, failed, lagged, restarts, evicted, state } = subscription.stats();
    const counts = { state, scanned, delivered, failed, lagged, restarts, evicted };
    this.note(
      `${what}; released up to position ${owedFrom}, ${JSON.stringify({ joinSequence, endSequence, ...counts })}`,
    );
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  [Symbol.dispose](): void {
    unsubscribe(OPENED, this.#onOpened);
  }
}
