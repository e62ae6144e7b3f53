/** Streams of messages, each after its length as a varint: what protobuf libraries call length-delimited. */

import { MalformedEnvelopeError } from '../errors.js';
import { cursor } from './wire/wire-reader.js';

/** Larger messages are refused: no record of a ring holds them, and a damaged length would make the reader wait for ever. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

/** Whole messages, one after another, each after its length. */
export interface DelimitedRun {
  /** A view of a chunk or, where its first message spans chunks, a copy. */
  readonly bytes: Buffer;
  readonly messages: number;
  /** Of `bytes[0]` from the start of the stream. */
  readonly offset: number;
}

/**
 * Takes a stream of bytes apart into runs of whole messages: as many as have come.
 *
 * Shapes: chunks may end anywhere.
 * Waits: for the source. Holds: one message and the chunk that it ends in.
 *
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when a length is no varint or too large, or the stream ends inside
 * a message; its offset counts from the start of the stream. The run before it comes first
 */
export async function* readRuns(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<DelimitedRun, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  // Of `held[0]` in the stream.
  let offset = 0;
  for await (const chunk of source) {
    const arrived = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    held = held.length === 0 ? arrived : Buffer.concat([held, arrived]);
    const { end, messages, fault } = wholeMessages(held, offset);
    if (messages > 0) yield { bytes: held.subarray(0, end), messages, offset };
    if (fault !== undefined) throw fault;
    offset += end;
    held = held.subarray(end);
  }
  if (held.length > 0) throw new MalformedEnvelopeError('the stream ends inside an envelope', offset + held.length);
}

/** Takes a stream of bytes apart into its messages, in order, as {@link readRuns} does. Each is a view of its run. */
export async function* readDelimited(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { bytes } of readRuns(source)) {
    for (let position = 0; position < bytes.length; ) {
      const end = delimitedEnd(bytes, position, bytes.length);
      yield bytes.subarray(cursor.position, end);
      position = end;
    }
  }
}

/** How many messages are in a run of whole ones. */
export function countDelimited(run: Uint8Array): number {
  let messages = 0;
  for (let position = 0; position < run.length; messages++) position = delimitedEnd(run, position, run.length);
  return messages;
}

/** The whole messages at the start of what has come, up to one that is damaged. */
function wholeMessages(
  held: Buffer,
  offset: number,
): { end: number; messages: number; fault?: MalformedEnvelopeError } {
  let end = 0;
  let messages = 0;
  try {
    for (let next = delimitedEnd(held, 0, held.length); next >= 0; next = delimitedEnd(held, end, held.length)) {
      end = next;
      messages++;
    }
  } catch (error) {
    if (!(error instanceof MalformedEnvelopeError)) throw error;
    return { end, messages, fault: new MalformedEnvelopeError(error.reason, offset + error.offset) };
  }
  return { end, messages };
}

/**
 * Where the message ends whose length is at `position`; it starts at the cursor. -1 while some of it is still to come.
 *
 * @param end of the bytes that have come
 * @throws {MalformedEnvelopeError} `BUS_MALFORMED_ENVELOPE` when the length is no varint, or too large
 */
export function delimitedEnd(source: Uint8Array, position: number, end: number): number {
  let size = 0;
  // No shift: a fifth byte would overflow 32 bits.
  let scale = 1;
  for (let index = 0; position + index < end; index++) {
    const byte = source[position + index]!;
    size += (byte & 127) * scale;
    scale *= 128;
    if (size > MAX_MESSAGE_BYTES || index > 4) {
      throw new MalformedEnvelopeError(`a length is more than ${MAX_MESSAGE_BYTES} bytes`, position);
    }
    if (byte < 128) {
      const start = position + index + 1;
      cursor.position = start;
      return start + size <= end ? start + size : -1;
    }
  }
  return -1;
}
