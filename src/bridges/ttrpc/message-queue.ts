/** Messages of a stream between the connection that they come from and whoever reads them. */

/** Messages that wait before the connection is no longer read from. */
const FULL = 64;

interface Owner {
  /** Told when the queue becomes full, and when it no longer is. */
  full(isFull: boolean): void;
  /** The reader is gone, or the stream was read to its end. */
  abandoned(): void;
}

export class MessageQueue implements AsyncIterableIterator<Buffer, undefined> {
  readonly #owner: Owner;
  readonly #messages: Buffer[] = [];
  #ended = false;
  #error: Error | undefined;
  #wake = (): void => {};

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get isFull(): boolean {
    return this.#messages.length >= FULL;
  }

  push(message: Buffer): void {
    this.#messages.push(message);
    this.#wake();
    if (this.#messages.length === FULL) this.#owner.full(true);
  }

  end(error: Error | undefined): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    while (this.#messages.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const value = this.#messages.shift();
    if (value !== undefined) {
      if (this.#messages.length === FULL - 1) this.#owner.full(false);
      return { value, done: false };
    }
    this.#owner.abandoned();
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.#ended = true;
    this.#error = undefined;
    const wasFull = this.isFull;
    this.#messages.length = 0;
    this.#owner.abandoned();
    if (wasFull) this.#owner.full(false);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
