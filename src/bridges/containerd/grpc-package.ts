/**
 * The only importer of @grpc/grpc-js, an optional peer of the package. What is used of it is described here, since the
 * types of this bridge must do without its own where it is not installed.
 */
import { MissingPeerError } from '../bridge-errors.js';

/** What is used of the package. */
export interface GrpcPackage {
  readonly Client: new (address: string, credentials: unknown, options: Record<string, number>) => GrpcClient;
  readonly Metadata: new () => GrpcMetadata;
  readonly credentials: { createInsecure(): unknown };
}

interface GrpcMetadata {
  set(key: string, value: string): void;
}

type Identity = (bytes: Buffer) => Buffer;

export interface GrpcClient {
  makeUnaryRequest(
    path: string,
    serialize: Identity,
    deserialize: Identity,
    request: Buffer,
    metadata: GrpcMetadata,
    options: { deadline: Date },
    callback: (error: GrpcError | null) => void,
  ): unknown;
  makeServerStreamRequest(
    path: string,
    serialize: Identity,
    deserialize: Identity,
    request: Buffer,
    metadata: GrpcMetadata,
  ): GrpcStream;
  close(): void;
}

export interface GrpcStream extends AsyncIterable<Buffer> {
  on(event: 'error', listener: (error: GrpcError) => void): unknown;
  cancel(): void;
}

/** What a call fails with. */
export interface GrpcError extends Error {
  readonly code: number;
  readonly details: string;
}

/** @throws {MissingPeerError} `BRIDGE_MISSING_PEER` */
export async function loadGrpc(): Promise<GrpcPackage> {
  try {
    return (await import('@grpc/grpc-js')) as unknown as GrpcPackage;
  } catch (cause) {
    throw new MissingPeerError(['@grpc/grpc-js'], 'npm install @grpc/grpc-js@1', cause);
  }
}
