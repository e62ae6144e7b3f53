/** Tells on a diagnostics channel that there is no room: once, until what was queued behind that is written. */
import type { EventEmitter } from 'node:events';
import { publishFull } from './channels.js';

export class FullNews {
  readonly #bus: EventEmitter;
  readonly #heldBy: () => string | undefined;
  #isTold = false;

  /** @param bus the bus, or the connection */
  constructor(bus: EventEmitter, heldBy: () => string | undefined) {
    this.#bus = bus;
    this.#heldBy = heldBy;
  }

  /** @param events that wait by now */
  queued(events: number): void {
    if (this.#isTold || events === 0) return;
    this.#isTold = true;
    if (publishFull.hasSubscribers) publishFull.publish({ bus: this.#bus, heldBy: this.#heldBy() });
  }

  /** Nothing waits any more. */
  drained(): void {
    this.#isTold = false;
  }
}
