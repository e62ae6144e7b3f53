/** Waiting for room in the ring without blocking: what queued goes first, then those who await `writable()`. */
import { BusClosedError, WouldDeadlockError } from '../errors.js';
import type { KeepAlive } from '../host/keep-alive.js';
import { unwatched } from '../host/report.js';
import { clearInterval, queueMicrotask, setInterval } from '../host/timing.js';
import type { RingWriter } from '../ring/ring-writer.js';
import { currentHandlings, type Handling, outsideHandlers } from './handling.js';
import type { Publisher } from './publisher.js';
import type { Readers } from './readers.js';
import { STALL_LOOK_MS, type StallWatch } from './stall-watch.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** On whose behalf it waits. */
  readonly handlings: readonly Handling[];
}

export class Backpressure {
  readonly #writer: RingWriter;
  readonly #publisher: Publisher;
  readonly #readers: Readers;
  readonly #keepAlive: KeepAlive;
  readonly #stalls: StallWatch;
  readonly #onDrain: () => void;
  #stallTimer: NodeJS.Timeout | undefined;
  #waiters: Waiter[] = [];
  readonly #others: (() => void)[] = [];
  /** A reader will say when there is room. */
  #parked = false;
  #proceeding = false;
  /** Something was queued since the last drain. */
  #queued = false;
  #onEmptied: (() => void)[] = [];
  #abandoned = false;
  #onAbandoned!: () => void;
  /** Resolves when it is abandoned. */
  readonly abandoned = new Promise<void>((resolve) => {
    this.#onAbandoned = resolve;
  });

  /** @param onDrain called when what was queued is in the ring and there is room for more */
  constructor(
    writer: RingWriter,
    publisher: Publisher,
    readers: Readers,
    keepAlive: KeepAlive,
    stalls: StallWatch,
    onDrain: () => void,
  ) {
    this.#writer = writer;
    this.#publisher = publisher;
    this.#readers = readers;
    this.#keepAlive = keepAlive;
    this.#stalls = stalls;
    this.#onDrain = onDrain;
  }

  /** Something was queued. */
  queued(): void {
    this.#queued = true;
    this.#proceedSoon();
  }

  /** A reader made the room that the writer is parked for. */
  roomMade(): void {
    this.#parked = false;
    this.#proceedSoon();
  }

  /** Resolves when nothing is queued and there is room; see `bus.writable`. */
  wait(): Promise<void> {
    if (this.#isWritable()) return Promise.resolve();
    const waiting = new Promise<void>((resolve, reject) => {
      this.#keepAlive.hold();
      this.#waiters.push({ resolve, reject, handlings: currentHandlings() });
    });
    // Not at once: the caller may be a getter of an event that is being encoded where the queue would be written, or a
    // handler that has not yet returned its promise.
    if (this.#parked) queueMicrotask(() => this.rejectDeadlocked());
    else this.#proceedSoon();
    return unwatched(waiting);
  }

  /**
   * Calls back when nothing is queued and there is room: for those who publish on behalf of other threads. Holds nothing
   * open, and never calls back once abandoned.
   */
  whenWritable(act: () => void): void {
    this.#others.push(act);
    this.#proceedSoon();
  }

  /** Resolves when nothing is queued any more. */
  emptied(): Promise<void> {
    if (this.#publisher.order.queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmptied.push(resolve);
      this.#proceedSoon();
    });
  }

  /** Fails those who wait to publish; from now on nothing is written to the ring. */
  abandon(): void {
    this.#abandoned = true;
    this.#settle((waiter) => waiter.reject(new BusClosedError('writable')));
    this.#onAbandoned();
    this.#writer.wait.unpark();
    this.#stopWatching();
  }

  #isWritable(): boolean {
    return this.#publisher.order.queue.length === 0 && this.#writer.freeBytes() >= this.#publisher.pending.roomBytes;
  }

  /** Not at once: the caller is a reader in the middle of a batch, or a publisher whose answer comes first. */
  #proceedSoon(): void {
    if (this.#parked || this.#proceeding || this.#abandoned) return;
    this.#proceeding = true;
    outsideHandlers(() =>
      queueMicrotask(() => {
        this.#proceeding = false;
        if (!this.#abandoned) this.#proceed();
      }),
    );
  }

  #proceed(): void {
    while (!this.#parked) {
      const emptied = this.#publisher.pending.writeAll();
      if (emptied) for (const resolve of this.#onEmptied.splice(0)) resolve();
      if (emptied && this.#isWritable()) {
        this.#stopWatching();
        this.#settle((waiter) => waiter.resolve());
        for (const act of this.#others.splice(0)) act();
        if (this.#queued) {
          this.#queued = false;
          this.#onDrain();
        }
        return;
      }
      if (emptied && this.#waiters.length === 0 && this.#others.length === 0 && !this.#queued) {
        this.#stopWatching();
        return;
      }
      this.#parked = this.#writer.wait.park(this.#publisher.pending.roomBytes);
    }
    this.rejectDeadlocked();
    this.#readers.restartNow(this.#writer.holder);
    // Unref'd: what waits holds the process open itself.
    this.#stallTimer ??= setInterval(() => this.#lookForStall(), STALL_LOOK_MS).unref();
  }

  #lookForStall(): void {
    // Its thread may have died since the wait began.
    this.#readers.restartNow(this.#writer.holder);
    this.#stalls.look();
  }

  #stopWatching(): void {
    clearInterval(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#stalls.reset();
  }

  /** Whoever waits for room that is not made before the event in its own hand is dealt with would wait for ever. */
  rejectDeadlocked(): void {
    if (this.#waiters.length === 0) return;
    this.waiting(this.#waiters.map(({ handlings }) => handlings));
    if (!this.#waiters.some(({ handlings }) => this.blockedBy(handlings) >= 0)) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      const reader = this.blockedBy(waiter.handlings);
      if (reader < 0) this.#waiters.push(waiter);
      else {
        this.#keepAlive.release();
        waiter.reject(new WouldDeadlockError('writable', this.describe(reader)));
      }
    }
    this.waiting(this.#waiters.map(({ handlings }) => handlings));
  }

  protected describe(reader: number): string {
    return this.#readers.describe(reader);
  }

  /** Told of those on whose behalf somebody waits, one list for each wait, while there is no room. */
  protected waiting(_handlings: readonly (readonly Handling[])[]): void {}

  /** The reader that cannot make the room as long as somebody waits on behalf of these; -1: none. */
  protected blockedBy(handlings: readonly Handling[]): number {
    for (const { holder } of handlings) {
      // It may be of another bus, whose slots have the same numbers.
      if (holder?.ring !== this.#writer.memory) continue;
      const position = holder.heldPosition;
      if (position === undefined || !this.#writer.gate.gates(holder.reader)) continue;
      // It may have let its reader pass.
      const released = this.#writer.gate.released(holder.reader, this.#writer.tail);
      const { wait } = this.#writer;
      const { roomBytes } = this.#publisher.pending;
      if (wait.isInTheWay(position, roomBytes) && wait.isInTheWay(released, roomBytes)) return holder.reader;
    }
    return -1;
  }

  #settle(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    if (waiters.length > 0) this.waiting([]);
    for (const waiter of waiters) {
      this.#keepAlive.release();
      settle(waiter);
    }
  }
}
