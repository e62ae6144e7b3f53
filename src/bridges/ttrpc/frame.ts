/**
 * The frames of ttrpc: every message on a connection, in both directions.
 *
 *      0        4           8      9       10
 *     +--------+-----------+------+-------+---------------------+
 *     | length | stream id | type | flags | length bytes of data |
 *     +--------+-----------+------+-------+---------------------+
 *
 * Numbers are big endian. A call is a stream with an odd id, used once, larger than those before it.
 */

export const HEADER_BYTES = 4 + 4 + 1 + 1;
/** Of the data of a frame. What announces more is passed over. */
export const MAX_DATA_BYTES = 4 * 1024 * 1024;
/** What announces more than this is no ttrpc at all. */
const MAX_SKIPPED_BYTES = 64 * 1024 * 1024;

export const REQUEST = 1;
export const RESPONSE = 2;
export const DATA = 3;

/** The sender sends nothing more on this stream. */
export const REMOTE_CLOSED = 1;
/** A data frame that only carries flags. */
export const NO_DATA = 4;

export interface Frame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  /** Undefined: there was more of it than a frame may hold, and it was passed over. */
  readonly data: Buffer | undefined;
}

export function encodeFrame(streamId: number, type: number, flags: number, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + data.length);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(streamId, 4);
  frame[8] = type;
  frame[9] = flags;
  frame.set(data, HEADER_BYTES);
  return frame;
}

/**
 * Takes the bytes of a connection apart, wherever they are cut.
 *
 * Holds: what was pushed and is not taken yet. Each frame's data is a copy of its own.
 */
export class FrameReader {
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  #skip = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
  }

  /**
   * The next frame; undefined while some of it is still to come.
   *
   * @throws {RangeError} when the bytes are no frames: nothing behind them can be understood
   */
  next(): Frame | undefined {
    this.#dropSkipped();
    if (this.#heldBytes < HEADER_BYTES) return undefined;
    const header = this.#peek(HEADER_BYTES);
    const length = header.readUInt32BE(0);
    const streamId = header.readUInt32BE(4);
    const type = header[8]!;
    const flags = header[9]!;
    if (length > MAX_SKIPPED_BYTES) throw new RangeError(`a frame announces ${length} bytes`);
    if (length > MAX_DATA_BYTES) {
      this.#skip = HEADER_BYTES + length;
      this.#dropSkipped();
      return { streamId, type, flags, data: undefined };
    }
    const size = HEADER_BYTES + length;
    if (this.#heldBytes < size) return undefined;
    const data = Buffer.from(this.#peek(size).subarray(HEADER_BYTES, size));
    this.#drop(size);
    return { streamId, type, flags, data };
  }

  #dropSkipped(): void {
    const size = Math.min(this.#skip, this.#heldBytes);
    this.#skip -= size;
    this.#drop(size);
  }

  /** At least the first `size` bytes, in one piece. They are joined once for each frame, and not once a chunk. */
  #peek(size: number): Buffer {
    if (this.#chunks[0]!.length >= size) return this.#chunks[0]!;
    let count = 0;
    for (let bytes = 0; bytes < size; count++) bytes += this.#chunks[count]!.length;
    const joined = Buffer.concat(this.#chunks.splice(0, count));
    this.#chunks.unshift(joined);
    return joined;
  }

  #drop(size: number): void {
    this.#heldBytes -= size;
    let rest = size;
    while (rest > 0) {
      const first = this.#chunks[0]!;
      if (first.length > rest) {
        this.#chunks[0] = first.subarray(rest);
        return;
      }
      rest -= first.length;
      this.#chunks.shift();
    }
  }
}
