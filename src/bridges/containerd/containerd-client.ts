/** The events service of a containerd daemon: Subscribe, Publish and Forward, with messages as bytes. */
import { systemMs } from '../../host/timing.js';
import { CallFailedError } from '../bridge-errors.js';
import { socketPath } from '../socket-path.js';
import { bytesField, messageField } from '../wire-fields.js';
import { type GrpcClient, type GrpcError, type GrpcPackage, type GrpcStream, loadGrpc } from './grpc-package.js';

const SERVICE = '/containerd.services.events.v1.Events';
/** The header in which a client says its namespace. */
const NAMESPACE_HEADER = 'containerd-namespace';
/** What containerd takes and sends. Left to itself, grpc-js ends the whole stream at 4 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // No keepalive: the daemon answers pings with GOAWAY, and of a unix socket the kernel tells when the other side is gone.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};
const identity = (bytes: Buffer): Buffer => bytes;

export class ContainerdClient {
  /** The path of the daemon's socket. */
  readonly path: string;
  readonly #grpc: GrpcPackage;
  readonly #client: GrpcClient;

  private constructor(grpc: GrpcPackage, path: string) {
    this.path = path;
    this.#grpc = grpc;
    this.#client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure(), OPTIONS);
  }

  /**
   * Connects when it is used.
   *
   * @throws {InvalidOptionError} `BUS_INVALID_OPTION`
   * @throws {MissingPeerError} `BRIDGE_MISSING_PEER`
   */
  static async open(address: string): Promise<ContainerdClient> {
    const path = socketPath(address);
    return new ContainerdClient(await loadGrpc(), path);
  }

  /** The events that one of the filters selects, all without any; each message is an encoded envelope. */
  subscribe(filters: readonly string[]): GrpcStream {
    const request = Buffer.concat(filters.flatMap((filter) => bytesField(10, Buffer.from(filter))));
    const metadata = new this.#grpc.Metadata();
    return this.#client.makeServerStreamRequest(`${SERVICE}/Subscribe`, identity, identity, request, metadata);
  }

  /** @param any an encoded google.protobuf.Any that is not empty: older daemons do not survive a request without one */
  publish(topic: string, any: Uint8Array, namespace: string, timeoutMs: number): Promise<void> {
    const request = Buffer.concat([...bytesField(10, Buffer.from(topic)), messageField(18, any)]);
    return this.#call('Publish', request, timeoutMs, namespace);
  }

  /** @param envelope one that has an event: older daemons do not survive one without */
  forward(envelope: Uint8Array, timeoutMs: number): Promise<void> {
    return this.#call('Forward', messageField(10, envelope), timeoutMs, undefined);
  }

  close(): void {
    this.#client.close();
  }

  #call(method: string, request: Buffer, timeoutMs: number, namespace: string | undefined): Promise<void> {
    const metadata = new this.#grpc.Metadata();
    if (namespace !== undefined) metadata.set(NAMESPACE_HEADER, namespace);
    const deadline = new Date(systemMs() + timeoutMs);
    return new Promise((resolve, reject) => {
      const done = (error: GrpcError | null): void => (error === null ? resolve() : reject(callFailed(method, error)));
      this.#client.makeUnaryRequest(`${SERVICE}/${method}`, identity, identity, request, metadata, { deadline }, done);
    });
  }
}

/** What grpc-js says, as an error with a code. */
export function callFailed(method: string, error: unknown): CallFailedError {
  const { code, details, message } = error as Partial<GrpcError>;
  return new CallFailedError(`Events/${method}`, code ?? 2, details || `${message}`, { cause: error });
}
