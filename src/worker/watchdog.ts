/** Notices a thread whose event loop does not turn any more. */
import { clearInterval, monotonicMs, setInterval } from '../timing.js';

/** Looks within one timeout. */
const LOOKS = 4;

export class Watchdog {
  readonly #timer: NodeJS.Timeout;

  /**
   * @param heartbeat counts turns of the loop; the time before its first change, while the thread starts, does not count
   * @param onHang called once, after the count stood still for `timeoutMs` of this thread's own waking time
   */
  constructor(timeoutMs: number, heartbeat: () => number, onHang: () => void) {
    const lookMs = Math.max(1, timeoutMs / LOOKS);
    let seen = heartbeat();
    let beating = false;
    let lastMs = monotonicMs();
    let stillMs = 0;
    this.#timer = setInterval(() => {
      const nowMs = monotonicMs();
      const beat = heartbeat();
      // A gap longer than two looks is this thread's own fault.
      if (beat === seen) stillMs += beating ? Math.min(nowMs - lastMs, 2 * lookMs) : 0;
      else [seen, beating, stillMs] = [beat, true, 0];
      lastMs = nowMs;
      if (stillMs < timeoutMs) return;
      this.stop();
      onHang();
    }, lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
