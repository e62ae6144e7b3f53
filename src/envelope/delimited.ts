/** Streams of messages, each after its length as a varint: what protobuf libraries call length-delimited. */

import { MalformedEnvelopeError } from '../errors.js';

/** Larger messages are refused: no record of a ring holds them, and a damaged length would make the reader wait for ever. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

/**
 * Takes a stream of bytes apart into its messages, in order.
 *
 * Shapes: chunks may end anywhere. Each message is a view of a chunk or, where it spans chunks, a copy.
 * Waits: for the source. Holds: one message.
 *
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when a length is no varint or too large, or the stream ends inside
 * a message; its offset counts from the start of the stream
 */
export async function* readDelimited(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  // Of `held[0]` in the stream.
  let offset = 0;
  for await (const chunk of source) {
    const arrived = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    held = held.length === 0 ? arrived : Buffer.concat([held, arrived]);
    let position = 0;
    for (let next = messageAt(held, 0, offset); next !== undefined; next = messageAt(held, position, offset)) {
      yield held.subarray(next.start, next.end);
      position = next.end;
    }
    offset += position;
    held = held.subarray(position);
  }
  if (held.length > 0) throw new MalformedEnvelopeError('the stream ends inside an envelope', offset + held.length);
}

/** The message whose length is at `position`; undefined while some of it is still to come. */
function messageAt(held: Buffer, position: number, offset: number): { start: number; end: number } | undefined {
  let size = 0;
  for (let index = 0; position + index < held.length; index++) {
    const byte = held[position + index]!;
    // No multiplication by shift: a fifth byte would overflow 32 bits.
    size += (byte & 127) * 2 ** (7 * index);
    if (size > MAX_MESSAGE_BYTES || index > 4) {
      throw new MalformedEnvelopeError(`a length is more than ${MAX_MESSAGE_BYTES} bytes`, offset + position);
    }
    if (byte < 128) {
      const start = position + index + 1;
      return start + size <= held.length ? { start, end: start + size } : undefined;
    }
  }
  return undefined;
}
