/** Notices a thread that was stopped and is owed nothing, or is gone, and does not end. */
import { WorkerExitedError } from '../../errors.js';
import { clearInterval, setInterval } from '../../host/timing.js';

/** Looks at a thread that was told to stop, until it is ended: one that is owed nothing any more has ten seconds. */
const END_LOOKS = 20;
export const END_LOOK_MS = 500;
const END_PATIENCE_S = (END_LOOKS * END_LOOK_MS) / 1e3;

export interface Watched {
  /** Whether it was told to stop and has nothing left to deliver. */
  isDone(): boolean;
  life(): { readonly isGone: boolean; abandon(): void } | undefined;
}

export class EndWatch {
  readonly #name: string;
  readonly #watched: Watched;
  readonly #lookMs: number;
  readonly #terminate: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param terminate ends it: nobody waits any more for what it hangs in, its setup, its teardown, or an event that was dropped */
  constructor(name: string, watched: Watched, lookMs: number, terminate: (error: Error) => void) {
    this.#name = name;
    this.#watched = watched;
    this.#lookMs = lookMs;
    this.#terminate = terminate;
  }

  start(): void {
    let looks = 0;
    this.#timer ??= setInterval(() => {
      // Looks, and no clock: this thread may have been blocked, and not have heard that it has ended.
      looks = this.#watched.isDone() || this.#watched.life()?.isGone === true ? looks + 1 : 0;
      if (looks < END_LOOKS) return;
      looks = 0;
      this.#giveUp();
    }, this.#lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #giveUp(): void {
    const life = this.#watched.life();
    if (life?.isGone === true) {
      life.abandon();
      return;
    }
    const reason = `it had nothing left to deliver, and did not end within ${END_PATIENCE_S} s: its setup, teardown or handler does not return`;
    this.#terminate(new WorkerExitedError(this.#name, reason));
  }
}
