/**
 * Recognises gzip and zstd by their first bytes and decompresses them; anything else passes through. Media types are
 * not asked: archives in the wild carry wrong ones, and the digests decide in the end.
 */
import { pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { checkBytes } from '../argument-check.js';
import { MalformedInputError, ServiceError, UnsupportedError } from '../service-errors.js';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const MAGIC_BYTES = 4;

/** In Node 22.15 and later; the types of Node 20 do not have it. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream };

/**
 * The bytes of `source`, decompressed once.
 *
 * @param name what errors call the source
 * @throws {MalformedInputError} `SERVICE_MALFORMED_INPUT` for damaged or truncated data, and for compressed data inside compressed data
 * @throws {InvalidArgumentError} `SERVICE_INVALID_ARGUMENT` for chunks that are no bytes
 * @throws {UnsupportedError} `SERVICE_UNSUPPORTED` for zstd where this Node version has none
 */
export async function* decompress(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Buffer> {
  const chunks = withWholeMagic(source);
  try {
    const first = await chunks.next();
    if (first.done) return;
    const decompressor = decompressorFor(first.value);
    const whole = prepend(first.value, chunks);
    yield* decompressor ? decompressedBy(decompressor, whole, name) : whole;
  } finally {
    await chunks.return(undefined);
  }
}

async function* decompressedBy(
  decompressor: NodeJS.ReadWriteStream,
  source: AsyncIterable<Buffer>,
  name: string,
): AsyncGenerator<Buffer> {
  // pipeline carries errors and an early return both ways; the callback is there because it must be.
  pipeline(source, decompressor, () => {});
  try {
    let isFirst = true;
    for await (const chunk of withWholeMagic(decompressor as AsyncIterable<Buffer>)) {
      // The tar parser would decompress a second time, out of sight of the limits.
      if (isFirst && isCompressed(chunk)) throw new MalformedInputError(name, 'is compressed twice');
      isFirst = false;
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ServiceError || !isZlibError(error)) throw error;
    throw new MalformedInputError(name, `does not decompress: ${error.message}`, { cause: error });
  }
}

function isCompressed(chunk: Buffer): boolean {
  return startsWith(chunk, GZIP_MAGIC) || startsWith(chunk, ZSTD_MAGIC);
}

function decompressorFor(chunk: Buffer): NodeJS.ReadWriteStream | undefined {
  if (startsWith(chunk, GZIP_MAGIC)) return zlib.createGunzip();
  if (!startsWith(chunk, ZSTD_MAGIC)) return undefined;
  if (!createZstdDecompress) {
    throw new UnsupportedError('zstd', 'use Node 22.15 or later, or an image with gzip layers');
  }
  return createZstdDecompress();
}

function startsWith(chunk: Buffer, magic: Buffer): boolean {
  return chunk.subarray(0, magic.length).equals(magic);
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && /^(Z|ZSTD|ERR_ZSTD|ERR_ZLIB)_/.test((error as NodeJS.ErrnoException).code ?? '');
}

/** The same bytes, the first chunk long enough to hold the magic number, unless there are no more. */
async function* withWholeMagic(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    checkBytes('chunk', chunk);
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!start) {
      yield bytes;
      continue;
    }
    start = Buffer.concat([start, bytes]);
    if (start.length < MAGIC_BYTES) continue;
    yield start;
    start = undefined;
  }
  if (start && start.length > 0) yield start;
}

async function* prepend(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
