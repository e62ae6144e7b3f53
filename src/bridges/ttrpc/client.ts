/** A ttrpc client: connects when it is first called, and again when the connection was lost. */
import { BridgeClosedError, TooManyCallsError } from '../bridge-errors.js';
import { socketPath } from '../socket-path.js';
import { ClientConnection } from './client-connection.js';
import type { TtrpcRequest } from './message.js';

/** Calls that wait for answers at once. */
const MAX_CALLS = 1_024;

export interface TtrpcCallOptions {
  /** How long to wait for the answer, ms; default: without end. The server is told. */
  readonly timeoutMs?: number;
  readonly metadata?: ReadonlyMap<string, string>;
}

const NO_METADATA: ReadonlyMap<string, string> = new Map();

export class TtrpcClient {
  readonly #path: string;
  #opening: Promise<ClientConnection> | undefined;
  #connection: ClientConnection | undefined;
  #calls = 0;
  #closed = false;

  /** @throws {InvalidOptionError} `BUS_INVALID_OPTION` for what is no address */
  constructor(address: string) {
    this.#path = socketPath(address);
  }

  /**
   * Calls a method that answers once; resolves with the payload of the answer.
   *
   * @throws {CallFailedError} `BRIDGE_CALL_FAILED` with the status of the answer
   * @throws {CallTimeoutError} `BRIDGE_CALL_TIMEOUT`
   * @throws {ConnectionLostError} `BRIDGE_CONNECTION_LOST` when nobody is there, or the connection ended meanwhile
   * @throws {ProtocolError} `BRIDGE_PROTOCOL`
   * @throws {TooManyCallsError} `BRIDGE_TOO_MANY_CALLS` when 1,024 calls wait already
   * @throws {BridgeClosedError} `BRIDGE_CLOSED`
   */
  async call(service: string, method: string, payload: Uint8Array, options: TtrpcCallOptions = {}): Promise<Buffer> {
    if (this.#calls >= MAX_CALLS) throw new TooManyCallsError(`${service}/${method}`, MAX_CALLS);
    this.#calls++;
    try {
      const connection = await this.#connected();
      return await connection.call(requestOf(service, method, payload, options));
    } finally {
      this.#calls--;
    }
  }

  /**
   * Calls a method that answers with a stream of messages. Errors as those of {@link call}, thrown by the iterator.
   *
   * A stream that is not read holds up all answers on the connection: the protocol knows nothing to slow it down.
   */
  async *stream(
    service: string,
    method: string,
    payload: Uint8Array,
    options: Pick<TtrpcCallOptions, 'metadata'> = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    const connection = await this.#connected();
    yield* connection.stream(requestOf(service, method, payload, options));
  }

  /** Ends the connection. Calls that wait for their answers fail. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async #connected(): Promise<ClientConnection> {
    if (this.#closed) throw new BridgeClosedError('the client');
    if (this.#connection?.usable) return this.#connection;
    this.#opening ??= ClientConnection.open(this.#path).finally(() => {
      this.#opening = undefined;
    });
    const connection = await this.#opening;
    this.#connection = connection;
    if (this.#closed) {
      connection.close();
      throw new BridgeClosedError('the client');
    }
    return connection;
  }
}

function requestOf(
  service: string,
  method: string,
  payload: Uint8Array,
  { timeoutMs, metadata = NO_METADATA }: TtrpcCallOptions,
): TtrpcRequest {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return { service, method, payload: bytes, timeoutMs, metadata };
}
