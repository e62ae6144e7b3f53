/**
 * The way from a connected thread to the thread that owns the bus: the meeting, the doorbell, and what the owner tells.
 *
 * Nothing is decided by a time-out. Timers only look again: for a meeting that found nobody, for room made before there was a
 * port to say so on, for a ring that nobody heard.
 */
import type { MessagePort } from 'node:worker_threads';
import { nodeProcess } from '../host/node-process.js';
import { post, postUnheard, takeMessages } from '../host/ports.js';
import { clearInterval, setInterval, setTimeout } from '../host/timing.js';
import { workerThreads } from '../host/worker-threads.js';
import * as control from '../ring/control-descriptor.js';
import { attachRing, type RingMemory } from '../ring/ring-memory.js';
import * as uplink from '../ring/uplink-descriptor.js';
import type { BusHandle } from './bus-handle.js';
import { type Hello, type Meeting, RING, ROOM, type ToConnection, type ToOwner } from './connection-messages.js';
import type { ModuleOffer } from './modules/module-messages.js';
import { OwnerAbsence } from './probe.js';
import { broadcast, greeterHere } from './reception.js';
import { UplinkWaits } from './uplink-waits.js';

/** Between two looks of the safety check, and of one that has to do without a port. */
const SAFETY_CHECK_MS = 100;
const UNMET_CHECK_MS = 10;
/** Before a meeting is tried again that found nobody. */
const RETRY_MS = 50;

const heard = (): void => {};
let links = 0;

/** What the link tells the connection. None may throw. */
export interface OwnerLinkEvents {
  /** Everything but numbers, in the order in which the owner said it. */
  onTold(message: Exclude<ToConnection, number>): void;
  /** The owner has woken the reader with a slot. */
  onWoken(slot: number): void;
  /** There may be room in the uplink. */
  onRoom(): void;
  /** Called now and then, whatever happens. */
  onLook(): void;
  /** The owner takes nothing over any more, or is gone. Called once. */
  onEnd(): void;
}

export class OwnerLink {
  /** False until the owner has told what is wanted: until then all of it is sent. */
  isMet = false;
  hasEnded = false;
  /** Rings that only the safety check sent; 0 unless the doorbell is broken. */
  rescued = 0;
  readonly memory: RingMemory;
  /** The ring of the bus. */
  readonly busMemory: RingMemory;
  readonly waits: UplinkWaits;
  readonly hello: Hello;
  readonly #busId: string;
  readonly #ownerThreadId: number;
  readonly #events: OwnerLinkEvents;
  #port: MessagePort | undefined;
  /** The port is with the owner, or on a way on which nothing is lost. */
  #isGreeted = false;
  /** Said before somebody certainly reads the port. Node never closes one that nobody reads and that has something in it. */
  readonly #unsaid: ToOwner[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #absence = new OwnerAbsence();
  /** What the last safety check found unread although the owner slept. */
  #suspect = 0;
  /** VERSION as of the last time the port was read; undefined: read it each time. */
  #version: number | undefined;

  constructor(handle: BusHandle, own: Omit<Hello, 'connection' | 'threadId'>, events: OwnerLinkEvents) {
    this.memory = attachRing(own.uplink);
    this.busMemory = attachRing(handle.ring);
    this.waits = new UplinkWaits(this.memory, this.busMemory);
    this.#busId = handle.busId;
    this.#ownerThreadId = handle.ownerThreadId;
    this.#events = events;
    const connection = process.getBuiltinModule('node:crypto').randomUUID();
    this.hello = { connection, threadId: workerThreads().threadId, ...own };
  }

  /** Looks for the owner. */
  start(): void {
    // Whoever asks for this thread finds it listening: see Probe.
    if (links++ === 0) nodeProcess().on('workerMessage' as never, heard);
    this.#meet();
    if (!this.#isGreeted) broadcast(this.#busId, { hello: this.hello });
    this.#watch(UNMET_CHECK_MS);
  }

  /** Whether the owner has said something since the last {@link hear}: one load, once they have met. */
  get hasNews(): boolean {
    // Pairs with the owner's count, which it stores behind what it tells.
    return this.memory.cells.load(uplink.VERSION) !== this.#version;
  }

  /** Takes what the owner has said, also while nothing else can bring it. */
  hear(): void {
    // Before the port: what is told from now on is counted after it.
    const version = this.memory.cells.load(uplink.VERSION);
    if (this.#port !== undefined) takeMessages(this.#port, (message: ToConnection) => this.#receive(message));
    this.#version = this.isMet ? version : undefined;
    if ((this.memory.cells.load(uplink.OWNER) & uplink.OWNER_ENDED) !== 0) this.end();
    else if (!this.isMet && this.busMemory.cells.load(control.WRITER_STATE) === control.CLOSED) this.end();
  }

  /** Rings, and ends where the owner's thread is gone: a thread that blocks hears of that in no other way. */
  probeOwner(): void {
    if (this.isMet && !this.hasEnded && postUnheard(this.#port!, RING)) this.end();
  }

  /** Whether the bus has begun to close. */
  get isClosing(): boolean {
    if ((this.memory.cells.load(uplink.OWNER) & (uplink.OWNER_CLOSING | uplink.OWNER_ENDED)) !== 0) return true;
    // An owner that has not heard of the thread cannot tell it.
    return !this.isMet && this.busMemory.cells.load(control.WRITER_STATE) !== control.OPEN;
  }

  /** The bus is closing: whoever publishes looks for news each time. */
  lookEachTime(): void {
    this.#version = undefined;
  }

  /** Wakes the owner. */
  ring(): void {
    if (this.#isHeard) post(this.#port, RING);
    else broadcast(this.#busId, { ring: this.hello.connection });
  }

  /** Says what need not be in order with events; where they have not met, once they have. */
  say(message: ToOwner): void {
    if (this.#isHeard) post(this.#port, message);
    else if (!this.hasEnded) this.#unsaid.push(message);
  }

  /** Says what a module is subscribed with. Call it before the request is written, behind which the owner waits for this. */
  offer(offer: ModuleOffer): void {
    this.say(offer);
    if (!this.#isHeard) broadcast(this.#busId, { offer, connection: this.hello.connection });
  }

  /** Nothing more will be written. Ring, or flush, after this. */
  leave(): void {
    this.memory.cells.store(uplink.LEAVING, 1);
  }

  /** Whether somebody reads the port. */
  get #isHeard(): boolean {
    return this.isMet || this.#isGreeted;
  }

  #sayUnsaid(): void {
    for (const message of this.#unsaid.splice(0)) post(this.#port, message);
  }

  #meet(): void {
    if (this.hasEnded) return;
    const { MessageChannel, postMessageToThread } = workerThreads();
    const { port1, port2 } = new MessageChannel();
    const before = this.#port;
    this.#port = port1;
    before?.close();
    port1.on('message', (message: ToConnection) => this.#receive(message));
    let isRetried = false;
    const retry = (): void => {
      if (isRetried || this.isMet || this.hasEnded) return;
      isRetried = true;
      setTimeout(() => !this.isMet && this.#meet(), RETRY_MS).unref();
    };
    port1.on('close', () => {
      if (this.#port !== port1) return;
      if (this.#isHeard) this.end();
      // The owner's thread may have ended with the message on its way: then nothing else says so.
      else retry();
    });
    // A connection keeps no thread alive.
    port1.unref();
    const { hello } = this;
    const greeter = greeterHere(this.#busId);
    if (greeter !== undefined) {
      this.#isGreeted = true;
      this.#sayUnsaid();
      greeter.onMeeting(hello, port2);
      return;
    }
    const meeting: Meeting = { ringcastBus: this.#busId, hello, port: port2 };
    const { failures } = this.#absence;
    postMessageToThread(this.#ownerThreadId, meeting, [port2]).catch((error: { readonly code?: string }) => {
      // Nobody is there, or not yet, as the owner's thread has just been started; or a listener of somebody else's threw.
      if (this.#absence.failed(error, failures, this.memory.cells.load(uplink.VERSION))) return this.end();
      // An owner that has heard of this thread answers.
      this.ring();
      retry();
    });
  }

  #receive(message: ToConnection): void {
    if (this.hasEnded) return;
    if (typeof message === 'number') {
      if (message === ROOM) this.#events.onRoom();
      else this.#events.onWoken(message);
      return;
    }
    if (message.kind === 'interest' && !this.isMet) {
      this.isMet = true;
      this.#sayUnsaid();
      this.#watch(SAFETY_CHECK_MS);
      // Made before the owner had the port: it could not say so.
      this.#events.onRoom();
      // Said to those who had met alone. OWNER_CLOSING was set before this message was sent.
      if (this.isClosing) this.#events.onTold({ kind: 'closing' });
    }
    this.#events.onTold(message);
  }

  #watch(everyMs: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  #look(): void {
    this.#events.onLook();
    if (!this.isMet) {
      this.hear();
      this.#events.onRoom();
    }
    if (this.hasEnded) return;
    const { cells } = this.memory;
    const tail = cells.load(control.TAIL);
    const unread = tail !== cells.load(control.slotOf(uplink.OWNER_SLOT) + control.RELEASED);
    const asleep = (cells.load(uplink.OWNER) & uplink.OWNER_ASLEEP) !== 0;
    const stuck = unread && asleep && tail === this.#suspect;
    this.#suspect = unread && asleep ? tail : 0;
    if (!stuck) return;
    this.rescued++;
    this.ring();
  }

  /** Has nothing to do with the owner any more. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearInterval(this.#timer);
    if (--links === 0) nodeProcess().off('workerMessage' as never, heard);
    this.#port?.close();
    // Not to be read again: Node crashes, in the turn in which a port says that it has closed.
    this.#port = undefined;
    this.#events.onEnd();
  }
}
