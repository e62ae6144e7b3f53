/**
 * Where connecting threads find the thread that owns a bus.
 *
 * A thread's first words come twice: on a BroadcastChannel, which carries shared memory and passes through no other thread,
 * and by `postMessageToThread`, which carries the port whose closing tells of the thread's end, and which waits for the event
 * loop of the main thread. Whatever comes first is enough to read from the uplink.
 */
import type { BroadcastChannel, MessagePort } from 'node:worker_threads';
import { nodeProcess } from '../host/node-process.js';
import { takeMessage } from '../host/ports.js';
import { workerThreads } from '../host/worker-threads.js';
import { LAYOUT_VERSION } from '../ring/control-descriptor.js';
import type { Hello, Meeting, ToReception } from './connection-messages.js';
import type { ModuleOffer } from './modules/module-messages.js';

/** Takes the first words of threads. Must not throw. */
export interface Greeter {
  /** Whether this thread owns the bus; where it does not, the words go on to the thread that does. */
  readonly isOwner: boolean;
  /** The port is closed where the bus takes no connection. */
  onMeeting(hello: Hello, port: MessagePort): void;
}

/** What the reception of a bus passes on. None may throw. */
export interface ReceptionEvents extends Greeter {
  readonly isOwner: true;
  onHello(hello: Hello): void;
  onRing(connection: string): void;
  onOffer(connection: string, offer: ModuleOffer): void;
}

/** Shared by all copies of the package that a thread loads: a bus of one is found by a connection of another. */
const RECEPTIONS = Symbol.for(`ringcast.receptions.${LAYOUT_VERSION}`);

/** What listens for all of them: that of the first copy. */
const LISTENER = Symbol.for(`ringcast.reception-listener.${LAYOUT_VERSION}`);

function receptions(): Map<string, Greeter> {
  const shared = nodeProcess() as unknown as Record<symbol, Map<string, Greeter> | undefined>;
  shared[RECEPTIONS] ??= new Map();
  return shared[RECEPTIONS];
}

function hear(message: unknown): void {
  const { ringcastBus, hello, port } = (message ?? {}) as Partial<Meeting>;
  if (typeof ringcastBus !== 'string' || hello === undefined || port === undefined) return;
  const greeter = receptions().get(ringcastBus);
  // Closed meanwhile: the closing of the port says so.
  if (greeter === undefined) port.close();
  else greeter.onMeeting(hello, port);
}

function listener(): (message: unknown) => void {
  const shared = nodeProcess() as NodeJS.Process & { [LISTENER]?: (message: unknown) => void };
  shared[LISTENER] ??= hear;
  return shared[LISTENER];
}

/**
 * Listens for threads, if nobody does. First of all: a listener of somebody else's that throws keeps Node from calling those
 * behind it.
 */
function listen(): void {
  // Somebody may have removed all listeners.
  if (
    nodeProcess()
      .listeners('workerMessage' as never)
      .includes(listener())
  )
    return;
  nodeProcess().prependListener('workerMessage' as never, listener());
}

/** Listens no more, if this thread owns no bus that threads may connect to. */
function stopListening(): void {
  if ([...receptions().values()].some(({ isOwner }) => isOwner)) return;
  nodeProcess().off('workerMessage' as never, listener());
}

/** Who takes the first words of this thread to the owner of a bus; undefined: they have to be sent there. */
export function greeterHere(busId: string): Greeter | undefined {
  return receptions().get(busId);
}

/** Lets the connection of this thread meet the owner of a bus by a way of their own. */
export function greetBy(busId: string, onMeeting: Greeter['onMeeting']): void {
  receptions().set(busId, { isOwner: false, onMeeting });
}

function channelName(busId: string): string {
  return `ringcast.${busId}`;
}

/** Says something to the reception of a bus that another thread owns. */
export function broadcast(busId: string, message: ToReception): void {
  // Closed at once: kept open it would hear, and keep, what other threads say on it.
  const channel = new (workerThreads().BroadcastChannel)(channelName(busId));
  try {
    channel.postMessage(message);
  } catch {
    // It posts by way of a port, and fails afterwards where that one's method was wrapped and returns nothing.
  }
  channel.close();
}

export class Reception {
  readonly #busId: string;
  readonly #channel: BroadcastChannel;
  readonly #events: ReceptionEvents;

  constructor(busId: string, events: ReceptionEvents) {
    this.#busId = busId;
    this.#events = events;
    receptions().set(busId, events);
    listen();
    this.#channel = new (workerThreads().BroadcastChannel)(channelName(busId));
    this.#channel.onmessage = (event) => this.#receive((event as { data: ToReception }).data);
    // A bus alone keeps no process open.
    this.#channel.unref();
  }

  /** Takes the first words that are on the channel by now, before the event loop brings them. */
  hear(): void {
    for (let message = this.#next(); message !== undefined; message = this.#next()) this.#receive(message);
  }

  #next(): ToReception | undefined {
    try {
      // Node takes a channel, too; its types do not say so.
      return takeMessage(this.#channel as unknown as MessagePort) as ToReception | undefined;
    } catch {
      // Deno does not: there the event loop brings them.
      return undefined;
    }
  }

  #receive(message: ToReception): void {
    // Whoever speaks here has not been heard, or not yet.
    listen();
    if ('hello' in message) this.#events.onHello(message.hello);
    else if ('offer' in message) this.#events.onOffer(message.connection, message.offer);
    else this.#events.onRing(message.ring);
  }

  close(): void {
    this.#channel.close();
    receptions().delete(this.#busId);
    stopListening();
  }
}
