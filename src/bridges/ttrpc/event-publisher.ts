/** Publishes from a Node process that has no bus to one that serves events on a socket. */
import { Envelope as EnvelopeMessage } from '../../events.js';
import { monotonicMs, sleep, systemMs } from '../../host/timing.js';
import { anyPack, BusError } from '../../index.js';
import { readOptions, timeoutOption } from '../../option-check.js';
import { checkTraceparent } from '../../publish/extensions.js';
import { CallFailedError, CallTimeoutError } from '../bridge-errors.js';
import { TtrpcClient } from './client.js';
import { EVENTS_SERVICE, encodeForward, FORWARD, NAMESPACE_KEY, TRACEPARENT_KEY } from './shim-events.js';
import { UNAVAILABLE } from './status.js';

export interface PublishToOptions {
  /** Of events that are published without one; default `default`. */
  readonly namespace?: string;
  /** How long an event is tried, 1 to 2^31 - 1 ms or `Infinity`; default 15,000. Keep it below 60,000: repeats are known so long. */
  readonly timeoutMs?: number;
}

export interface EventPublisherOptions {
  /** Default: that of the publisher. */
  readonly namespace?: string;
  /** For `envelope.traceparent`, as in `publish` of a bus. */
  readonly traceparent?: string | undefined;
}

const CALL_TIMEOUT_MS = 5_000;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 1_000;
const NANOS_PER_SECOND = 1_000_000_000n;

/**
 * A client of {@link serveEvents}. Connects when something is published, and again after the connection was lost.
 *
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
 * @example
 * const publisher = publishTo('/run/ringcast/events.ttrpc');
 * await publisher.publish('/backup/done', { volume: 'db', bytes: 12_345 });
 */
export function publishTo(address: string, options: PublishToOptions = {}): EventPublisher {
  return new EventPublisher(address, readOptions('options', options, ['namespace', 'timeoutMs']));
}

export class EventPublisher implements AsyncDisposable {
  readonly #client: TtrpcClient;
  readonly #namespace: string;
  readonly #timeoutMs: number;
  #lastTime = 0n;

  /** Use {@link publishTo}. @internal */
  constructor(address: string, { namespace = 'default', timeoutMs }: PublishToOptions) {
    this.#client = new TtrpcClient(address);
    this.#namespace = namespace;
    this.#timeoutMs = timeoutOption('timeoutMs', timeoutMs, 15_000, 1);
  }

  /**
   * Publishes an event with the time of the call; resolves when the bus has accepted it. Takes what `anyPack` takes.
   *
   * Tries again while the bus is full, and while nobody is there: the event arrives once all the same. Calls that wait for
   * their answers may be overtaken by later ones when they are tried again; await one call before the next to keep the order.
   *
   * @throws {InvalidEventError} `BUS_INVALID_EVENT`
   * @throws {InvalidTraceparentError} `BUS_INVALID_TRACEPARENT`
   * @throws {CallFailedError} `BRIDGE_CALL_FAILED` when the event was refused, or the bus was full all the time
   * @throws {ConnectionLostError} `BRIDGE_CONNECTION_LOST` when nobody was there
   * @throws {CallTimeoutError} `BRIDGE_CALL_TIMEOUT` when nobody answered
   * @throws {TooManyCallsError} `BRIDGE_TOO_MANY_CALLS` when 1,024 calls wait already
   */
  async publish(topic: string, event: unknown, options: EventPublisherOptions = {}): Promise<void> {
    const given = readOptions('options', options, ['namespace', 'traceparent']);
    const { namespace = this.#namespace, traceparent } = given;
    const time = this.#time();
    const timestamp = { seconds: Number(time / NANOS_PER_SECOND), nanos: Number(time % NANOS_PER_SECOND) };
    const message = new EnvelopeMessage({ timestamp, namespace, topic, event: anyPack(event) });
    await this.#forward(anyPack(message).value, namespace, traceparent);
  }

  /** Publishes an encoded envelope with its own time and namespace. Errors as those of {@link publish}. */
  async forward(envelope: Uint8Array, options: Pick<EventPublisherOptions, 'traceparent'> = {}): Promise<void> {
    const { traceparent } = readOptions('options', options, ['traceparent']);
    await this.#forward(envelope, undefined, traceparent);
  }

  /** Ends the connection; what is being published fails. */
  close(): void {
    this.#client.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #forward(envelope: Uint8Array, namespace: string | undefined, traceparent: string | undefined): Promise<void> {
    if (traceparent !== undefined) checkTraceparent(traceparent);
    const request = encodeForward(envelope);
    const metadata = new Map<string, string>();
    if (namespace !== undefined) metadata.set(NAMESPACE_KEY, namespace);
    if (traceparent !== undefined) metadata.set(TRACEPARENT_KEY, traceparent);
    const endMs = monotonicMs() + this.#timeoutMs;
    for (let backoffMs = MIN_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      const leftMs = endMs - monotonicMs();
      try {
        await this.#client.call(EVENTS_SERVICE, FORWARD, request, {
          timeoutMs: Math.max(1, Math.min(CALL_TIMEOUT_MS, leftMs)),
          metadata,
        });
        return;
      } catch (error) {
        if (!isPassing(error) || leftMs <= backoffMs) throw error;
      }
      await sleep(backoffMs);
    }
  }

  /** Nanoseconds since 1970, never the same twice: two events that differ in nothing else are two events. */
  #time(): bigint {
    const now = BigInt(Math.floor(systemMs() * 1_000)) * 1_000n;
    this.#lastTime = now > this.#lastTime ? now : this.#lastTime + 1n;
    return this.#lastTime;
  }
}

/** Whether a later attempt may succeed. */
function isPassing(error: unknown): boolean {
  if (error instanceof CallFailedError) return error.status === UNAVAILABLE;
  return error instanceof CallTimeoutError || (error instanceof BusError && error.code === 'BRIDGE_CONNECTION_LOST');
}
