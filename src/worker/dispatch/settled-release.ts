/** Lets the writer overwrite what has settled of a batch: where RELEASED may go, and the sequence there. */
import type { RingReader } from '../../ring/ring-reader.js';
import type { BatchCursor } from './batch-cursor.js';
import type { BusyTargets } from './busy-targets.js';
import type { EventDelivery } from './event-delivery.js';

export interface ReleaseEvents {
  /** What has settled is about to be released: the time to say what was counted so far. */
  onRelease?(): void;
}

export class SettledRelease {
  readonly #reader: RingReader;
  readonly #cursor: BatchCursor;
  readonly #busy: BusyTargets;
  readonly #delivery: EventDelivery;
  readonly #events: ReleaseEvents;

  constructor(
    reader: RingReader,
    cursor: BatchCursor,
    busy: BusyTargets,
    delivery: EventDelivery,
    events: ReleaseEvents,
  ) {
    this.#reader = reader;
    this.#cursor = cursor;
    this.#busy = busy;
    this.#delivery = delivery;
    this.#events = events;
  }

  /** Of a batch that is open: everything before the first record that somebody holds, or that is to be handed out. */
  settled(): void {
    this.#events.onRelease?.();
    const held = this.#busy.first;
    if (held === undefined) this.#reader.release(this.#cursor.nextPosition, this.#delivery.nextSequence);
    else this.#reader.release(held.heldPosition, held.heldSequence);
  }

  /** Everything before the event at the cursor, which a handler is in the middle of. */
  beforeEvent(): void {
    const { position, sequence } = this.#cursor;
    this.#delivery.nextSequence = sequence;
    this.#events.onRelease?.();
    this.#reader.release(position, sequence);
  }

  /** Everything that was taken. */
  all(): void {
    this.#events.onRelease?.();
    this.#reader.release(this.#reader.taken, this.#delivery.nextSequence);
  }
}
