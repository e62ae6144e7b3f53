/**
 * One operation at a time per key, in the order of the calls; different keys do not wait for each other.
 * What has finished is forgotten, so the map is as large as what is under way.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `operation` when the earlier ones of `key` have settled. Waits for them; rejects with what it throws. */
  run<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before ? before.then(operation, operation) : operation();
    const forget = (): void => this.#forget(key, tail);
    const tail: Promise<void> = result.then(forget, forget);
    this.#tails.set(key, tail);
    return result;
  }

  #forget(key: string, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
