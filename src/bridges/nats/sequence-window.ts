/** Which sequences of one bus were seen: exactly for the last million of them, in 128 KiB. */

const SEQUENCES = 2 ** 20;
const WORD_BITS = 32;

export class SequenceWindow {
  readonly #bits = new Uint32Array(SEQUENCES / WORD_BITS);
  #highest = -1;

  /** Returns whether a sequence is new, as far as is known: of one that is a million behind, that is not known. */
  add(sequence: number): boolean {
    if (sequence > this.#highest) {
      this.#clear(sequence);
      this.#highest = sequence;
    } else if (sequence <= this.#highest - SEQUENCES) return true;
    const at = sequence % SEQUENCES;
    const word = Math.floor(at / WORD_BITS);
    const bit = 1 << (at % WORD_BITS);
    if ((this.#bits[word]! & bit) !== 0) return false;
    this.#bits[word]! |= bit;
    return true;
  }

  /** What lies between the highest sequence so far and the next one was not seen. */
  #clear(next: number): void {
    if (next - this.#highest >= SEQUENCES) {
      this.#bits.fill(0);
      return;
    }
    for (let sequence = this.#highest + 1; sequence <= next; sequence++) {
      const at = sequence % SEQUENCES;
      this.#bits[Math.floor(at / WORD_BITS)]! &= ~(1 << (at % WORD_BITS));
    }
  }
}
