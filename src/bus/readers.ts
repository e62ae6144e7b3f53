/** Who reads in which slot, on this thread and on others. */
import type { ReaderDirectory } from './publisher.js';

/** The user of one slot. */
export interface ReaderUser {
  /** Whether it reads on the thread of the bus. */
  readonly local: boolean;
  /** How messages call it. */
  describe(): string;
  /** Its wake word is AWAKE. Must not throw. */
  wake(): void;
}

export class Readers implements ReaderDirectory {
  readonly #users: (ReaderUser | undefined)[] = [];

  set(reader: number, user: ReaderUser): void {
    this.#users[reader] = user;
  }

  clear(reader: number): void {
    this.#users[reader] = undefined;
  }

  wake(reader: number): void {
    this.#users[reader]?.wake();
  }

  isLocal(reader: number): boolean {
    return this.#users[reader]?.local ?? false;
  }

  describe(reader: number): string {
    return this.#users[reader]?.describe() ?? 'no reader';
  }
}
