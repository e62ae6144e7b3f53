/**
 * The readers of a connected thread, with slots that the owner has lent it.
 *
 * Readers are asked for together with their first subscriptions. One that others have been asked to share is kept until the
 * owner has answered them, even if nobody uses it meanwhile: the owner may have let them join.
 */
import type { SubscriptionEvictedError } from '../errors.js';
import { FILTER_VERSION, slotOf } from '../ring/control-descriptor.js';
import { LocalReader, type ReadingContext } from '../subscribe/local-reader.js';
import type { DeliveryMode } from '../subscribe/subscribe-options.js';
import { type ReaderStart, ROOM_IN_RING } from './connection-messages.js';
import type { OwnerLink } from './owner-link.js';

export class ConnectionReaders {
  readonly #link: OwnerLink;
  readonly #reading: () => ReadingContext;
  /** Those that others may join. */
  readonly #byKey = new Map<number, LocalReader>();
  readonly #bySlot = new Map<number, LocalReader>();
  readonly #shared = new Map<DeliveryMode | 'next', number>();
  /** Subscriptions that the owner has not answered, by the key of their reader. */
  readonly #asked = new Map<number, number>();
  #keys = 0;

  constructor(link: OwnerLink, reading: () => ReadingContext) {
    this.#link = link;
    this.#reading = reading;
  }

  /** The key of the reader that subscriptions with the same use share; undefined: of one that nobody else uses. */
  keyFor(use: DeliveryMode | 'next' | undefined): number {
    let key = use === undefined ? undefined : this.#shared.get(use);
    if (key === undefined) {
      key = ++this.#keys;
      if (use !== undefined) this.#shared.set(use, key);
    }
    return key;
  }

  /** A subscription was asked for. */
  asked(key: number): void {
    this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
  }

  /** The owner has answered. */
  answered(key: number): void {
    const left = this.#asked.get(key)! - 1;
    if (left > 0) this.#asked.set(key, left);
    else this.#asked.delete(key);
    this.#byKey.get(key)?.endUnused();
  }

  /** The reader that the owner has granted, which begins now unless it has before. */
  granted(key: number, start: ReaderStart | undefined): LocalReader {
    return start === undefined ? this.#byKey.get(key)! : this.#open(key, start);
  }

  /** The owner has woken a reader. */
  wake(slot: number): void {
    this.#bySlot.get(slot)?.wake();
  }

  /** The owner has made a reader lossy. Returns who is to be told. */
  evicted(slot: number): ((error: SubscriptionEvictedError) => void) | undefined {
    const reader = this.#bySlot.get(slot);
    if (reader === undefined) return undefined;
    // Those that were asked to share it begin elsewhere.
    this.#unshare(reader);
    return (error) => {
      reader.tellEvicted(error);
      reader.endUnused();
    };
  }

  #open(key: number, start: ReaderStart): LocalReader {
    const { slot } = start;
    const reading = this.#reading();
    const { cells } = reading.memory;
    let seen: number | undefined;
    const reader: LocalReader = new LocalReader(slot, reading, start, {
      onRoom: () => this.#link.say(ROOM_IN_RING),
      onUnused: () => this.#unshare(reader),
      onRetired: () => {
        this.#bySlot.delete(slot);
        this.#link.waits.disown(slot);
        this.#link.say({ kind: 'released', slot });
      },
      isKept: () => this.#byKey.get(key) === reader && this.#asked.has(key),
      // After the look at TAIL: what was said before a record was written is heard before that is routed.
      onTaken: () => {
        const version = cells.load(slotOf(slot) + FILTER_VERSION);
        if (version === seen) return;
        seen = version;
        this.#link.hear();
      },
    });
    this.#byKey.set(key, reader);
    this.#bySlot.set(slot, reader);
    this.#link.waits.own(slot);
    return reader;
  }

  #unshare(reader: LocalReader): void {
    for (const [key, known] of this.#byKey) {
      if (known !== reader) continue;
      this.#byKey.delete(key);
      for (const [use, shared] of this.#shared) if (shared === key) this.#shared.delete(use);
    }
  }
}
