/** Who reads in which slot, on this thread and on others. */
import type { SubscriptionEvictedError } from '../errors.js';

/** The user of one slot. */
export interface ReaderUser {
  /** Whether it reads on the thread of the bus. */
  readonly local: boolean;
  /** How messages call it. */
  describe(): string;
  /** Its wake word is AWAKE. Must not throw. */
  wake(): void;
  /** Somebody waits for what it holds. Returns whether it can read on although this thread is blocked. */
  restartNow(): boolean;
  /** Whether it has read before, and its thread is being started again. */
  isComingBack(): boolean;
  /** It held up a waiting publisher for too long, and is lossy from now on. Must not throw. */
  evict(error: SubscriptionEvictedError): void;
}

export class Readers {
  readonly #users: (ReaderUser | undefined)[] = [];
  /** Told of the reader whose release is waited for, each time that somebody looks. Must not throw. */
  onHeld: ((reader: number) => void) | undefined;

  set(reader: number, user: ReaderUser): void {
    this.#users[reader] = user;
  }

  clear(reader: number): void {
    this.#users[reader] = undefined;
  }

  wake(reader: number): void {
    this.#users[reader]?.wake();
  }

  /** Somebody waits for what the reader holds. Returns whether it can read on although this thread is blocked. */
  restartNow(reader: number): boolean {
    this.onHeld?.(reader);
    return this.#users[reader]?.restartNow() ?? true;
  }

  isComingBack(reader: number): boolean {
    return this.#users[reader]?.isComingBack() ?? false;
  }

  evict(reader: number, error: SubscriptionEvictedError): void {
    this.#users[reader]?.evict(error);
  }

  /** Whether the reader runs on the thread of the bus. */
  isLocal(reader: number): boolean {
    return this.#users[reader]?.local ?? false;
  }

  /** How messages call the reader; -1: none. */
  describe(reader: number): string {
    return this.#users[reader]?.describe() ?? 'no reader';
  }
}

/** Names that a message lists. */
const MAX_NAMES = 3;

/** How messages call the reader of a subscription, or of several that share it. */
export function nameOfReader(...names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => JSON.stringify(name));
  if (names.length > MAX_NAMES) shown.push(`${names.length - MAX_NAMES} more`);
  const last = shown.pop()!;
  return shown.length === 0 ? `subscription ${last}` : `subscriptions ${shown.join(', ')} and ${last}`;
}
