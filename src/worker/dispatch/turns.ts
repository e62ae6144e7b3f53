/**
 * Shares the turns of a thread's event loop among all that calls handlers in it, so that timers and I/O of the same thread
 * wait a few milliseconds at most, however many readers there are and whatever kind of handlers.
 *
 * A chain of promise reactions is no turn of the loop: it asks {@link Turns.spent}, and goes on in a turn to come.
 */
import { AsyncResource } from 'node:async_hooks';
import { monotonicMs, setImmediate } from '../../host/timing.js';
import { ReleasePace } from './release-pace.js';

/** How long other work of the thread may have to wait. */
const TURN_BUDGET_MS = 4;
/** A few handlers that are slow all of a sudden do not make much of a delay. */
const CALLS_PER_LOOK = 8;

/** Goes on for about that long. */
export type TurnTask = (budgetMs: number) => void;

class Turns {
  /** In the order in which they take turns. */
  #waiting: TurnTask[] = [];
  #scheduled = false;
  #startedMs = Number.NEGATIVE_INFINITY;
  readonly #pace = new ReleasePace(CALLS_PER_LOOK);
  /** What happens in a turn belongs to nobody who asked for it. */
  readonly #context = new AsyncResource('RINGCAST_TURN');
  readonly #run = (): void => this.#context.runInAsyncScope(this.#turn, this);

  /** Runs `task` in a turn to come, after those that wait already. */
  add(task: TurnTask): void {
    this.#waiting.push(task);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** Whether others should have a turn now. Ask after each call of a handler outside a task. */
  spent(): boolean {
    return this.#pace.pass() && this.#pace.look() - this.#startedMs > TURN_BUDGET_MS;
  }

  #turn(): void {
    const startedMs = monotonicMs();
    this.#startedMs = startedMs;
    this.#pace.startAt(startedMs);
    const tasks = this.#waiting;
    this.#waiting = [];
    let done = 0;
    try {
      let leftMs = TURN_BUDGET_MS;
      while (done < tasks.length && leftMs > 0) {
        // An equal share: what one leaves is for the others.
        const shareMs = leftMs / (tasks.length - done);
        tasks[done++]!(shareMs);
        leftMs = startedMs + TURN_BUDGET_MS - monotonicMs();
      }
    } finally {
      // Those that had no turn come before those that want another one.
      if (done < tasks.length) this.#waiting = [...tasks.slice(done), ...this.#waiting];
      this.#scheduled = this.#waiting.length > 0;
      if (this.#scheduled) setImmediate(this.#run);
    }
  }
}

/** Those of this thread. */
export const turns = new Turns();
