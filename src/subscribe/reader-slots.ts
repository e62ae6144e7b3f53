/** The slots that readers take in the ring: taken where a reader begins, looked at, and given back. */
import { TooManyReadersError } from '../errors.js';
import type { ReaderUser } from '../publish/readers.js';
import { MAX_READERS } from '../ring/control-descriptor.js';
import { UNIT_BYTES } from '../ring/record-descriptor.js';
import type { Start } from './replay.js';
import type { DeliveryMode } from './subscribe-options.js';
import type { SubscribingParts } from './subscribing-parts.js';
import type { ReaderView } from './subscription-stats.js';

export class ReaderSlots {
  readonly #parts: SubscribingParts;

  constructor(parts: SubscribingParts) {
    this.#parts = parts;
  }

  /** @throws {TooManyReadersError} `BUS_TOO_MANY_READERS` when there is no slot to take */
  checkFree(): void {
    if (this.#parts.writer.gate.findFree() < 0) throw new TooManyReadersError(MAX_READERS);
  }

  /**
   * Takes a slot for a reader, which holds the writer back from now on unless it is lossy.
   *
   * @param start found just now
   * @throws {TooManyReadersError} `BUS_TOO_MANY_READERS`
   */
  take(delivery: DeliveryMode, start: Start): number {
    const { writer, publisher } = this.#parts;
    const reader = writer.join(delivery === 'lossless', start);
    if (reader < 0) throw new TooManyReadersError(MAX_READERS);
    // Records that wait on the heap come after those replayed: the reader must not sleep through them.
    if (!start.isNow) publisher.order.queue.want(reader);
    return reader;
  }

  /** Says who uses a slot that was taken. */
  assign(reader: number, user: ReaderUser): void {
    this.#parts.readers.set(reader, user);
  }

  /** Lets a reader whose subscriptions were stopped hold nobody any more, though it may still touch its slot. */
  letGo(reader: number): void {
    const { writer, backpressure } = this.#parts;
    // The way of an eviction, of which nobody is told: what it goes on copying it knows to be overwritten.
    writer.evict(reader);
    backpressure.roomMade();
  }

  /** Gives a slot back that nobody touches any more. */
  giveBack(reader: number): void {
    const { writer, readers, backpressure } = this.#parts;
    readers.clear(reader);
    writer.leave(reader);
    // It may have been what held the ring.
    backpressure.roomMade();
  }

  view(reader: number): ReaderView {
    const { gate, tail, memory } = this.#parts.writer;
    // A lossy reader may be further behind than the ring is long: what was overwritten is not there to be read.
    const behindBytes = (tail - gate.released(reader, tail)) * UNIT_BYTES;
    return { backlogBytes: Math.min(behindBytes, memory.capacityBytes), asleep: gate.isAsleep(reader) };
  }
}
