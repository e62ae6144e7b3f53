/** A bus and a stream of NATS JetStream: events between machines. */
import { unwatched } from '../../host/report.js';
import type { Subscription } from '../../index.js';
import { showThrown } from '../../shown.js';
import { connectionLost, StreamUnusableError } from '../bridge-errors.js';
import { type BridgedBus, BridgeLife } from '../bridge-life.js';
import { BusPassages } from './bus-passages.js';
import { Incoming } from './incoming.js';
import { type JetStreamAdmin, type JetStreamPackage, loadJetStream } from './jetstream-package.js';
import { type CheckedNatsOptions, checkNatsOptions, type NatsBridgeOptions } from './nats-options.js';
import { Outgoing } from './outgoing.js';
import { ACK_WAIT_MS, startAt } from './positions.js';
import { Sender } from './sender.js';

/** What a server takes unless it says otherwise. */
const DEFAULT_MAX_PAYLOAD = 1_048_576;
/** Of a message beside its data and what its headers say of each event: the names of headers, and an id. */
const HEADERS_BYTES = 1_024;
const NANOS_PER_MS = 1_000_000;

/** What a NATS bridge counts. */
export type NatsBridgeStats = Readonly<{
  /** Events given to the server, those sent again counted once. */
  sent: number;
  /** Events that the stream has stored. */
  acked: number;
  /** Of those, events that the stream had already, because an answer was lost. */
  duplicates: number;
  /** Messages that were sent again. */
  retried: number;
  /** Events that had passed eight buses, and went no further. */
  tooFar: number;
  /** Events that came in. */
  received: number;
  /** Events that came back to this bus, and were dropped. */
  own: number;
  /** Events that the bus had already, and that were dropped. */
  repeated: number;
  /** Events that the bus does not take, and messages that hold none; a gap was told for each. */
  refused: number;
  /** In the stream, of the last message that came in; 0: none. To go on behind it, read from this sequence plus one. */
  lastSequence: number;
}>;

/**
 * Connects a bus with a stream: events of the bus are stored there, and those of others come in.
 *
 * An event reaches each bus once, whatever the number of bridges and streams between them, and never comes back to where
 * it began. `await bridge.ready` waits until both directions work.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`, also when the bus has a bridge of that name
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {InvalidFilterError} `BUS_INVALID_FILTER`, and the other errors of `subscribe`
 * @throws {MissingPeerError} `BRIDGE_MISSING_PEER` when @nats-io/jetstream is not installed
 * @throws {StreamUnusableError} `BRIDGE_STREAM_UNUSABLE` when there is no such stream, or the server has no JetStream
 * @throws {BusClosedError} `BUS_CLOSED`
 * @example
 * const bridge = await natsBridge(bus, { connection, stream: 'EVENTS', out: { filter: '/service/**' }, in: {} });
 */
export async function natsBridge(bus: BridgedBus, options: NatsBridgeOptions): Promise<NatsBridge> {
  const checked = checkNatsOptions(options);
  const pack = await loadJetStream();
  const { connection, stream } = checked;
  let admin: JetStreamAdmin;
  try {
    admin = await pack.jetstreamManager(connection);
    await prepare(admin, checked);
  } catch (error) {
    throw new StreamUnusableError(stream, showThrown(error), { cause: error });
  }
  return new NatsBridge(bus, checked, pack, admin);
}

/** Sees that stream and consumer are there. */
async function prepare(admin: JetStreamAdmin, options: CheckedNatsOptions): Promise<void> {
  const { stream, prefix, create } = options;
  const found = await admin.streams.info(stream).catch(async (error: unknown) => {
    if (create === undefined || !isNotFound(error)) throw error;
    await admin.streams.add({
      name: stream,
      subjects: [`${prefix}.>`],
      ...(create.maxBytes !== undefined && { max_bytes: create.maxBytes }),
      ...(create.maxAgeMs !== undefined && { max_age: create.maxAgeMs * NANOS_PER_MS }),
      ...(create.replicas !== undefined && { num_replicas: create.replicas }),
    });
    return admin.streams.info(stream);
  });
  if (options.in?.durable === undefined) return;
  const { durable, from } = options.in;
  await admin.consumers.info(stream, durable).catch(async (error: unknown) => {
    if (!isNotFound(error)) throw error;
    await admin.consumers.add(stream, {
      durable_name: durable,
      // An acknowledgement that is lost is made up for by the next one.
      ack_policy: 'all',
      ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
      filter_subject: `${prefix}.>`,
      ...startAt(from, found.state),
    });
  });
}

/** Whether JetStream says that there is no such stream, or consumer. */
function isNotFound(error: unknown): boolean {
  return /^(Stream|Consumer)NotFoundError$/.test((error as Error).name);
}

export class NatsBridge extends BridgeLife {
  readonly #sender: Sender;
  readonly #outgoing: Outgoing | undefined;
  readonly #incoming: Incoming | undefined;
  readonly #passages: BusPassages;
  #subscription: Subscription | undefined;
  #reading: Promise<void> | undefined;

  /** Use {@link natsBridge}. @internal */
  constructor(bus: BridgedBus, options: CheckedNatsOptions, pack: JetStreamPackage, admin: JetStreamAdmin) {
    super(options.name);
    const { connection, prefix, out, stream, name } = options;
    const origin = `nats:${name}`;
    this.#passages = BusPassages.of(bus, options.id);
    const isClosed = (): boolean => this.closed;
    this.#sender = new Sender(pack, connection, {
      get closed() {
        return isClosed();
      },
      told: (error) => (error === undefined ? this.toldConnected() : this.toldDisconnected(error)),
    });
    if (out !== undefined) {
      const maxBytes = (connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADERS_BYTES;
      this.#outgoing = new Outgoing({ ...out, name, prefix, maxBytes }, this.#passages, this.#sender, (count, reason) =>
        this.toldGap({ count, reason }),
      );
    }
    if (options.in !== undefined) {
      const { filter, from, durable } = options.in;
      this.#incoming = new Incoming(
        bus,
        { stream, prefix, filter, from, durable, origin },
        this.#passages,
        this.#outgoing ?? this,
        {
          get closed() {
            return isClosed();
          },
          connected: () => this.toldConnected(),
          disconnected: (error) => this.toldDisconnected(error),
          gap: (count, reason) => this.toldGap({ count, reason }),
        },
      );
    }
    this.attachTo(bus, options.signal);
    try {
      this.#subscribe(bus, options, origin);
    } catch (error) {
      void this.close();
      throw error;
    }
    const reading = this.#incoming?.run(pack.jetstream(connection), admin);
    this.#reading = reading;
    if (reading === undefined) this.toldConnected();
    void this.#watch(options, admin);
  }

  /** Of the bus, among others. */
  get busId(): string {
    return this.#passages.busId;
  }

  override stats(): NatsBridgeStats {
    const { acked, duplicates, retried } = this.#sender;
    const { received = 0, own = 0, repeated = 0, refused = 0, lastSequence = 0 } = this.#incoming ?? {};
    const { sent = 0, tooFar = 0 } = this.#outgoing ?? {};
    return { sent, acked, duplicates, retried, tooFar, received, own, repeated, refused, lastSequence };
  }

  protected override async end(): Promise<void> {
    await this.#incoming?.stop().catch(() => {});
    await this.#subscription?.stop({ drain: true });
    if (this.#outgoing !== undefined) {
      await this.#outgoing.flush();
      this.#passages.senders.delete(this.#outgoing);
    }
    await this.#reading;
  }

  #subscribe(bus: BridgedBus, { name, out }: CheckedNatsOptions, origin: string): void {
    if (out === undefined || this.#outgoing === undefined) return;
    const outgoing = this.#outgoing;
    this.#subscription = bus.subscribe(out.filter, (envelope) => outgoing.handle(envelope), {
      name: `bridge ${name}`,
      isolate: true,
      exceptOrigins: [origin],
      ...(out.delivery !== undefined && { delivery: out.delivery }),
    });
    this.#passages.senders.add(outgoing);
  }

  /** Tells what happens to the connection, and looks for what was missed meanwhile. */
  async #watch({ connection, stream }: CheckedNatsOptions, admin: JetStreamAdmin): Promise<void> {
    void connection.closed().then((error) => {
      if (!this.closed)
        this.toldFailed(
          connectionLost(stream, error instanceof Error ? error : new Error('the connection was closed')),
        );
    });
    for await (const { type } of connection.status()) {
      if (this.closed) return;
      if (type === 'disconnect') this.toldDisconnected(connectionLost(stream, new Error('the server is away')));
      else if (type === 'reconnect') {
        this.toldConnected();
        unwatched(this.#incoming?.checkTrimmed(admin) ?? Promise.resolve());
      }
    }
  }
}
