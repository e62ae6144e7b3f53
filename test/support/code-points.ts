/** Any character, for random texts: `fc.string({ unit: codePoint })`. */
import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

/**
 * What fast-check's own unit `'binary'` generates, without what that costs each process that names it: a table of all the 1.1
 * million, which takes seconds.
 */
export const codePoint: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - SURROGATES.count })
  .map(characterOf, indexOf);

function characterOf(index: number): string {
  return String.fromCodePoint(index < SURROGATES.first ? index : index + SURROGATES.count);
}

function indexOf(character: unknown): number {
  const code = typeof character === 'string' ? character.codePointAt(0) : undefined;
  const index = code === undefined || code < SURROGATES.first ? code : code - SURROGATES.count;
  if (index === undefined || index < 0 || characterOf(index) !== character) throw new Error('not a character');
  return index;
}
