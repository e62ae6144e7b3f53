/** Where the commands get envelopes from: a file or standard input, holding each envelope after its length. */
import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { countDelimited, readRuns } from '../envelope/delimited.js';
import { BusError, EventTooLargeError, MalformedEnvelopeError } from '../errors.js';
import type { Bus } from '../index.js';
import { fileReason, InputError, isSystemError, UsageError } from './command-errors.js';

const FOLDER = 'is a folder, not a file';
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
    if (path === undefined || path === '-') {
      checkStandardInput();
      return new EnvelopeInput('standard input', process.stdin, undefined);
    }
    const file = await openFile(path);
    const info = await file.stat();
    if (info.isDirectory()) {
      await file.close();
      throw new InputError(path, FOLDER);
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
   * @param onRun is given what was forwarded: envelopes with their lengths, a view of what was read
   * @throws {InputError} with the number of the envelope, counted from 1, that cannot be read or forwarded
   */
  async forwardTo(bus: Bus, signal: AbortSignal, onRun?: (run: Uint8Array) => void): Promise<void> {
    try {
      for await (const { bytes, messages } of readRuns(this.#countedChunks())) {
        await this.#forward(bus, bytes, signal);
        this.#envelopes += messages;
        onRun?.(bytes);
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

  async #forward(bus: Bus, run: Buffer, signal: AbortSignal): Promise<void> {
    let consumed = 0;
    try {
      await forwardWhole(bus, run, (bytes) => {
        consumed += bytes;
        signal.throwIfAborted();
      });
    } catch (error) {
      if (!(error instanceof BusError) || error.consumedBytes === undefined) throw error;
      const reason =
        error instanceof EventTooLargeError
          ? `needs ${error.sizeBytes} bytes, more than the ${error.maxBytes} that an event may take`
          : error.message;
      const number = this.#envelopes + countDelimited(run.subarray(0, consumed + error.consumedBytes)) + 1;
      throw new InputError(this.name, `envelope ${number}: ${reason}`, { cause: error });
    }
  }

  /** What readRuns or the stream threw, in terms of the input. */
  #explain(error: unknown): unknown {
    if (error instanceof MalformedEnvelopeError) {
      const place = `envelope ${this.#envelopes + 1}, at byte ${error.offset} of the input`;
      return new InputError(this.name, `${place}: ${error.reason}`, { cause: error });
    }
    if (isSystemError(error)) return new InputError(this.name, error.message, { cause: error });
    return error;
  }
}

/**
 * Forwards a run of whole envelopes, at the pace of the slowest subscriber.
 *
 * @param onForwarded told of each step, in bytes
 */
export async function forwardWhole(bus: Bus, run: Uint8Array, onForwarded: (bytes: number) => void): Promise<void> {
  for (let rest = run; rest.length > 0; ) {
    const forwarded = bus.forwardAll(rest);
    onForwarded(forwarded);
    rest = rest.subarray(forwarded);
    if (rest.length > 0) await bus.writable();
  }
}

/** Node takes a folder there for an empty file. */
export function checkStandardInput(): void {
  if (fstatSync(0).isDirectory()) throw new InputError('standard input', FOLDER);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new InputError(path, fileReason(error), { cause: error });
  }
}
