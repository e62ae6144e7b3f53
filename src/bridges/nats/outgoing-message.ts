/** A message on its way out: one envelope, or a bundle of them, each after its length as a varint. */
import { IdentityWriter } from './identities.js';

/** Of the length of an envelope. */
export const MAX_LENGTH_BYTES = 5;

export class OutgoingMessage {
  readonly identities = new IdentityWriter();
  #bytes: Buffer = Buffer.alloc(0);
  #firstStart = 0;
  /** The sequence on its own bus of the first event. */
  firstSequence = -1;
  count = 0;
  sizeBytes = 0;
  /** Events that were lost before the first one. */
  lagged = 0;

  add(envelope: Uint8Array, path: string, sequence: number, ownSequence: number, lagged: number): void {
    const bytes = this.#withRoom(envelope.length + MAX_LENGTH_BYTES);
    let at = this.sizeBytes;
    let length = envelope.length;
    for (; length > 127; length >>>= 7) bytes[at++] = (length & 127) | 128;
    bytes[at++] = length;
    bytes.set(envelope, at);
    if (this.count === 0) {
      this.firstSequence = ownSequence;
      this.#firstStart = at;
    }
    this.sizeBytes = at + envelope.length;
    this.identities.add(path, sequence);
    this.count++;
    this.lagged += lagged;
  }

  /** All envelopes, each after its length. */
  bundle(): Buffer {
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  /** The one envelope. */
  single(): Buffer {
    return this.#bytes.subarray(this.#firstStart, this.sizeBytes);
  }

  #withRoom(size: number): Buffer {
    const needed = this.sizeBytes + size;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.count === 0 ? needed : 2 * needed);
      this.#bytes.copy(larger, 0, 0, this.sizeBytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}
