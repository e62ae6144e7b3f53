/** Sends stretches of events, and holds that every reader has got each of them with the right checksum. */
import { VerificationError } from './results.js';
import type { Transport } from './transports.js';

export class VerifiedSending {
  readonly #transport: Transport;
  readonly #fault: (message: string) => VerificationError;
  /** What a reader's checksum grows by with each event that takes its turn. */
  readonly #weights: Int32Array;
  #sent = 0;
  #checksum = 0;

  /** @param weigh what a reader's checksum grows by; the same again after `cycle` events, a power of two */
  constructor(
    benchCase: string,
    subject: string,
    transport: Transport,
    weigh: (index: number) => number,
    cycle: number,
  ) {
    this.#transport = transport;
    this.#fault = (message) => new VerificationError(benchCase, subject, message);
    this.#weights = Int32Array.from({ length: cycle }, (_, index) => weigh(index));
  }

  /** Sends the next events. Resolves to the ms until all readers have received them. */
  async send(count: number): Promise<number> {
    const { tally } = this.#transport;
    const end = this.#sent + count;
    tally.expect(end);
    const startMs = performance.now();
    await this.#transport.send(this.#sent, count);
    await tally.complete().catch((error: Error) => {
      throw this.#fault(`${error.message} of ${end} sent`);
    });
    const elapsedMs = performance.now() - startMs;
    const cycle = this.#weights.length;
    for (; this.#sent < end; this.#sent++) {
      this.#checksum = (this.#checksum + this.#weights[this.#sent & (cycle - 1)]!) | 0;
    }
    for (const found of tally.checksums()) {
      if (found === this.#checksum) continue;
      throw this.#fault(`the checksum of ${end} events is ${found}, not ${this.#checksum}`);
    }
    return elapsedMs;
  }
}
