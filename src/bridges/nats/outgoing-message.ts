/** A message on its way out: one envelope, or a bundle of them, each after its length as a varint. */
import { varint } from '../wire-fields.js';
import { IdentityWriter } from './identities.js';

export class OutgoingMessage {
  readonly identities = new IdentityWriter();
  readonly #parts: Uint8Array[] = [];
  /** The sequence on its own bus of the first event. */
  firstSequence = -1;
  count = 0;
  sizeBytes = 0;
  /** Events that were lost before the first one. */
  lagged = 0;

  add(envelope: Uint8Array, path: string, sequence: number, ownSequence: number, lagged: number): void {
    if (this.count === 0) this.firstSequence = ownSequence;
    const length = varint(envelope.length);
    this.#parts.push(length, envelope);
    this.identities.add(path, sequence);
    this.count++;
    this.lagged += lagged;
    this.sizeBytes += length.length + envelope.length;
  }

  /** All envelopes, each after its length. */
  bundle(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** The one envelope. */
  single(): Uint8Array {
    return this.#parts[1]!;
  }
}
