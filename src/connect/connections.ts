/**
 * The connections of a bus, on the thread that owns it: met, read from in turn, and seen off.
 *
 * Nothing is taken over while events of the owner's own wait, or while the ring is full: then the uplinks fill up, and their
 * threads are told by their own bounds. Sleeping subscribers are woken once for each turn of the event loop.
 */
import type { MessagePort } from 'node:worker_threads';
import { reportError } from '../host/report.js';
import { monotonicMs } from '../host/timing.js';
import { MAX_PRODUCER } from '../ring/record-descriptor.js';
import { turns } from '../worker/dispatch/turns.js';
import { ConnectedThread } from './connected-thread.js';
import type { Hello } from './connection-messages.js';
import { ConnectionNews, type DisconnectReport } from './connection-news.js';
import { Interest } from './interest.js';
import { Reception } from './reception.js';
import type { LendingParts } from './thread-subscriptions.js';
import { UnmetWatch } from './unmet-watch.js';
import type { DrainTarget } from './uplink-drain.js';

/** What is taken over from one uplink before the next one has its turn. */
const SHARE_BYTES = 64 * 1024;
const ALL_BYTES = 2 ** 30;

export type ConnectionsParts = Omit<DrainTarget, `on${string}`> & LendingParts;

export class Connections {
  readonly news: ConnectionNews;
  readonly #parts: ConnectionsParts;
  readonly #target: DrainTarget;
  readonly #interest: Interest;
  readonly #reception: Reception;
  readonly #all = new Map<string, ConnectedThread>();
  /** Numbers that no connection has; the last one is given next. */
  readonly #free = Array.from({ length: MAX_PRODUCER }, (_, index) => MAX_PRODUCER - index);
  readonly #run = (budgetMs: number): void => this.#turn(budgetMs);
  readonly #unmet = new UnmetWatch(
    () => this.#all.values(),
    (connection) => this.#lose(connection),
  );
  #scheduled = false;
  #isWaiting = false;
  #isClosing = false;
  #isClosed = false;
  #onEmptied: (() => void) | undefined;

  constructor(parts: ConnectionsParts, busId: string) {
    this.#parts = parts;
    this.news = new ConnectionNews(parts.bus);
    this.#target = {
      ...parts,
      onTaken: (events) => parts.publisher.pending.takenOver(events),
      onUnwanted: () => parts.publisher.droppedLate(),
      onError: (error) => reportError(error, parts.bus),
    };
    this.#interest = new Interest(parts.topics, (change) => {
      for (const connection of this.#all.values()) connection.tell({ kind: 'interest', ...change });
    });
    this.#reception = new Reception(busId, {
      isOwner: true,
      onHello: (hello) => void this.#meet(hello),
      onMeeting: (hello, port) => this.greet(hello, port),
      onRing: (connection) => this.#rung(this.#all.get(connection)),
      onOffer: (connection, offer) => this.#all.get(connection)?.receive(offer),
    });
  }

  /** Those that have not ended. */
  get all(): Iterable<ConnectedThread> {
    return this.#all.values();
  }

  /** Of a closing bus, as WRITER_STATE says by now. Resolves when what connections had accepted has been taken over. */
  close(): Promise<void> {
    this.#isClosing = true;
    // A thread that we have not met has broadcast, then looked at WRITER_STATE, then accepted.
    this.#reception.hear();
    for (const connection of this.#all.values()) connection.close();
    this.#schedule();
    // Threads are waited for only where events wait on their heaps.
    return new Promise((resolve) => {
      this.#onEmptied = resolve;
      this.#lookEmptied();
    });
  }

  /** Ends all connections at once. Returns how many accepted events were not taken over. */
  abandon(): number {
    if (this.#isClosed) return 0;
    this.#isClosed = true;
    this.#interest.stop();
    this.#unmet.stop();
    let left = 0;
    for (const connection of [...this.#all.values()]) {
      connection.close();
      connection.seal(true);
      // This order: a thread that drops what is queued says first that it leaves, and what it dropped is `lost`.
      const { held, leaving } = connection;
      left += connection.drain.countUnread() + (leaving === undefined ? held : 0);
      this.#finish(connection, leaving ?? 'bus closed');
    }
    this.#reception.close();
    return left;
  }

  #meet(hello: Hello): ConnectedThread | undefined {
    const known = this.#all.get(hello.connection);
    if (known !== undefined || this.#isClosed || ConnectedThread.hasEnded(hello)) return known;
    const rung = (): void => this.#rung(connection);
    const connection: ConnectedThread = new ConnectedThread(hello, this.#target, this.#parts, rung);
    connection.drain.producer = this.#free.pop() ?? 0;
    this.#all.set(hello.connection, connection);
    this.news.opened(hello);
    if (this.#isClosing) connection.close();
    this.#schedule();
    this.#unmet.start();
    return connection;
  }

  /**
   * Meets a thread whose first words came with its port.
   *
   * @returns to be called when the thread is known to be gone before its port says so
   */
  greet(hello: Hello, port: MessagePort): () => void {
    const connection = this.#meet(hello);
    if (connection === undefined) {
      port.close();
      return () => {};
    }
    connection.meet(port, this.#interest.all, () => this.#lose(connection));
    // Others may have ended since its first words.
    if (connection.drain.producer === 0) connection.drain.producer = this.#free.pop() ?? 0;
    if (connection.drain.producer === 0) connection.refuse(MAX_PRODUCER);
    this.#schedule();
    return () => this.#lose(connection);
  }

  /** Its thread is gone: its readers hold nobody any more, also while what it has written waits for room. */
  #lose(connection: ConnectedThread): void {
    connection.isGone = true;
    connection.subscriptions.abandon(false);
    this.#schedule();
  }

  #rung(connection: ConnectedThread | undefined): void {
    if (connection === undefined) return;
    connection.rung();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#isWaiting || this.#isClosed) return;
    this.#scheduled = true;
    turns.add(this.#run);
  }

  #turn(budgetMs: number): void {
    this.#scheduled = false;
    if (this.#isClosed) return;
    const startedMs = monotonicMs();
    let moved = false;
    for (;;) {
      const round = this.#round();
      if (round === 'full') {
        this.#parts.publisher.flush();
        this.#waitForRoom();
        return;
      }
      if (round === 'empty') break;
      moved = true;
      if (monotonicMs() - startedMs > budgetMs) break;
    }
    if (moved) this.#parts.publisher.flush();
    // Who just had work looks once more before it sleeps: a ring costs the thread microseconds.
    if (moved || !this.#fallAsleep()) this.#schedule();
  }

  /** Takes a share over from each uplink. */
  #round(): 'empty' | 'moved' | 'full' {
    const { publisher } = this.#parts;
    let moved = false;
    for (const connection of [...this.#all.values()]) {
      // Each time: whoever is told of a subscription may publish.
      if (!publisher.order.isDirect) return 'full';
      // Before the look at the uplink: what it wrote before it said so is found.
      const { drain, leaving, queued } = connection;
      const { taken, unwanted } = drain;
      // All that a dead thread has left, before anything of one that was started in its place.
      const drained = drain.drain(connection.isGone ? ALL_BYTES : SHARE_BYTES);
      if (drain.taken + drain.unwanted > taken + unwanted) moved = true;
      connection.tellGrants();
      if (drained === 'full') return 'full';
      if (drained === 'held') continue;
      if (drained === 'more') moved = true;
      else if (leaving !== undefined) this.#finish(connection, leaving);
      else if (this.#isClosing && queued === 0 && !connection.isTaken) {
        if (!connection.seal()) continue;
        if (!drain.isEmpty) moved = true;
        else if (connection.subscriptions.any) connection.subscriptions.taken();
        else this.#finish(connection, 'bus closed');
      }
    }
    this.#lookEmptied();
    return moved ? 'moved' : 'empty';
  }

  #finish(connection: ConnectedThread, reason: DisconnectReport['reason']): void {
    const { connection: id, name, threadId } = connection.hello;
    const lost = connection.held;
    this.#all.delete(id);
    if (connection.drain.producer > 0) this.#free.push(connection.drain.producer);
    connection.end();
    connection.subscriptions.abandon(reason === 'bus closed');
    this.#lookEmptied();
    this.news.closed({ name, threadId, reason, lost });
  }

  /** Whether what connections had accepted has been taken over, all of it. */
  #lookEmptied(): void {
    if (this.#onEmptied !== undefined && [...this.#all.values()].every(({ isTaken }) => isTaken)) this.#onEmptied();
  }

  #waitForRoom(): void {
    this.#isWaiting = true;
    this.#parts.backpressure.whenWritable(() => {
      this.#isWaiting = false;
      this.#schedule();
    });
  }

  /** Lets the threads ring. False when there is something to see to already. */
  #fallAsleep(): boolean {
    let asleep = true;
    for (const connection of this.#all.values()) {
      if (connection.isAsleep || connection.drain.isHeld) continue;
      // This order and no other: the bit, then a look at all that the thread rings for.
      connection.fallAsleep();
      const { drain, leaving, queued, isTaken } = connection;
      if (drain.isEmpty && leaving === undefined && (isTaken || !(this.#isClosing && queued === 0))) continue;
      connection.wakeUp();
      asleep = false;
    }
    return asleep;
  }
}
