/** The live events of a containerd daemon, put on a bus. */
import { randomBytes } from 'node:crypto';
import { clearInterval, monotonicMs, setInterval, sleep } from '../../host/timing.js';
import { type BridgeGap, BusError, InvalidOptionError } from '../../index.js';
import { functionOption, integerOption, readable, readOptions, signalOption } from '../../option-check.js';
import { showThrown } from '../../shown.js';
import { warnOfSlip } from '../../topic/filter-slip.js';
import type { CallFailedError } from '../bridge-errors.js';
import { type BridgedBus, BridgeLife } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import { RoomOnBus } from '../room-on-bus.js';
import { bytesField } from '../wire-fields.js';
import { ContainerdClient, callFailed } from './containerd-client.js';
import { type Echoes, echoesOf, originOf } from './echoes.js';
import type { GrpcStream } from './grpc-package.js';

/** Events that may have been missed, between one subscription to the daemon and the next. */
export interface ContainerdGap extends BridgeGap {
  /** How long nothing was heard, ms. */
  readonly durationMs: number;
}

export interface FromContainerdOptions {
  /** The path of the daemon's socket, or `unix://` and a path. */
  readonly address: string;
  /** containerd's own filter expressions, evaluated by the daemon: events that one of them selects. Default: all. */
  readonly filters?: readonly string[];
  /** Told of each gap; the event `gap` is the same. */
  readonly onGap?: (gap: ContainerdGap) => void;
  /**
   * How long the daemon may have to keep events for us while the bus is full, 0 to 2^31 - 1 ms; default 30,000. After it
   * the subscription is given up, and a gap told.
   */
  readonly maxPausedMs?: number;
  /** In which the marker is published that tells when the subscription has begun; default `default`. */
  readonly namespace?: string;
  /** Of the bridge; default `containerd`. */
  readonly name?: string;
  /** Closes the bridge when aborted. */
  readonly signal?: AbortSignal;
}

const MARKER_TOPIC = '/ringcast-marker/';
const MARKER_BYTES = Buffer.from(MARKER_TOPIC);
/** An Any that every program of containerd can read, and that says nothing. */
const MARKER_EVENT = Buffer.concat(bytesField(10, Buffer.from('google.protobuf.Empty')));
const MARKER_INTERVAL_MS = 250;
const CALL_TIMEOUT_MS = 10_000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_000;
/** INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED: trying again changes nothing. */
const LASTING: ReadonlySet<number> = new Set([3, 7, 12, 16]);

class PausedTooLong extends Error {}

/**
 * Subscribes to the events of a daemon, and puts each on the bus to the byte. `await source.ready` waits until the
 * subscription has begun; until then, and after the daemon was away, events may be missed, and a gap says so.
 *
 * What `toContainerd` sends to the same daemon does not come back to this bus.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`, also when the bus has a bridge of that name
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {MissingPeerError} `BRIDGE_MISSING_PEER` when @grpc/grpc-js is not installed
 * @throws {BusClosedError} `BUS_CLOSED`
 * @example
 * const source = await fromContainerd(bus, { address: '/run/containerd/containerd.sock' });
 * await source.ready;
 */
export async function fromContainerd(bus: BridgedBus, options: FromContainerdOptions): Promise<ContainerdSource> {
  const given = readOptions('options', options, [
    'address',
    'filters',
    'onGap',
    'maxPausedMs',
    'namespace',
    'name',
    'signal',
  ]);
  const maxPausedMs = integerOption('maxPausedMs', given.maxPausedMs, 30_000, 0, 2 ** 31 - 1);
  const filters = readable('filters', () => [...(given.filters ?? [])]);
  if (typeof given.filters === 'string' || !filters.every((filter) => typeof filter === 'string')) {
    throw new InvalidOptionError('filters', given.filters, 'a list of strings');
  }
  functionOption('onGap', given.onGap);
  signalOption(given.signal);
  const client = await ContainerdClient.open(given.address);
  warnOfSlip(filters);
  return new ContainerdSource(bus, client, { ...given, filters, maxPausedMs });
}

export class ContainerdSource extends BridgeLife {
  readonly #bus: BridgedBus;
  readonly #client: ContainerdClient;
  readonly #options: FromContainerdOptions;
  readonly #room: RoomOnBus;
  readonly #echoes: Echoes;
  readonly #origin: string;
  readonly #ended: Promise<void>;
  #stream: GrpcStream | undefined;
  #subscribed = false;
  #awaySinceMs: number | undefined;
  #awayReason = '';
  #received = 0;
  #echoed = 0;
  #refused = 0;
  #subscriptions = 0;

  /** Use {@link fromContainerd}. @internal */
  constructor(bus: BridgedBus, client: ContainerdClient, options: FromContainerdOptions & { maxPausedMs: number }) {
    super(options.name ?? 'containerd');
    this.#bus = bus;
    this.#client = client;
    this.#options = options;
    this.#room = new RoomOnBus(bus, options.maxPausedMs);
    this.#echoes = echoesOf(bus, client.path);
    this.#origin = originOf(client.path);
    this.attachTo(bus, options.signal);
    if (options.onGap !== undefined) this.on('gap', options.onGap as (gap: BridgeGap) => void);
    this.#ended = this.#run();
  }

  override stats(): {
    /** Events that came from the daemon. */
    received: number;
    /** Of those, events that had been sent to it from here. */
    echoed: number;
    /** Events that the bus does not take: too large, or with a topic that is none. A gap was told for each. */
    refused: number;
    /** Times that a subscription began. */
    subscriptions: number;
  } {
    return {
      received: this.#received,
      echoed: this.#echoed,
      refused: this.#refused,
      subscriptions: this.#subscriptions,
    };
  }

  protected override async end(): Promise<void> {
    this.#stream?.cancel();
    await this.#ended;
    this.#client.close();
  }

  /** Subscribes again and again, until the bridge is closed. */
  async #run(): Promise<void> {
    for (let backoffMs = MIN_BACKOFF_MS; !this.closed; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      const error = await this.#subscribe().catch((thrown: unknown) => thrown);
      if (this.closed) return;
      if (this.#subscribed) backoffMs = MIN_BACKOFF_MS;
      this.#awaySinceMs ??= this.#subscribed || this.#subscriptions > 0 ? monotonicMs() : undefined;
      this.#subscribed = false;
      if (error instanceof PausedTooLong) {
        this.#awayReason = `the bus was full for ${this.#options.maxPausedMs} ms`;
        await this.#bus.writable().catch(() => {});
        continue;
      }
      const failure = callFailed('Subscribe', error);
      this.#awayReason = failure.reason;
      if (this.#subscriptions === 0 && isLasting(failure)) {
        this.toldFailed(failure);
        return;
      }
      this.toldDisconnected(failure);
      await sleep(backoffMs);
    }
  }

  /** One subscription, from its call to its end. Never resolves but with the stream's end. */
  async #subscribe(): Promise<unknown> {
    const { filters = [] } = this.#options;
    const marker = MARKER_TOPIC + randomBytes(12).toString('hex');
    const stream = this.#client.subscribe(filters.length === 0 ? [] : [...filters, `topic==${JSON.stringify(marker)}`]);
    this.#stream = stream;
    // Its iterator tells of it too, where it is being waited for.
    stream.on('error', () => {});
    const stopMarking = this.#mark(marker);
    try {
      for await (const message of stream) {
        if (isMarker(message)) {
          if (!this.#subscribed && message.includes(marker)) this.#begun(stopMarking);
        } else await this.#take(message);
      }
      return new Error('the daemon ended the stream');
    } finally {
      stopMarking();
      stream.cancel();
    }
  }

  /** Nothing but an event of our own that comes back tells that a subscription has begun. */
  #mark(topic: string): () => void {
    const { namespace = 'default' } = this.#options;
    const publish = (): void => {
      // Why it fails, the subscription says.
      this.#client.publish(topic, MARKER_EVENT, namespace, CALL_TIMEOUT_MS).catch(() => {});
    };
    publish();
    const timer = setInterval(publish, MARKER_INTERVAL_MS);
    return () => clearInterval(timer);
  }

  #begun(stopMarking: () => void): void {
    stopMarking();
    this.#subscribed = true;
    this.#subscriptions++;
    this.toldConnected();
    if (this.#awaySinceMs === undefined) return;
    const durationMs = monotonicMs() - this.#awaySinceMs;
    this.#awaySinceMs = undefined;
    const gap: ContainerdGap = { count: undefined, reason: this.#awayReason, durationMs };
    this.toldGap(gap);
  }

  async #take(message: Buffer): Promise<void> {
    this.#received++;
    try {
      if (this.#echoes.size > 0 && this.#echoes.get(contentKey(readEnvelopeFields(message))) !== undefined) {
        this.#echoed++;
        return;
      }
      const accepted = await this.#room.put(() => this.#bus.forward(message, { origin: this.#origin }));
      if (!accepted) throw new PausedTooLong();
    } catch (error) {
      if (!(error instanceof BusError) || error.code === 'BUS_CLOSED') throw error;
      this.#refused++;
      const gap: ContainerdGap = { count: 1, reason: showThrown(error), durationMs: 0 };
      this.toldGap(gap);
    }
  }
}

/** Markers of other bridges, too. */
function isMarker(message: Buffer): boolean {
  if (!message.includes(MARKER_BYTES)) return false;
  return readEnvelopeFields(message).topic.subarray(0, MARKER_BYTES.length).equals(MARKER_BYTES);
}

/** Whether the daemon will say the same next time. A filter that does not parse is UNKNOWN to it. */
function isLasting({ status, reason }: CallFailedError): boolean {
  return LASTING.has(status) || (status === 2 && reason.includes('filter'));
}
