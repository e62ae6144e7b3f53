/** Where processes that are not Node, and containerd's shims, publish to a bus: a local socket without gRPC. */
import { BusClosedError, BusError } from '../../index.js';
import { integerOption, readOptions, signalOption } from '../../option-check.js';
import { traceparentOrNone } from '../../ring/traceparent.js';
import { showThrown } from '../../shown.js';
import { CallFailedError } from '../bridge-errors.js';
import { type BridgedBus, BridgeLife } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import { RecentEvents } from '../recent-events.js';
import { RoomOnBus } from '../room-on-bus.js';
import { TtrpcClient } from './client.js';
import { TtrpcServer } from './server.js';
import type { TtrpcCall } from './server-connection.js';
import { decodeForward, EVENTS_SERVICE, FORWARD, TRACEPARENT_KEY } from './shim-events.js';
import { INTERNAL, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, TtrpcStatus, UNAVAILABLE } from './status.js';

export interface ServeEventsOptions {
  /** The path of a unix socket, or `unix://` and a path: at most 107 bytes. A socket that nobody serves is replaced. */
  readonly address: string;
  /** Of the socket's file; default 0o600: its owner alone may publish. */
  readonly mode?: number;
  /** Where events are passed on to, another socket of the same service: the one that containerd listens on. */
  readonly forwardTo?: string;
  /** Connections at once, 1 to 65,535; default 1,024. More are closed as they come. */
  readonly maxConnections?: number;
  /** Of the bridge, and the origin of its events; default `ttrpc`. */
  readonly name?: string;
  /** Closes the server when aborted. */
  readonly signal?: AbortSignal;
}

/** What a server counts. */
export type EventServerStats = Readonly<{
  /** Calls with an event. */
  calls: number;
  /** Events that the bus accepted. */
  accepted: number;
  /** Events that had been accepted already, and came again because the answer was late or lost. */
  repeated: number;
  /** Calls answered with UNAVAILABLE, because the bus was full: the client keeps the event. */
  full: number;
  /** Calls answered with another status. */
  refused: number;
  /** Events passed on to `forwardTo`. */
  passedOn: number;
  connections: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  /** Connections that were closed because something else than ttrpc was spoken on them. */
  connectionsMalformed: number;
}>;

/** A shim gives up a call after 5 s; a later answer would make it send the event again. */
const FULL_WAIT_MS = 4_000;
/** A shim sends an event again up to five times, within some 15 s. */
const REMEMBER_MS = 60_000;
const REMEMBER_EVENTS = 65_536;
const NOTHING = Buffer.alloc(0);

/** What became of an event, for calls that bring it again. */
interface Passage {
  accepted: Promise<void>;
  passedOn: Promise<unknown> | undefined;
}

/**
 * Serves `containerd.services.events.ttrpc.v1.Events/Forward` on a unix socket: what is sent there is put on the bus as
 * `forward` does it, with the time and namespace that it came with.
 *
 * A call is answered when the bus has accepted its event. While the bus is full, the call waits 4 s at most, and is then
 * answered with status 14 (UNAVAILABLE). An event that comes again within 60 s is answered like the first time, and not put
 * on the bus again.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`, also when the bus has a bridge of that name
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {AddressInUseError} `BRIDGE_ADDRESS_IN_USE`
 * @throws {BusClosedError} `BUS_CLOSED`
 * @example
 * const server = await serveEvents(bus, { address: '/run/ringcast/events.ttrpc' });
 */
export async function serveEvents(bus: BridgedBus, options: ServeEventsOptions): Promise<EventServer> {
  const given = readOptions('options', options, ['address', 'mode', 'forwardTo', 'maxConnections', 'name', 'signal']);
  const server = new EventServer(bus, given);
  await server.listen(bus, given);
  return server;
}

export class EventServer extends BridgeLife {
  readonly #bus: BridgedBus;
  readonly #room: RoomOnBus;
  readonly #next: TtrpcClient | undefined;
  readonly #passages = new RecentEvents<Passage>(REMEMBER_MS, REMEMBER_EVENTS);
  #server: TtrpcServer | undefined;
  #calls = 0;
  #accepted = 0;
  #repeated = 0;
  #full = 0;
  #refused = 0;
  #passedOn = 0;

  /** Use {@link serveEvents}. @internal */
  constructor(bus: BridgedBus, { name = 'ttrpc', forwardTo }: ServeEventsOptions) {
    super(name);
    this.#bus = bus;
    this.#room = new RoomOnBus(bus, FULL_WAIT_MS);
    this.#next = forwardTo === undefined ? undefined : new TtrpcClient(forwardTo);
  }

  /** @internal */
  async listen(bus: BridgedBus, { address, mode, maxConnections, signal }: ServeEventsOptions): Promise<void> {
    const socketOptions = {
      address,
      mode: integerOption('mode', mode, 0o600, 0, 0o777),
      maxConnections: integerOption('maxConnections', maxConnections, 1_024, 1, 65_535),
    };
    this.attachTo(bus, signalOption(signal));
    const services = { [EVENTS_SERVICE]: { [FORWARD]: { unary: (call: TtrpcCall) => this.#forward(call) } } };
    try {
      this.#server = await TtrpcServer.listen(services, socketOptions);
    } catch (error) {
      this.toldFailed(error as Error);
      await this.close();
      throw error;
    }
    this.toldConnected();
  }

  override stats(): EventServerStats {
    const { connections = 0, accepted = 0, refused = 0, malformed = 0 } = this.#server?.stats() ?? {};
    return {
      calls: this.#calls,
      accepted: this.#accepted,
      repeated: this.#repeated,
      full: this.#full,
      refused: this.#refused,
      passedOn: this.#passedOn,
      connections,
      connectionsAccepted: accepted,
      connectionsRefused: refused,
      connectionsMalformed: malformed,
    };
  }

  protected override async end(): Promise<void> {
    await this.#server?.close();
    this.#next?.close();
  }

  async #forward({ payload, metadata }: TtrpcCall): Promise<Uint8Array> {
    this.#calls++;
    try {
      const envelope = envelopeOf(payload);
      const key = contentKey(readEnvelopeFields(envelope));
      await this.#accept(key, envelope, traceparentOrNone(metadata.get(TRACEPARENT_KEY) ?? ''));
      if (this.#next !== undefined) await this.#passOn(this.#next, key, payload, metadata);
    } catch (error) {
      const answer = answerTo(error);
      if (answer.status === UNAVAILABLE) this.#full++;
      else this.#refused++;
      throw answer;
    }
    return NOTHING;
  }

  /** Puts an event on the bus, unless it is there, or on its way there. */
  #accept(key: string, envelope: Buffer, traceparent: string | undefined): Promise<void> {
    const known = this.#passages.get(key);
    if (known !== undefined) {
      this.#repeated++;
      return known.accepted;
    }
    const accepted = this.#put(envelope, traceparent).catch((error: unknown) => {
      // The client sends it again.
      this.#passages.delete(key);
      throw error;
    });
    this.#passages.set(key, { accepted, passedOn: undefined });
    return accepted;
  }

  async #put(envelope: Buffer, traceparent: string | undefined): Promise<void> {
    const options = { origin: this.name, traceparent };
    const accepted = await this.#room.put(() => this.#bus.forward(envelope, options));
    if (!accepted) throw new TtrpcStatus(UNAVAILABLE, `the bus had no room within ${FULL_WAIT_MS} ms`);
    this.#accepted++;
  }

  /** Passes an event on that the bus has, unless that was done. */
  async #passOn(next: TtrpcClient, key: string, request: Buffer, metadata: ReadonlyMap<string, string>): Promise<void> {
    // Forgotten meanwhile: it may be told twice, and is not lost.
    const passage = this.#passages.get(key) ?? { accepted: Promise.resolve(), passedOn: undefined };
    passage.passedOn ??= next.call(EVENTS_SERVICE, FORWARD, request, { timeoutMs: FULL_WAIT_MS, metadata }).then(
      () => {
        this.#passedOn++;
      },
      (error: unknown) => {
        passage.passedOn = undefined;
        throw error;
      },
    );
    await passage.passedOn;
  }
}

function envelopeOf(request: Buffer): Buffer {
  let envelope: Buffer | undefined;
  try {
    envelope = decodeForward(request);
  } catch (error) {
    throw new TtrpcStatus(INVALID_ARGUMENT, `no ForwardRequest: ${showThrown(error)}`, { cause: error });
  }
  if (envelope === undefined) throw new TtrpcStatus(INVALID_ARGUMENT, 'the request has no envelope');
  return envelope;
}

const TRY_AGAIN: ReadonlySet<string> = new Set([
  'BUS_QUEUE_FULL',
  'BUS_CLOSED',
  'BRIDGE_CONNECTION_LOST',
  'BRIDGE_CALL_TIMEOUT',
  'BRIDGE_TOO_MANY_CALLS',
  'BRIDGE_CLOSED',
]);

/** What a caller is told of a failure: whether it is to send the event again, or to mend it. */
function answerTo(error: unknown): TtrpcStatus {
  if (error instanceof TtrpcStatus) return error;
  if (!(error instanceof BusError)) return new TtrpcStatus(INTERNAL, 'the server failed', { cause: error });
  if (error instanceof CallFailedError) return new TtrpcStatus(error.status, error.message, { cause: error });
  if (error.code === 'BUS_EVENT_TOO_LARGE') return new TtrpcStatus(RESOURCE_EXHAUSTED, error.message, { cause: error });
  const status = error instanceof BusClosedError || TRY_AGAIN.has(error.code) ? UNAVAILABLE : INVALID_ARGUMENT;
  return new TtrpcStatus(status, error.message, { cause: error });
}
