/** Payloads that say what they must be: length and every word follow from the sequence, so that a torn one shows. */

const MIN_WORDS = 2;
const MAX_SMALL_WORDS = 64;
/** Near the largest record of a 64 KiB ring. */
const MAX_LARGE_WORDS = 1_980;
const LARGE_ONE_IN = 40;

/** A 32-bit hash of two numbers. */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

function wordsOf(sequence: number, seed: number): number {
  const dice = mix(sequence, seed);
  const most = dice % LARGE_ONE_IN === 0 ? MAX_LARGE_WORDS : MAX_SMALL_WORDS;
  return MIN_WORDS + (mix(dice, seed) % (most - MIN_WORDS));
}

export function payloadOf(sequence: number, seed: number): Buffer {
  const words = wordsOf(sequence, seed);
  const bytes = Buffer.allocUnsafe(words * 4);
  bytes.writeUInt32LE(sequence, 0);
  for (let i = 1; i < words; i++) bytes.writeUInt32LE(mix(sequence, seed + i), i * 4);
  return bytes;
}

/** Whether a payload is, to the last byte, the one of that sequence. */
export function isWhole(payload: Uint8Array, sequence: number, seed: number): boolean {
  const words = wordsOf(sequence, seed);
  if (payload.length !== words * 4) return false;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.getUint32(0, true) !== sequence) return false;
  for (let i = 1; i < words; i++) if (view.getUint32(i * 4, true) !== mix(sequence, seed + i)) return false;
  return true;
}

/** A source of random numbers that a seed repeats. */
export class Dice {
  #state: number;
  readonly #seed: number;

  constructor(seed: number) {
    this.#state = 0;
    this.#seed = seed;
  }

  /** An integer from 0 to `sides - 1`. */
  roll(sides: number): number {
    return mix(this.#state++, this.#seed) % sides;
  }
}
