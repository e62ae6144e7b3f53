/** Events of a bus, sent to a containerd daemon, where `ctr events` and all its other subscribers see them. */
import { sleep } from '../../host/timing.js';
import {
  type DeliveryMode,
  type Envelope,
  type FilterInput,
  InvalidOptionError,
  type Subscription,
} from '../../index.js';
import { readOptions, signalOption } from '../../option-check.js';
import { CallFailedError } from '../bridge-errors.js';
import { type BridgedBus, BridgeLife, RESERVED } from '../bridge-life.js';
import { contentKey, readEnvelopeFields } from '../envelope-fields.js';
import { bytesField } from '../wire-fields.js';
import { ContainerdClient } from './containerd-client.js';
import { type Echoes, echoesOf, originOf } from './echoes.js';

export interface ToContainerdOptions {
  /** The path of the daemon's socket, or `unix://` and a path. */
  readonly address: string;
  /** The namespace that all events get; default: each keeps its own. */
  readonly namespace?: string;
  /** Default `lossless`: while the daemon is away the ring holds what is to be sent, under the rules of the bus. */
  readonly delivery?: DeliveryMode;
  /** Of the bridge; default `to-containerd`. */
  readonly name?: string;
  /** Closes the bridge when aborted. */
  readonly signal?: AbortSignal;
}

const CALL_TIMEOUT_MS = 10_000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_000;
/** DEADLINE_EXCEEDED, UNAVAILABLE. */
const PASSING: ReadonlySet<number> = new Set([4, 14]);

/**
 * Sends events to a daemon, one after the other and in order; each is tried until the daemon has taken it. What came from
 * that daemon is not sent back.
 *
 * @throws {InvalidFilterError} `BUS_INVALID_FILTER`, and the other errors of `subscribe`
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`, also when the bus has a bridge of that name
 * @throws {UnknownOptionError} `BUS_UNKNOWN_OPTION`
 * @throws {MissingPeerError} `BRIDGE_MISSING_PEER` when @grpc/grpc-js is not installed
 * @throws {BusClosedError} `BUS_CLOSED`
 * @example
 * await toContainerd(bus, '/service/**', { address: '/run/containerd/containerd.sock' });
 */
export async function toContainerd(
  bus: BridgedBus,
  filter: FilterInput,
  options: ToContainerdOptions,
): Promise<ContainerdSink> {
  const given = readOptions('options', options, ['address', 'namespace', 'delivery', 'name', 'signal']);
  if (given.namespace !== undefined && (typeof given.namespace !== 'string' || given.namespace === ''))
    throw new InvalidOptionError('namespace', given.namespace, 'the name of a namespace');
  signalOption(given.signal);
  const client = await ContainerdClient.open(given.address);
  return new ContainerdSink(bus, filter, client, given);
}

export class ContainerdSink extends BridgeLife {
  readonly #client: ContainerdClient;
  readonly #echoes: Echoes;
  readonly #namespace: Buffer | undefined;
  readonly #subscription: Subscription;
  #forwarded = 0;
  #retried = 0;
  #refused = 0;

  /** Use {@link toContainerd}. @internal */
  constructor(bus: BridgedBus, filter: FilterInput, client: ContainerdClient, options: ToContainerdOptions) {
    super(options.name ?? 'to-containerd');
    this.#client = client;
    this.#echoes = echoesOf(bus, client.path);
    this.#namespace = options.namespace === undefined ? undefined : Buffer.from(options.namespace);
    this.attachTo(bus, options.signal);
    try {
      this.#subscription = bus.subscribe(filter, (envelope) => this.#send(envelope), {
        name: `bridge ${this.name}`,
        isolate: true,
        exceptOrigins: [originOf(client.path)],
        ...(options.delivery !== undefined && { delivery: options.delivery }),
      });
    } catch (error) {
      // Nothing to end but the attachment.
      void this.close();
      throw error;
    }
    this.#subscription.on('lagged', ({ count }) => this.toldGap({ count, reason: 'the ring overtook the bridge' }));
    this.#subscription.on('evicted', (error) => this.toldGap({ count: undefined, reason: error.message }));
    // Whether the daemon is there, the first event tells.
    this.toldConnected();
  }

  override stats(): {
    /** Events that the daemon took. */
    forwarded: number;
    /** Calls that were made again. */
    retried: number;
    /** Events that the daemon does not take; a gap was told for each. */
    refused: number;
  } {
    return { forwarded: this.#forwarded, retried: this.#retried, refused: this.#refused };
  }

  protected override async end(): Promise<void> {
    await this.#subscription?.stop({ drain: true });
    this.#client.close();
  }

  async #send(envelope: Envelope): Promise<void> {
    // What a bus says of itself is not for others; they would not take it either.
    if (envelope.topic.startsWith(RESERVED)) return;
    // What older daemons do not survive is not sent, whoever made it.
    if (envelope.typeUrl === '') return this.#refuse('it has no event');
    const bytes = this.#bytesOf(envelope);
    this.#echoes.set(contentKey(readEnvelopeFields(bytes)), true);
    for (let backoffMs = MIN_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      try {
        await this.#client.forward(bytes, CALL_TIMEOUT_MS);
        this.#forwarded++;
        this.toldConnected();
        return;
      } catch (error) {
        const passing = error instanceof CallFailedError && PASSING.has(error.status);
        // At its end a bridge does not wait for a daemon that is away.
        if (!passing || this.closed) return this.#refuse((error as Error).message);
        this.toldDisconnected(error);
      }
      this.#retried++;
      await sleep(backoffMs);
    }
  }

  #refuse(reason: string): void {
    this.#refused++;
    this.toldGap({ count: 1, reason });
  }

  #bytesOf(envelope: Envelope): Buffer {
    const bytes = Buffer.from(envelope.toBinary());
    if (this.#namespace === undefined) return bytes;
    const { timestamp, topic, event } = readEnvelopeFields(bytes);
    return Buffer.concat([
      ...bytesField(10, timestamp),
      ...bytesField(18, this.#namespace),
      ...bytesField(26, topic),
      ...bytesField(34, event),
    ]);
  }
}
