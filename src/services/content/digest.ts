/** Digests of content: `sha256:` and 64 lower-case hexadecimal characters, as in the OCI image specification. */
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from '../service-errors.js';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** A checked digest. What passed {@link parseDigest} is safe as a file name, too. */
export type Digest = `sha256:${string}`;

export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST.test(value);
}

/** @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` when `value` is no sha256 digest. */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) throw new InvalidArgumentError('digest', value, '"sha256:" and 64 lower-case hex characters');
  return value;
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The part after `sha256:`. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
