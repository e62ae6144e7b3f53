/** A ttrpc server on a unix socket. */
import { createServer, type Server } from 'node:net';
import { clearTimeout, setTimeout } from '../../host/timing.js';
import { socketPath } from '../socket-path.js';
import { HeldBytes } from './held-bytes.js';
import { ServerConnection, type TtrpcServices } from './server-connection.js';
import { listenAt } from './socket-listen.js';

/** How long calls in hand have when a server closes. */
const FINISH_MS = 5_000;
const FRAME_TIMEOUT_MS = 30_000;
/** Of frames that are not complete, on all connections together. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

export interface TtrpcServerOptions {
  /** The path of a unix socket, or `unix://` and a path: at most 107 bytes. */
  readonly address: string;
  /** Of the socket's file. */
  readonly mode: number;
  /** Connections at once; more are closed as they come. */
  readonly maxConnections: number;
  /**
   * How long a frame may take from its first byte to its last, 1 to 2^31 - 1 ms; default 30,000. Then its connection is
   * closed: whoever sends half frames keeps nobody else out.
   */
  readonly frameTimeoutMs?: number;
}

export class TtrpcServer {
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  #accepted = 0;
  #refused = 0;
  #malformed = 0;
  #removeSocket = (): void => {};

  private constructor(
    services: TtrpcServices,
    { maxConnections, frameTimeoutMs = FRAME_TIMEOUT_MS }: TtrpcServerOptions,
  ) {
    const held = new HeldBytes(MAX_HELD_BYTES);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#accepted++;
      const connection = new ServerConnection(socket, services, held, frameTimeoutMs, () => this.#malformed++);
      this.#connections.add(connection);
      void connection.ended.then(() => this.#connections.delete(connection));
    });
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', () => this.#refused++);
    // Out of file descriptors, for one: those that are connected go on.
    this.#server.on('error', () => this.#refused++);
  }

  /**
   * Serves `services` from when the promise resolves on.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
   * @throws {AddressInUseError} `BRIDGE_ADDRESS_IN_USE`
   */
  static async listen(services: TtrpcServices, options: TtrpcServerOptions): Promise<TtrpcServer> {
    const path = socketPath(options.address);
    const server = new TtrpcServer(services, options);
    server.#removeSocket = await listenAt(server.#server, path, options.mode);
    return server;
  }

  stats(): { connections: number; accepted: number; refused: number; malformed: number } {
    return {
      connections: this.#connections.size,
      accepted: this.#accepted,
      refused: this.#refused,
      malformed: this.#malformed,
    };
  }

  /** Takes no more calls; resolves when those in hand are answered, after 5 s at most. */
  async close(): Promise<void> {
    this.#removeSocket();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#connections) connection.finish();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, FINISH_MS);
    await closed;
    clearTimeout(timer);
  }
}
