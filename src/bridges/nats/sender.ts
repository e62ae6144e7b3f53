/** Sends messages to a stream: each until it is stored, however long the server is away. */
import { monotonicMs, sleep } from '../../host/timing.js';
import { BridgeClosedError } from '../bridge-errors.js';
import type { JetStream, JetStreamPackage, NatsConnection } from './jetstream-package.js';
import type { OutgoingMessage } from './outgoing-message.js';

const ACK_TIMEOUT_MS = 5_000;
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;
/** How long a bridge that closes tries on. */
const FINISH_MS = 5_000;

export interface SenderHost {
  readonly closed: boolean;
  told(error: Error | undefined): void;
}

export class Sender {
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStream;
  readonly #headers: JetStreamPackage['headers'];
  readonly #host: SenderHost;
  acked = 0;
  duplicates = 0;
  retried = 0;
  #closingSinceMs: number | undefined;

  constructor(pack: JetStreamPackage, connection: NatsConnection, host: SenderHost) {
    this.#connection = connection;
    this.#jetstream = pack.jetstream(connection);
    this.#headers = pack.headers;
    this.#host = host;
  }

  /**
   * Resolves when the message is stored. It is the same message however often it is sent: the server knows it by its id.
   *
   * @throws {BridgeClosedError} `BRIDGE_CLOSED` when the connection is closed, or the bridge closes and it is not stored soon
   * @throws {Error} of nats.js when the server takes less now than it did when the message was made
   */
  async send(subject: string, id: string, message: OutgoingMessage): Promise<void> {
    const data = message.data();
    const headers = this.#headers();
    for (const [name, value] of message.headers()) headers.set(name, value);
    for (let backoffMs = MIN_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
      try {
        const ack = await this.#jetstream.publish(subject, data, { msgID: id, headers, timeout: ACK_TIMEOUT_MS });
        if (ack.duplicate) this.duplicates += message.count;
        this.acked += message.count;
        this.#host.told(undefined);
        return;
      } catch (error) {
        // Nothing was sent: it would be refused again, and hold up all that follows.
        if ((error as Error).name === 'InvalidArgumentError') throw error;
        if (this.#connection.isClosed() || this.#isOver()) throw new BridgeClosedError('the bridge');
        this.#host.told(error as Error);
      }
      this.retried++;
      await sleep(backoffMs);
    }
  }

  #isOver(): boolean {
    if (!this.#host.closed) return false;
    this.#closingSinceMs ??= monotonicMs();
    return monotonicMs() - this.#closingSinceMs > FINISH_MS;
  }
}
