/** Ends a run that gets nowhere, and prints what it was at: from a thread of its own, as this one may be spinning. */
import { Worker } from 'node:worker_threads';

const TEXT_BYTES = 2 ** 20;
const LOOK_MS = 1_000;

export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  readonly #timer: NodeJS.Timeout;
  readonly #thread: Worker;
  #seen = 0;
  #quiet = 0;

  /**
   * @param patienceMs without a sign of life
   * @param state what to print besides, where this thread can still be asked
   */
  constructor(patienceMs: number, state: () => string) {
    this.#thread = new Worker(new URL('watchdog-thread.js', import.meta.url), {
      workerData: { beats: this.#beats, text: this.#text, patienceMs },
    });
    this.#thread.unref();
    this.#timer = setInterval(() => {
      const beats = Atomics.load(this.#beats, 0);
      this.#quiet = beats === this.#seen ? this.#quiet + LOOK_MS : 0;
      this.#seen = beats;
      if (this.#quiet >= patienceMs * 0.7) this.#write(`${this.#told}\n${state()}`);
    }, LOOK_MS).unref();
  }

  #told = '';

  /** What is being done, to be printed if it never ends. */
  tell(text: string): void {
    this.#told = text;
    this.#write(text);
    this.beat();
  }

  /** Something goes on. */
  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#thread.terminate();
  }

  #write(text: string): void {
    const { written } = new TextEncoder().encodeInto(text, this.#text);
    this.#text.fill(0, written);
  }
}
