/** Where the commands get envelopes from: a file or standard input, holding each envelope after its length. */
import { type FileHandle, open } from 'node:fs/promises';
import { readDelimited } from '../envelope/delimited.js';
import { BusError, EventTooLargeError, MalformedEnvelopeError } from '../errors.js';
import type { Bus } from '../index.js';
import { fileReason, InputError, isSystemError, UsageError } from './command-errors.js';

const CHUNK_BYTES = 256 * 1024;

/** How far the reading of an input has come. */
export interface InputPosition {
  readonly envelopes: number;
  readonly bytes: number;
}

export class EnvelopeInput {
  /** A path, or `standard input`; in messages. */
  readonly name: string;
  /** Undefined where the end cannot be known: a pipe, a device. */
  readonly sizeBytes: number | undefined;
  readonly #chunks: AsyncIterable<Uint8Array>;
  #envelopes = 0;
  #bytes = 0;

  private constructor(name: string, chunks: AsyncIterable<Uint8Array>, sizeBytes: number | undefined) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.#chunks = chunks;
  }

  /**
   * Opens a file, or standard input for `-` and undefined.
   *
   * @throws {InputError} when there is no such file, or it cannot be read
   * @throws {UsageError} when nothing is named and standard input is a terminal
   */
  static async open(path: string | undefined): Promise<EnvelopeInput> {
    if (path === undefined && process.stdin.isTTY) {
      throw new UsageError('no input', 'Name a file, or pipe length-delimited envelopes to standard input.');
    }
    if (path === undefined || path === '-') return new EnvelopeInput('standard input', process.stdin, undefined);
    const file = await openFile(path);
    const info = await file.stat();
    if (info.isDirectory()) {
      await file.close();
      throw new InputError(path, 'is a folder, not a file');
    }
    const chunks = file.createReadStream({ highWaterMark: CHUNK_BYTES });
    return new EnvelopeInput(path, chunks, info.isFile() ? info.size : undefined);
  }

  get position(): InputPosition {
    return { envelopes: this.#envelopes, bytes: this.#bytes };
  }

  /**
   * Forwards every envelope to a bus, at the pace of its slowest subscriber.
   *
   * @param signal ends the reading; its reason is thrown
   * @param onEnvelope is given each envelope, a view of what was read
   * @throws {InputError} with the number of the envelope, counted from 1, that cannot be read or forwarded
   */
  async forwardTo(bus: Bus, signal: AbortSignal, onEnvelope?: (envelope: Uint8Array) => void): Promise<void> {
    try {
      for await (const envelope of readDelimited(this.#countedChunks())) {
        signal.throwIfAborted();
        this.#envelopes++;
        onEnvelope?.(envelope);
        if (!this.#forward(bus, envelope)) await bus.writable();
      }
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async *#countedChunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#chunks) {
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  #forward(bus: Bus, envelope: Uint8Array): boolean {
    try {
      return bus.forward(envelope);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      const reason =
        error instanceof EventTooLargeError
          ? `needs ${error.sizeBytes} bytes, more than the ${error.maxBytes} that an event may take`
          : error.message;
      throw new InputError(this.name, `envelope ${this.#envelopes}: ${reason}`, { cause: error });
    }
  }

  /** What readDelimited or the stream threw, in terms of the input. */
  #explain(error: unknown): unknown {
    if (error instanceof MalformedEnvelopeError) {
      const place = `envelope ${this.#envelopes + 1}, at byte ${error.offset} of the input`;
      return new InputError(this.name, `${place}: ${error.reason}`, { cause: error });
    }
    if (isSystemError(error)) return new InputError(this.name, error.message, { cause: error });
    return error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new InputError(path, fileReason(error), { cause: error });
  }
}
