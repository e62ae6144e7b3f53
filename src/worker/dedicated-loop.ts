/**
 * Drives a dispatcher in a thread of its own that blocks while there is nothing to read: the lowest latency, at the price
 * of the thread's event loop, which runs only while a handler's promise is pending.
 */

import { monotonicMs, setImmediate } from '../host/timing.js';
import type { Cells } from '../memory/cells.js';
import { MAGIC } from '../ring/control-descriptor.js';
import type { RingReader } from '../ring/ring-reader.js';
import type { Dispatcher } from './dispatch/dispatcher.js';

/** Longest blocked wait: then the loop looks at its port and for a wake-up that never came. */
const WAIT_SLICE_MS = 100;
/** The same while what the module has published waits for room. */
const QUEUED_SLICE_MS = 2;
const STEP_BUDGET_MS = 50;

/** Looks at the tail between two looks at the clock. */
const LOOKS_PER_CLOCK = 64;
/** A gap between two looks at the clock that only another thread's turn explains. */
const PREEMPTED_MS = 0.5;
/** How long a loop that was preempted does without spinning. */
const SPIN_PAUSE_MS = 1_000;
/** What counts as long idle. */
const MAX_IDLE_MS = 10;

/**
 * Tries whether this thread may block at all, without doing so.
 *
 * @throws {CannotBlockError} `BUS_CANNOT_BLOCK`
 */
export function checkBlocking(cells: Cells): void {
  cells.wait(MAGIC, 0, 0);
}

export interface DedicatedLoopEvents {
  /** Called after each step of the dispatcher. */
  onTurn(): void;
  /** Handles the messages that wait on the thread's port, if one of them changes what is to be delivered. */
  heedChanges(): void;
  /** Handles the messages that wait on the thread's port. */
  readPort(): void;
  /** Whether what the module has published waits for room that no event loop notices here. */
  isQueued(): boolean;
}

export class DedicatedLoop {
  readonly #reader: RingReader;
  readonly #dispatcher: Dispatcher;
  readonly #events: DedicatedLoopEvents;
  readonly #run = (): void => this.#turns();
  #stopped = false;
  #nudged = false;
  /** No spinning before that time. */
  #spinAgainMs = 0;
  /** How long the loop has lately been without anything to read. */
  #idleMs = Number.POSITIVE_INFINITY;

  constructor(reader: RingReader, dispatcher: Dispatcher, events: DedicatedLoopEvents) {
    this.#reader = reader;
    this.#dispatcher = dispatcher;
    this.#events = events;
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
      this.#events.heedChanges();
      if (this.#stopped) return;
      const step = this.#dispatcher.step(STEP_BUDGET_MS);
      this.#events.onTurn();
      if (step === 'waiting') return;
      if (step === 'idle' && !this.#stopped) this.#wait();
    }
  }

  /** Waits for something to read: awake while it is likely to come within the time that a wake takes, else asleep. */
  #wait(): void {
    const startMs = monotonicMs();
    if (!this.#spin(startMs) && this.#reader.sleep.fallAsleep()) this.#sleep();
    const idleMs = Math.min(monotonicMs() - startMs, MAX_IDLE_MS);
    // A moving average, as folly's TurnSequencer keeps it; a first wait counts in full.
    this.#idleMs = this.#idleMs === Number.POSITIVE_INFINITY ? idleMs : this.#idleMs + (idleMs - this.#idleMs) / 8;
  }

  #spin(startMs: number): boolean {
    const budgetMs = this.#reader.sleep.spinBudgetMs;
    if (this.#idleMs > budgetMs || startMs < this.#spinAgainMs) return false;
    const untilMs = startMs + Math.min(budgetMs, 2 * this.#idleMs);
    let nowMs = startMs;
    do {
      for (let i = 0; i < LOOKS_PER_CLOCK; i++) if (this.#reader.hasMore) return true;
      const beforeMs = nowMs;
      nowMs = monotonicMs();
      // Somebody else had the core meanwhile: whoever spins on a busy machine only waits longer for its turn.
      if (nowMs - beforeMs > PREEMPTED_MS) this.#spinAgainMs = nowMs + SPIN_PAUSE_MS;
    } while (nowMs < untilMs);
    return false;
  }

  #sleep(): void {
    let suspect: number | undefined;
    this.#nudged = false;
    while (!this.#reader.sleep.awake) {
      this.#reader.sleep.waitAwake(this.#events.isQueued() ? QUEUED_SLICE_MS : WAIT_SLICE_MS);
      if (this.#reader.sleep.awake) break;
      this.#events.readPort();
      const unread = this.#reader.sleep.flushedUnread;
      const certain = unread !== undefined && unread === suspect;
      suspect = unread;
      if ((certain || this.#nudged || this.#stopped) && this.#reader.sleep.wakeSelf()) {
        if (certain) this.#dispatcher.delivery.watchUntil(unread);
        break;
      }
    }
    const sequence = this.#reader.resume();
    if (sequence >= 0) this.#dispatcher.delivery.skipTo(sequence);
  }
}
