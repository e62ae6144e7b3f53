/** Notices a thread that was stopped, is owed nothing, and does not end. */
import { clearInterval, setInterval } from '../../host/timing.js';

/** Looks at a thread that was told to stop, until it is ended: one that is owed nothing any more has ten seconds. */
const END_LOOKS = 20;
const END_LOOK_MS = 500;

/** How long such a thread is waited for, in seconds. */
export const END_PATIENCE_S = (END_LOOKS * END_LOOK_MS) / 1e3;

export class EndWatch {
  readonly #isDone: () => boolean;
  readonly #onStuck: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onStuck called once, when nobody waits any more for what the thread hangs in: its setup, its teardown, or an event that was dropped */
  constructor(isDone: () => boolean, onStuck: () => void) {
    this.#isDone = isDone;
    this.#onStuck = onStuck;
  }

  start(): void {
    let looks = 0;
    this.#timer ??= setInterval(() => {
      // Looks, and no clock: this thread may have been blocked, and not have heard that it has ended.
      looks = this.#isDone() ? looks + 1 : 0;
      if (looks < END_LOOKS) return;
      this.stop();
      this.#onStuck();
    }, END_LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
