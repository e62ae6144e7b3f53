/** One line of progress on a terminal, nothing anywhere else. */
import { monotonicMs } from '../host/timing.js';

const REDRAW_INTERVAL_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

export class ImportProgress {
  readonly #stream: NodeJS.WriteStream;
  readonly #name: string;
  readonly #totalBytes: number | undefined;
  #bytes = 0;
  #drawnAt = 0;

  /** @param totalBytes undefined where it is not known */
  constructor(stream: NodeJS.WriteStream, name: string, totalBytes: number | undefined) {
    this.#stream = stream;
    this.#name = name;
    this.#totalBytes = totalBytes;
  }

  /** The same bytes, counted as they pass. */
  async *count<T extends Uint8Array>(source: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const chunk of source) {
      this.add(chunk.byteLength);
      yield chunk;
    }
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = monotonicMs();
    if (!this.#stream.isTTY || now - this.#drawnAt < REDRAW_INTERVAL_MS) return;
    this.#drawnAt = now;
    const total = this.#totalBytes === undefined ? '' : ` of ${megabytes(this.#totalBytes)}`;
    this.#stream.write(`${CLEAR_LINE}importing ${this.#name}: ${megabytes(this.#bytes)}${total}`);
  }

  end(): void {
    if (this.#drawnAt > 0) this.#stream.write(CLEAR_LINE);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
