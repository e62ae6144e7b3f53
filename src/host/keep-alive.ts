/** Holds the process open while somebody waits for something that only another thread can bring. */
import { clearInterval, setInterval } from './timing.js';

/** The longest interval a timer takes; it never has anything to do. */
const FOREVER_MS = 2 ** 31 - 1;

export class KeepAlive {
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  hold(): void {
    if (this.#holders++ === 0) this.#timer = setInterval(() => {}, FOREVER_MS);
  }

  release(): void {
    if (--this.#holders === 0) clearInterval(this.#timer);
  }
}
