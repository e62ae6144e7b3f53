/** The readers on the thread of the bus: those that handlers share, and those of one subscription alone. */

import { LocalReader } from './local-reader.js';
import type { ReaderSlots } from './reader-slots.js';
import { findStart, type Start } from './replay.js';
import type { DeliveryMode } from './subscribe-options.js';
import type { SubscribingParts } from './subscribing-parts.js';

export class LocalReaders {
  readonly #parts: SubscribingParts;
  readonly #slots: ReaderSlots;
  readonly #shared = new Map<DeliveryMode | 'next', LocalReader>();

  constructor(parts: SubscribingParts, slots: ReaderSlots) {
    this.#parts = parts;
    this.#slots = slots;
  }

  /** The reader that handlers with the same delivery share; or that those of `next` do. */
  shared(use: DeliveryMode | 'next'): LocalReader {
    let reader = this.#shared.get(use);
    if (reader === undefined) {
      const start = findStart(this.#parts, 'now');
      reader = this.open(use === 'next' ? 'lossless' : use, start);
      this.#shared.set(use, reader);
    }
    return reader;
  }

  /** A reader that nobody else uses. */
  open(delivery: DeliveryMode, start: Start): LocalReader {
    const { backpressure, reading } = this.#parts;
    const slot = this.#slots.take(delivery, start);
    const reader: LocalReader = new LocalReader(slot, reading, start, {
      onRoom: () => backpressure.roomMade(),
      onUnused: () => {
        this.#unshare(reader);
        this.#slots.letGo(slot);
      },
      onRetired: () => this.#slots.giveBack(slot),
    });
    this.#slots.assign(slot, {
      local: true,
      describe: () => reader.describe(),
      wake: () => reader.wake(),
      restartNow: () => true,
      isComingBack: () => false,
      evict: (error) => {
        // Handlers that come later want what they were promised: a reader that holds the writer back.
        this.#unshare(reader);
        reader.tellEvicted(error);
      },
    });
    return reader;
  }

  #unshare(reader: LocalReader): void {
    for (const [use, shared] of this.#shared) if (shared === reader) this.#shared.delete(use);
  }
}
