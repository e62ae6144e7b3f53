/**
 * Drives a dispatcher in an event loop: runs while there is something to read, sleeps when there is not. It shares the
 * turns of the loop with all others of the thread.
 */

import { clearInterval, setImmediate, setInterval } from '../host/timing.js';
import type { RingReader } from '../ring/ring-reader.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import { type TurnTask, turns } from './dispatch/turns.js';

/** At most ten safety checks a second. */
const SAFETY_CHECK_MS = 100;

export class Pump {
  readonly #reader: RingReader;
  readonly #dispatcher: Dispatcher;
  readonly #onTurn: () => void;
  readonly #run: TurnTask = (budgetMs) => this.#turn(budgetMs);
  #asleep = false;
  #scheduled = false;
  #stopped = false;
  #safetyTimer: NodeJS.Timeout | undefined;
  /** What the last safety check found unread although its readers were told. */
  #suspect: number | undefined;

  /** @param onTurn called after each turn, when RELEASED and the counters are as they will be seen from outside */
  constructor(reader: RingReader, dispatcher: Dispatcher, onTurn: () => void) {
    this.#reader = reader;
    this.#dispatcher = dispatcher;
    this.#onTurn = onTurn;
  }

  /** Starts reading; what is there is dispatched in a turn of its own. */
  start(): void {
    this.#safetyTimer = setInterval(() => this.#checkSafety(), SAFETY_CHECK_MS).unref();
    this.#schedule();
  }

  /** The writer has set the wake word to AWAKE and said so. */
  notified(): void {
    if (this.#asleep && this.#reader.sleep.awake) this.#wakeUp();
  }

  /** A batch whose handlers were pending has settled. */
  settled(): void {
    this.#schedule();
  }

  /** Lets nothing more be dispatched. A handler may still be pending. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#safetyTimer);
  }

  /** Ends a sleep, so that records are looked at once more. */
  nudge(): void {
    if (!this.#asleep || this.#stopped) return;
    if (this.#reader.sleep.wakeSelf()) this.#wakeUp();
    // The writer has charge of the reader for a moment: it either wakes it, or gives it back.
    else setImmediate(() => this.nudge());
  }

  #wakeUp(): void {
    this.#asleep = false;
    const sequence = this.#reader.resume();
    if (sequence >= 0) this.#dispatcher.delivery.skipTo(sequence);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    turns.add(this.#run);
  }

  #turn(budgetMs: number): void {
    this.#scheduled = false;
    // Not kept back by a pending handler: the turn before may have ended inside a batch, of which the rest is due.
    if (this.#stopped || this.#asleep) return;
    const seen = this.#dispatcher.nextSequence;
    const step = this.#dispatcher.step(budgetMs);
    this.#onTurn();
    if (step === 'waiting' || this.#stopped) return;
    // A reader that just had work looks once more before it sleeps: a wake costs the writer microseconds.
    if (step === 'more' || this.#dispatcher.nextSequence !== seen || !this.#reader.sleep.fallAsleep()) this.#schedule();
    else this.#asleep = true;
  }

  /**
   * Finds a wake-up that never came: the same unread records in two checks, and the wake word still set. It never should;
   * `rescued` counts the times when one of those records was wanted.
   */
  #checkSafety(): void {
    const unread = this.#asleep ? this.#reader.sleep.flushedUnread : undefined;
    const certain = unread !== undefined && unread === this.#suspect;
    this.#suspect = unread;
    if (!certain || !this.#reader.sleep.wakeSelf()) return;
    this.#dispatcher.delivery.watchUntil(unread);
    this.#wakeUp();
  }
}
