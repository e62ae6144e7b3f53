/**
 * The only importer of @nats-io/jetstream and @nats-io/transport-node, optional peers of the package. What is used of them
 * is described here, since the types of this bridge must do without theirs where they are not installed.
 */
import { InvalidOptionError } from '../../errors.js';
import { connectionLost, MissingPeerError } from '../bridge-errors.js';

/** A connection of @nats-io/transport-node, or of another transport of nats.js 3. */
export interface NatsConnection {
  readonly info?: { readonly max_payload: number } | undefined;
  isClosed(): boolean;
  closed(): Promise<unknown>;
  status(): AsyncIterable<{ readonly type: string }>;
}

interface MessageHeaders {
  get(key: string): string;
  set(key: string, value: string): void;
}

interface PublishAck {
  readonly seq: number;
  readonly duplicate: boolean;
}

export interface JetStreamMessage {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
  readonly headers?: MessageHeaders | undefined;
  ack(): void;
}

export interface Messages extends AsyncIterable<JetStreamMessage> {
  close(): Promise<unknown>;
}

export interface StreamState {
  readonly first_seq: number;
  readonly last_seq: number;
}

export interface JetStream {
  publish(
    subject: string,
    payload: Uint8Array,
    options: { readonly msgID: string; readonly headers: MessageHeaders; readonly timeout: number },
  ): Promise<PublishAck>;
  readonly consumers: {
    get(
      stream: string,
      consumer: string | Record<string, unknown>,
    ): Promise<{ consume(options: Record<string, unknown>): Promise<Messages> }>;
  };
}

export interface JetStreamAdmin {
  readonly streams: {
    info(
      stream: string,
    ): Promise<{ readonly state: StreamState; readonly config: { readonly duplicate_window?: number } }>;
    add(config: Record<string, unknown>): Promise<unknown>;
  };
  readonly consumers: {
    info(stream: string, consumer: string): Promise<{ readonly num_ack_pending: number }>;
    add(stream: string, config: Record<string, unknown>): Promise<unknown>;
  };
}

/** What is used of the packages. */
export interface JetStreamPackage {
  jetstream(connection: NatsConnection): JetStream;
  jetstreamManager(connection: NatsConnection): Promise<JetStreamAdmin>;
  headers(): MessageHeaders;
}

/** @throws {MissingPeerError} `BRIDGE_MISSING_PEER` */
export async function loadJetStream(): Promise<JetStreamPackage> {
  try {
    const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
    const { headers } = await import('@nats-io/transport-node');
    return { jetstream, jetstreamManager, headers } as unknown as JetStreamPackage;
  } catch (error) {
    throw missing(error);
  }
}

/**
 * A connection that is made again for as long as it takes, for programs that have none of their own.
 *
 * @param servers `host:port`, or URLs with credentials
 * @throws {MissingPeerError} `BRIDGE_MISSING_PEER`
 * @throws {InvalidOptionError} `BUS_INVALID_OPTION` when one of them is no address
 * @throws {ConnectionLostError} `BRIDGE_CONNECTION_LOST` when none of them is there, or it is no NATS server
 */
export async function connectNats(servers: readonly string[]): Promise<NatsConnection & { close(): Promise<void> }> {
  const { connect } = await import('@nats-io/transport-node').catch((error: unknown) => {
    throw missing(error);
  });
  try {
    return await connect({
      servers: [...servers],
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      noAsyncTraces: true,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_INVALID_URL')
      throw new InvalidOptionError('servers', servers, "addresses such as 'host:port' or 'nats://host:port'", {
        cause: error,
      });
    throw connectionLost(servers.join(','), error);
  }
}

function missing(cause: unknown): MissingPeerError {
  const packages = ['@nats-io/jetstream', '@nats-io/transport-node'];
  return new MissingPeerError(packages, `npm install ${packages.map((name) => `${name}@3`).join(' ')}`, cause);
}
