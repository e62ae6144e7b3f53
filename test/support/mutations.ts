/** Damaged bytes, as a seed says. */
import type { Dice } from '../torture/payload.js';

/** Lengths and numbers that decoders trip over: 2^31, 2^32 - 1, 2^63, and one that never ends. */
const VARINTS = ['8080808008', 'ffffffff0f', '80808080808080808001', 'ffffffffffffffffffffff'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** A copy of `bytes` with one to four things wrong. */
export function mutate(bytes: Uint8Array, dice: Dice): Buffer {
  let mutant: Buffer = Buffer.from(bytes);
  for (let left = 1 + dice.roll(4); left > 0; left--) mutant = damage(mutant, dice);
  return mutant;
}

function damage(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.roll(bytes.length + 1);
  switch (dice.roll(6)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << dice.roll(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = dice.roll(256);
      return bytes;
    case 2:
      return Buffer.from(bytes.subarray(0, at));
    case 3:
      return Buffer.concat([bytes.subarray(0, at), VARINTS[dice.roll(VARINTS.length)]!, bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + dice.roll(4)))]);
    default:
      // A piece of it once more: fields that come twice, messages inside messages.
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(dice.roll(at + 1), at), bytes.subarray(at)]);
  }
}
