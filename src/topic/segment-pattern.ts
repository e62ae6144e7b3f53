/**
 * The pattern of one topic segment, with braces already expanded: a run of atoms, each a set of characters or a star.
 *
 * A star takes any number of characters, an atom exactly one. Matching is the two-pointer wildcard walk that remembers
 * only the last star, so it costs at most (characters x atoms) and never backtracks further.
 */
import { ALPHANUMERICS, MAX_IDENTIFIER_LENGTH, SEPARATORS } from './topic.js';

/** An atom that takes any run of characters, also none. Every other atom is the set of characters it may take. */
export const STAR = '*';
/** Every character a topic segment can hold. */
export const ANY_CHARACTER = [...ALPHANUMERICS, ...SEPARATORS].sort().join('');

const MISPLACED_SEPARATOR = 'in a segment ".", "_" and "-" stand singly between letters or digits';
const STAR_CODE = -1;
const ANY_CODE = -2;
const FIRST_SET_CODE = -3;

export class SegmentPattern {
  /** Equal for equal patterns. */
  readonly key: string;
  /** The one segment it matches, when there is only one. */
  readonly literal: string | undefined;
  /** Whether it matches every segment (`*`). */
  readonly matchesAll: boolean;
  /** What every match starts with; may be empty. */
  readonly prefix: string;
  /** What every match ends with; may be empty. */
  readonly suffix: string;
  // One code per atom: a character, or STAR_CODE, ANY_CODE, or FIRST_SET_CODE minus the index of a set in #sets.
  readonly #codes: readonly number[];
  readonly #sets: readonly Uint8Array[];

  constructor(atoms: readonly string[]) {
    const run = atoms.filter((atom, index) => atom !== STAR || atoms[index - 1] !== STAR);
    const sets: Uint8Array[] = [];
    this.key = run.map(atomKey).join('');
    this.matchesAll = run.length === 1 && run[0] === STAR;
    this.prefix = run.slice(0, firstWildcard(run)).join('');
    this.literal = this.prefix.length === run.length ? this.prefix : undefined;
    const reversed = run.toReversed();
    this.suffix = reversed.slice(0, firstWildcard(reversed)).reverse().join('');
    this.#codes = run.map((atom) => {
      if (atom === STAR) return STAR_CODE;
      if (atom === ANY_CHARACTER) return ANY_CODE;
      if (atom.length === 1) return atom.charCodeAt(0);
      return FIRST_SET_CODE + 1 - sets.push(characterTable(atom));
    });
    this.#sets = sets;
  }

  /** Whether a valid segment matches. */
  matches(segment: string): boolean {
    if (this.literal !== undefined) return segment === this.literal;
    const codes = this.#codes;
    let at = 0;
    let atom = 0;
    let starAtom = -1;
    let starEnd = 0;
    while (at < segment.length) {
      if (codes[atom] === STAR_CODE) {
        starAtom = atom++;
        starEnd = at;
        if (atom === codes.length) return true;
      } else if (atom < codes.length && this.#takes(codes[atom]!, segment.charCodeAt(at))) {
        atom++;
        at++;
      } else if (starAtom >= 0) {
        // The last star takes one character more. An earlier star never has to: what stands between them is already met
        // at its leftmost place.
        atom = starAtom + 1;
        at = ++starEnd;
      } else {
        return false;
      }
    }
    while (codes[atom] === STAR_CODE) atom++;
    return atom === codes.length;
  }

  #takes(code: number, character: number): boolean {
    if (code >= 0) return code === character;
    return code === ANY_CODE || this.#sets[FIRST_SET_CODE - code]![character] === 1;
  }
}

/** Why no identifier can match the atoms, and the atom at fault; undefined when one can. */
export function identifierFault(atoms: readonly string[]): { reason: string; atom: number } | undefined {
  if (atoms.length === 0) return { reason: 'empty segment; no topic has "//" or ends with "/"', atom: 0 };
  // What the identifier grammar can want next: bit 0 an alphanumeric (at the start, after a separator), bit 1 anything,
  // or the end.
  let wants = 0b01;
  let minLength = 0;
  for (const [index, atom] of atoms.entries()) {
    if (atom === STAR) {
      wants = 0b11;
      continue;
    }
    const takesAlphanumeric = [...atom].some((character) => ALPHANUMERICS.includes(character));
    const takesSeparator = [...atom].some((character) => SEPARATORS.includes(character));
    wants = (takesAlphanumeric ? 0b10 : 0) | (takesSeparator && (wants & 0b10) !== 0 ? 0b01 : 0);
    if (wants === 0) return { reason: MISPLACED_SEPARATOR, atom: index };
    if (++minLength > MAX_IDENTIFIER_LENGTH) {
      return { reason: `a segment has at most ${MAX_IDENTIFIER_LENGTH} characters`, atom: index };
    }
  }
  return (wants & 0b10) !== 0 ? undefined : { reason: MISPLACED_SEPARATOR, atom: atoms.length - 1 };
}

function firstWildcard(atoms: readonly string[]): number {
  const index = atoms.findIndex((atom) => atom === STAR || atom.length > 1);
  return index < 0 ? atoms.length : index;
}

function atomKey(atom: string): string {
  if (atom === STAR || atom.length === 1) return atom;
  return atom === ANY_CHARACTER ? '?' : `[${atom}]`;
}

function characterTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
