/**
 * Which waits of a connected thread can never end, as the thread tells the owner and is told by it.
 *
 * A reader of this thread holds the ring of the bus with an event in hand, and whoever handles that event waits for room in the
 * uplink, which the owner makes when there is room in the ring. Only the owner sees both. So a thread that waits stores the
 * bits of the readers that wait for it; and an owner that waits for room denies the wait of the reader that holds the ring.
 */
import type { Cells } from '../memory/cells.js';
import { Backpressure } from '../publish/backpressure.js';
import type { Handling } from '../publish/handling.js';
import type { RingMemory } from '../ring/ring-memory.js';
import * as uplink from '../ring/uplink-descriptor.js';

/** Readers, one bit each. */
class ReaderBits {
  low = 0;
  high = 0;

  add(reader: number): void {
    if (reader < 32) this.low |= 1 << reader;
    else this.high |= 1 << (reader - 32);
  }

  remove(reader: number): void {
    if (reader < 32) this.low &= ~(1 << reader);
    else this.high &= ~(1 << (reader - 32));
  }
}

/** The thread's side. */
export class UplinkWaits {
  /** The ring that the readers read. */
  readonly ring: RingMemory;
  readonly #cells: Cells;
  #told = new ReaderBits();
  /** Readers whose threads this one is. */
  readonly #own = new ReaderBits();
  /** Whose wait the owner has denied; -1: nobody's. */
  #denied = -1;
  /** The thread is in a call that blocks it where there is no room. */
  mayBlock = false;
  /** It has been blocked in that call, and says so. */
  isBlocked = false;

  constructor(memory: RingMemory, ring: RingMemory) {
    this.#cells = memory.cells;
    this.ring = ring;
  }

  /** A reader reads on this thread. */
  own(reader: number): void {
    this.#own.add(reader);
  }

  /** It reads here no longer. */
  disown(reader: number): void {
    this.#own.remove(reader);
  }

  /** Tells which readers cannot go on before there is room. */
  wait(readers: readonly number[]): void {
    const bits = new ReaderBits();
    for (const reader of readers) bits.add(reader);
    this.#tell(bits);
  }

  /** The same of all readers of this thread, which blocks. */
  block(): void {
    this.isBlocked = true;
    this.#tell(this.#own);
  }

  /** Nobody waits any more. */
  done(): void {
    this.forget();
    this.isBlocked = false;
    this.#tell(new ReaderBits());
  }

  /** The owner denies a wait, unless there is another one by now. */
  deny(reader: number, waits: number): void {
    if (waits === this.#cells.load(uplink.WAITS)) this.#denied = reader;
  }

  /** What was denied has been dealt with. */
  forget(): void {
    this.#denied = -1;
  }

  isDenied(reader: number): boolean {
    return reader === this.#denied;
  }

  /** Whether a wait of the whole thread is denied. */
  get isBlockDenied(): boolean {
    return this.isBlocked && this.#denied >= 0;
  }

  #tell(bits: ReaderBits): void {
    if (bits.low === this.#told.low && bits.high === this.#told.high) return;
    this.#told = Object.assign(new ReaderBits(), bits);
    this.#cells.store(uplink.WAITING, bits.low);
    this.#cells.store(uplink.WAITING + 1, bits.high);
    // Behind the bits: a denial is of the wait that the owner has seen.
    this.#cells.add(uplink.WAITS, 1);
  }
}

/** The owner's side. */
export class SeenWaits {
  readonly #cells: Cells;
  readonly #deny: (reader: number, waits: number) => void;
  #reader = -1;
  #released = 0;
  #waits = -1;
  #isDenied = false;

  /** @param deny tells the thread */
  constructor(memory: RingMemory, deny: (reader: number, waits: number) => void) {
    this.#cells = memory.cells;
    this.#deny = deny;
  }

  /**
   * Somebody waits for what a reader holds, and has done so for a while. Denies the wait of the thread that this reader waits for,
   * if at the look before this one nothing was different: what is settled is released a moment later.
   */
  look(reader: number, released: number): void {
    const waits = this.#cells.load(uplink.WAITS);
    const bits = this.#cells.load(uplink.WAITING + (reader >> 5));
    if ((bits & (1 << (reader & 31))) === 0) return;
    if (reader !== this.#reader || released !== this.#released || waits !== this.#waits) {
      this.#reader = reader;
      this.#released = released;
      this.#waits = waits;
      this.#isDenied = false;
    } else if (!this.#isDenied) {
      this.#isDenied = true;
      this.#deny(reader, waits);
    }
  }
}

/** Waiting for room in an uplink: as in a ring, but what can never end only the owner can say. */
export class UplinkBackpressure extends Backpressure {
  readonly #waits: UplinkWaits;

  constructor(waits: UplinkWaits, ...parts: ConstructorParameters<typeof Backpressure>) {
    super(...parts);
    this.#waits = waits;
  }

  /** A call begins that blocks the thread where there is no room. False: it is made within another one, in a getter or by whoever traces. */
  beginBlocking(): boolean {
    if (this.#waits.mayBlock) return false;
    this.#waits.mayBlock = true;
    return true;
  }

  /** Ends a call for which {@link beginBlocking} returned true. */
  endBlocking(): void {
    this.#waits.mayBlock = false;
    if (!this.#waits.isBlocked) return;
    this.#waits.done();
    // Of those who await room on this thread, the owner knows no more.
    this.rejectDeadlocked();
  }

  protected override waiting(waiting: readonly (readonly Handling[])[]): void {
    // All readers of the thread wait, and it has said so.
    if (this.#waits.isBlocked) return;
    const readers = waiting.flatMap((handlings) => this.#readersOf(handlings));
    if (readers.length === 0) this.#waits.done();
    else this.#waits.wait(readers);
  }

  protected override blockedBy(handlings: readonly Handling[]): number {
    return this.#readersOf(handlings).find((reader) => this.#waits.isDenied(reader)) ?? -1;
  }

  protected override describe(): string {
    return 'a subscription of this thread';
  }

  /** Readers of the bus that wait for these. */
  #readersOf(handlings: readonly Handling[]): number[] {
    return handlings.flatMap(({ holder }) =>
      holder?.ring === this.#waits.ring && holder.heldPosition !== undefined ? [holder.reader] : [],
    );
  }
}
