/** A connection as the thread that owns the bus sees it. */
import type { MessagePort } from 'node:worker_threads';
import { TooManyConnectionsError } from '../errors.js';
import { post, takeMessages } from '../host/ports.js';
import { workerThreads } from '../host/worker-threads.js';
import { CountersView, PENDING_EVENTS, TENTATIVE } from '../publish/owner-counters.js';
import { attachRing } from '../ring/ring-memory.js';
import * as uplink from '../ring/uplink-descriptor.js';
import { UplinkOwner } from '../ring/uplink-owner.js';
import {
  type Hello,
  type InterestChange,
  LEAVES,
  RING,
  ROOM,
  ROOM_IN_RING,
  type ToConnection,
  type ToOwner,
} from './connection-messages.js';
import type { ConnectionStats } from './connection-stats.js';
import type { ControlRequest } from './control-request.js';
import { cross } from './crossed-error.js';
import { Probe } from './probe.js';
import { type LendingParts, ThreadSubscriptions } from './thread-subscriptions.js';
import { type DrainTarget, UplinkDrain } from './uplink-drain.js';
import { SeenWaits } from './uplink-waits.js';

export class ConnectedThread {
  readonly hello: Hello;
  readonly drain: UplinkDrain;
  /** What the thread counts. */
  readonly counters: CountersView;
  /** The thread is gone: nothing more is written to the uplink. */
  isGone = false;
  /** The owner comes by when it is rung for. */
  isAsleep = false;
  readonly subscriptions: ThreadSubscriptions;
  /** Told when its port is here. */
  readonly #unsaid: ToConnection[] = [];
  readonly #roomMade: () => void;
  readonly #onRing: () => void;
  #isSealed = false;
  #refusal: TooManyConnectionsError | undefined;
  #port: MessagePort | undefined;
  readonly #probe = new Probe();
  readonly #waits: SeenWaits;
  readonly #owner: UplinkOwner;

  constructor(hello: Hello, target: DrainTarget, parts: LendingParts, onRing: () => void) {
    this.hello = hello;
    this.counters = new CountersView(hello.counters);
    this.#roomMade = () => parts.backpressure.roomMade();
    this.#onRing = onRing;
    this.subscriptions = new ThreadSubscriptions(parts, {
      name: hello.name,
      isLocal: hello.threadId === workerThreads().threadId,
      isGone: () => this.isGone,
      // What is in force is told at the meeting; this, too.
      tell: (message) => (this.isMet ? this.tell(message) : this.#unsaid.push(message)),
      wake: (slot) => post(this.#port, slot),
      hear: () => this.hear(),
    });
    const memory = attachRing(hello.uplink);
    this.#owner = new UplinkOwner(memory.cells);
    this.drain = new UplinkDrain(memory, hello.originNames, target, {
      onRoom: () => post(this.#port, ROOM),
      mayHeed: (request) => this.#mayHeed(request),
      onRequest: (request) => this.#heed(request),
    });
    // Heard of: the thread may find no other sign of the owner's life.
    this.#cells.add(uplink.VERSION, 1);
    this.#waits = new SeenWaits(this.drain.memory, (reader, waits) => this.tell({ kind: 'deadlock', reader, waits }));
  }

  /** Somebody waits for what a reader holds, which may wait for this thread, which may wait for us. */
  lookForDeadlock(reader: number, released: number): void {
    if (this.isMet) this.#waits.look(reader, released);
  }

  /** Where they have met: the bus has as many connections as it can. What it had accepted by now is taken over, then it ends. */
  refuse(connections: number): void {
    this.#refusal = new TooManyConnectionsError(connections);
    this.tell({ kind: 'refused', connections });
  }

  /** Whether it is known by now what becomes of a request. */
  #mayHeed(request: ControlRequest): boolean {
    if (this.#refusal !== undefined) return true;
    return (this.drain.producer > 0 || this.isGone) && this.subscriptions.mayHeed(request);
  }

  #heed(request: ControlRequest): boolean {
    if (this.#refusal === undefined || this.isGone) return this.subscriptions.heed(request);
    const { kind, key } = request;
    if (kind === 'subscribe' || kind === 'module') this.tell({ kind: 'denied', key, error: cross(this.#refusal) });
    return true;
  }

  get #cells() {
    return this.drain.memory.cells;
  }

  /** @param interest everything that is in force */
  meet(port: MessagePort, interest: InterestChange, onGone: () => void): void {
    this.#port = port;
    port.on('message', (message: ToOwner) => this.receive(message));
    port.on('close', onGone);
    // The thread's subscribers and waiters hold it open, and nothing else does.
    port.unref();
    this.tell({ kind: 'interest', ...interest });
    for (const message of this.#unsaid.splice(0)) this.tell(message);
  }

  /** Takes what the thread has said, also while the event loop does not turn. */
  hear(): void {
    const port = this.#port;
    // Node crashes where a port is read in the turn in which it says that it has closed.
    if (port === undefined || this.isGone) return;
    takeMessages(port, (message: ToOwner) => this.receive(message));
  }

  /** Takes something that the thread has said, on whatever way. */
  receive(message: ToOwner): void {
    if (message === RING) this.#onRing();
    else if (message === ROOM_IN_RING) this.#roomMade();
    else if (message === LEAVES) this.subscriptions.leaves();
    else {
      this.subscriptions.receive(message);
      // The uplink may have been waiting for it.
      if (message.kind === 'module') this.#onRing();
    }
  }

  /** Of a closing bus: all that it had accepted has been taken over, and its subscriptions have not ended. */
  get isTaken(): boolean {
    return this.subscriptions.isTaken;
  }

  /** Whether its port is here, whose closing says that the thread is gone. */
  get isMet(): boolean {
    return this.#port !== undefined;
  }

  /** Asks for a thread whose port has not come. */
  lookFor(onGone: () => void): void {
    this.#probe.send(this.hello.threadId, () => {
      if (!this.isMet) onGone();
    });
  }

  /** What is told counts for whatever the thread publishes after this call. */
  tell(message: ToConnection): void {
    if (this.#port === undefined) return;
    post(this.#port, message);
    // Behind the message: whoever sees the version finds it on the port.
    this.#cells.add(uplink.VERSION, 1);
  }

  /** Tells the ids that were granted since the last call. */
  tellGrants(): void {
    const { topicGrants, typeGrants } = this.drain.ids;
    if (topicGrants.size + typeGrants.size === 0) return;
    this.tell({ kind: 'grants', topics: [...topicGrants], types: [...typeGrants] });
    topicGrants.clear();
    typeGrants.clear();
  }

  /** How it ends by itself: it has said that it writes nothing more, or its thread is gone. Undefined: it goes on. */
  get leaving(): 'closed' | 'refused' | 'thread ended' | undefined {
    if (this.#owner.hasLeft) return this.#refusal === undefined ? 'closed' : 'refused';
    return this.isGone ? 'thread ended' : undefined;
  }

  /** Events that wait on the thread's heap. */
  get queued(): number {
    return this.#owner.queued;
  }

  /** The thread rings. Where they have not met, it may ask by that whether the owner lives: see `owner-link.ts`. */
  rung(): void {
    this.isAsleep = false;
    if (!this.isMet) this.#cells.add(uplink.VERSION, 1);
  }

  /** From now on, whoever writes rings. Look at the uplink once more after this. */
  fallAsleep(): void {
    this.isAsleep = true;
    this.#owner.fallAsleep();
  }

  wakeUp(): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    this.#owner.wakeUp();
  }

  /** The bus is closing: the thread accepts nothing more. */
  close(): void {
    this.#owner.close();
    this.tell({ kind: 'closing' });
  }

  /**
   * Settles what counts of a closing bus. False, and nothing is settled, where events wait on the thread's heap.
   *
   * @param evenIfQueued those do not count
   */
  seal(evenIfQueued = false): boolean {
    if (this.#isSealed) return true;
    const bound = this.#owner.seal(evenIfQueued);
    if (bound === undefined) return false;
    this.#isSealed = true;
    this.drain.seal(bound);
    return true;
  }

  /** Nothing is taken over any more. */
  end(): void {
    this.#owner.end();
    this.#cells.add(uplink.VERSION, 1);
    this.#port?.close();
  }

  /** Whether a connection with that uplink has ended here: its first words may come after its last. */
  static hasEnded({ uplink: buffers }: Hello): boolean {
    return new UplinkOwner(attachRing(buffers).cells).hasEnded;
  }

  /** Accepted events on the thread's heap: lost, if the thread is gone. */
  get held(): number {
    // Each as it stands: of a thread that has died, they change no more.
    return Math.max(0, this.counters.at(PENDING_EVENTS) - this.counters.at(TENTATIVE));
  }

  stats(): ConnectionStats {
    const { published, unwanted, refused, pending, pendingMs } = this.counters.take();
    return {
      name: this.hello.name,
      threadId: this.hello.threadId,
      producer: this.drain.producer,
      published,
      unwanted,
      refused,
      pending: pending.events,
      pendingMs,
      received: this.drain.taken + this.drain.unwanted,
      uplinkBytes: this.drain.unreadBytes,
    };
  }
}
