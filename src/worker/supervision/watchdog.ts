/** Notices a thread whose event loop does not turn any more. */
import { clearInterval, monotonicMs, setInterval } from '../../host/timing.js';

/** Looks within one timeout. */
const LOOKS = 4;
/** Beside the timeout, until the first beat: threads that start together wait for each other, for seconds if they are many. */
const START_ALLOWANCE_MS = 10_000;

export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  /** Whether it has found the thread hanging. */
  isHanging = false;

  /**
   * @param heartbeat counts turns of the loop, from when the thread has loaded; it has ten seconds more for that
   * @param onHang called once, after the count stood still for `timeoutMs` of this thread's own waking time
   */
  constructor(timeoutMs: number, heartbeat: () => number, onHang: () => void) {
    const lookMs = Math.max(1, timeoutMs / LOOKS);
    let seen = heartbeat();
    let lastMs = monotonicMs();
    let stillMs = -START_ALLOWANCE_MS;
    this.#timer = setInterval(() => {
      const nowMs = monotonicMs();
      const beat = heartbeat();
      // A gap longer than two looks is this thread's own fault.
      if (beat === seen) stillMs += Math.min(nowMs - lastMs, 2 * lookMs);
      else [seen, stillMs] = [beat, 0];
      lastMs = nowMs;
      if (stillMs < timeoutMs) return;
      this.stop();
      this.isHanging = true;
      onHang();
    }, lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
