/**
 * The writer of an uplink: a connected thread's own ring, read by the thread that owns the bus.
 *
 * *The doorbell.* Thread: store TAIL, then load OWNER; where that says asleep, take the bit back and ring. Owner: set the bit,
 * then look at TAIL again, and only then sleep. So one of the two sees the other. Each uplink has a bell of its own: a thread
 * that dies between taking the bit back and ringing keeps nobody waiting but its own records, and its end wakes the owner.
 *
 * *Closing.* Owner: set OWNER_CLOSING, and in the end seal: note SEAL, look at QUEUED, store BOUND = TAIL, then set SEALED if
 * SEAL is as noted, else once more. Thread: store TAIL, load OWNER; where that says closing, count one more in SEAL: with that the record
 * counts. Where it is sealed already, the record counts if it lies before BOUND. An event that is queued on the heap is counted the
 * same way, after QUEUED; where it is sealed already, it does not count. Neither ever waits for the other.
 *
 * Nothing else moves the cursor of the owner, which does not sleep by the protocol of other readers: the writer may die at any
 * step. The checked models are `test/models/bell.pml` and `test/models/seal.pml`.
 */
import { distance, narrow } from '../memory/position.js';
import type { RingMemory } from './ring-memory.js';
import { RingWriter } from './ring-writer.js';
import * as uplink from './uplink-descriptor.js';
import { countEvents } from './uplink-memory.js';

/** What the writer of an uplink tells its thread. Neither may throw. */
export interface UplinkWriterEvents {
  /** Wakes the owner, which sleeps. */
  ring(): void;
  /** The bus is closing: this was the last record, if it counts at all. */
  closing(): void;
  /** It does not. */
  refused(): void;
}

export class UplinkWriter extends RingWriter {
  /** True once a record was written that came too late for a closing bus. */
  refused = false;
  readonly #events: UplinkWriterEvents;
  #flushedAt: number;

  constructor(memory: RingMemory, maxRecordBytes: number, events: UplinkWriterEvents, startPosition = 0) {
    super(memory, () => {}, startPosition, maxRecordBytes);
    this.#events = events;
    this.#flushedAt = startPosition;
    // The owner is the only reader, and reads from the first record on.
    this.join(true);
  }

  /** Lets the owner see to what was written. After each record: an owner that is awake costs one load. */
  override flush(): void {
    // After the store of TAIL: an owner that says so after this load looks at TAIL after it, too.
    const owner = this.cells.load(uplink.OWNER);
    if (owner !== 0) this.#heed(owner);
    this.#flushedAt = this.position;
  }

  /** Says how many accepted events wait on this thread's heap. */
  setQueued(events: number): void {
    this.cells.store(uplink.QUEUED, events);
    // After the store: an owner that says that it is closing after this load looks at QUEUED after it, too.
    if (events === 0 || (this.cells.load(uplink.OWNER) & uplink.OWNER_CLOSING) === 0) return;
    this.#events.closing();
    if (!this.#claims()) this.#refuse();
  }

  /** Events that the owner has not taken over. */
  countUnread(): number {
    return countEvents(this.memory, this.gate.released(uplink.OWNER_SLOT, this.position), this.position);
  }

  #heed(owner: number): void {
    if ((owner & uplink.OWNER_CLOSING) !== 0 && this.position !== this.#flushedAt) {
      this.#events.closing();
      this.#claim();
    }
    if ((owner & uplink.OWNER_ASLEEP) === 0) return;
    // One ring for each sleep.
    const before = this.cells.and(uplink.OWNER, ~uplink.OWNER_ASLEEP);
    if ((before & uplink.OWNER_ASLEEP) !== 0) this.#events.ring();
  }

  /** Lets the record count that was just written, unless the owner was faster. */
  #claim(): void {
    // BOUND was stored before the seal.
    if (!this.#claims() && distance(narrow(this.position), this.cells.load(uplink.BOUND)) > 0) this.#refuse();
  }

  #refuse(): void {
    this.refused = true;
    this.#events.refused();
  }

  /** Has the owner look once more before it seals. False where it has sealed. */
  #claims(): boolean {
    for (;;) {
      const seal = this.cells.load(uplink.SEAL);
      if ((seal & uplink.SEALED) !== 0) return false;
      if (this.cells.compareExchange(uplink.SEAL, seal, seal + uplink.CLAIM) === seal) return true;
    }
  }
}
